//! Roles and permissions that operators add for the whole instance.

use std::collections::BTreeSet;

use resonance_authz::{OperatorGrant, OperatorRecord};
use resonance_domain::{Id, InOrg};
use resonance_services::{NewRole, RegisterPermission, RoleChanges, UpdateRole};
use resonance_testkit::{Instance, Person, on_both, verdict};

use crate::roles::{acme, holder, make, membership, texts};

/// The proof that this person acts as an operator.
pub(crate) fn operator(person: &Person) -> OperatorGrant {
    OperatorGrant::of(OperatorRecord { user: person.user }, "a test")
}

pub(crate) fn new_role(key: &str, permissions: &[&str]) -> NewRole {
    NewRole {
        key: key.to_owned(),
        name: "An instance's role".to_owned(),
        description: String::new(),
        permissions: texts(permissions),
    }
}

/// Registers permissions.
pub(crate) async fn register(instance: &Instance, person: &Person, keys: &[&str]) {
    let request = instance.request_of(person).await;
    for key in keys {
        let input = RegisterPermission {
            key: (*key).to_owned(),
            name: "A permission".to_owned(),
            description: String::new(),
        };
        let registered = request
            .instance_roles()
            .register_permission(&operator(person), input)
            .await;
        registered.unwrap();
    }
}

on_both! {
    async fn a_role_of_the_instance_is_held_in_every_organization_and_changed_by_operators_only(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let olga = instance.sign_up("Olga", "olga@example.org").await;
        let elsewhere = instance.found(&olga, "Elsewhere").await;
        let (request, grant) = (instance.request_of(&olga).await, operator(&olga));
        let roles = request.instance_roles();
        let role = roles.create(&grant, new_role("org:auditor", &["org:sys_audit:read"])).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:auditor").await;
        let cem = holder(&instance, &olga, elsewhere, "Cem", "org:auditor").await;
        let may = async |person: &Person, organization, permission| {
            instance.request_of(person).await.standing(organization).await.unwrap().allows(permission)
        };
        assert!(may(&bob, acme, "org:sys_audit:read").await && may(&cem, elsewhere, "org:sys_audit:read").await);
        // To an organization's admins it is there, but not theirs to change.
        let admin = instance.request_of(&ada).await;
        let listed = admin.roles().list(acme).await.unwrap();
        assert!(listed.iter().any(|listed| listed.custom.as_ref() == Some(&role)));
        let id = InOrg::new(acme, role.id);
        let update = UpdateRole { id, changes: RoleChanges::default() };
        assert_eq!(verdict(&admin.roles().update(update).await), "NOT_FOUND roleId");
        assert_eq!(verdict(&admin.roles().delete(id).await), "NOT_FOUND roleId");

        let changes = RoleChanges { permissions: Some(texts(&["org:usage:read"])), ..RoleChanges::default() };
        roles.update(&grant, role.id, changes).await.unwrap();
        assert!(!may(&bob, acme, "org:sys_audit:read").await && may(&cem, elsewhere, "org:usage:read").await);

        let refused = roles.delete(&grant, role.id).await;
        assert_eq!(verdict(&refused), "ROLE_IN_USE roleId");
        for (person, admin, organization) in [(&bob, &ada, acme), (&cem, &olga, elsewhere)] {
            let member = membership(&instance, person, organization).await;
            let request = instance.request_of(admin).await;
            request.memberships().change_role(member, "org:member").await.unwrap();
        }
        assert_eq!(verdict(&roles.delete(&grant, role.id).await), "OK");
        assert_eq!(verdict(&roles.delete(&grant, role.id).await), "NOT_FOUND roleId");
        let nowhere = Id::from_uuid(instance.fresh_uuid());
        assert_eq!(verdict(&roles.update(&grant, nowhere, RoleChanges::default()).await), "NOT_FOUND roleId");
        let kinds = "events WHERE kind LIKE 'role.%' AND actor_kind = 'operator' AND organization_id IS NULL";
        assert_eq!(instance.sql_count(kinds).await, 3);
    }

    async fn a_key_is_the_instances_or_organizations_but_never_both(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let (request, grant) = (instance.request_of(&ada).await, operator(&ada));
        let roles = request.instance_roles();
        make(&request, acme, "org:clerk", &[]).await.unwrap();
        for key in ["org:clerk", "org:admin", "org:member"] {
            assert_eq!(verdict(&roles.create(&grant, new_role(key, &[])).await), "TAKEN key", "{key}");
        }
        roles.create(&grant, new_role("org:auditor", &[])).await.unwrap();
        assert_eq!(verdict(&make(&request, acme, "org:auditor", &[]).await), "TAKEN key");
        assert_eq!(verdict(&roles.create(&grant, new_role("org:auditor", &[])).await), "TAKEN key");
        assert_eq!(roles.list(&grant).await.unwrap().len(), 1);
    }

    async fn custom_permissions_are_given_by_roles_once_they_are_registered(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let refused = make(&request, acme, "org:accountant", &["org:invoices:create"]).await;
        assert_eq!(verdict(&refused), "INVALID permissions.0");
        assert_eq!(
            verdict(&request.organizations().explain_permission(acme, "org:invoices:create").await),
            "INVALID permission"
        );
        register(&instance, &ada, &["org:invoices:create", "org:invoices:read"]).await;
        let request = instance.request_of(&ada).await;
        make(&request, acme, "org:accountant", &["org:invoices:create", "org:usage:read"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:accountant").await;
        let bobs = instance.request_of(&bob).await;
        assert!(bobs.standing(acme).await.unwrap().allows("org:invoices:create"));
        assert_eq!(bobs.roles().own_permissions(acme).await.unwrap(), ["org:usage:read", "org:invoices:create"]);
        let explained = bobs.organizations().explain_permission(acme, "org:invoices:read").await.unwrap();
        assert!(!explained.allowed() && explained.sentence().contains("org:accountant"));
        assert!(bobs.organizations().explain_permission(acme, "org:invoices:create").await.unwrap().allowed());
        // An admin has all of them, without a line anywhere.
        let own = request.roles().own_permissions(acme).await.unwrap();
        assert!(own.ends_with(&texts(&["org:invoices:create", "org:invoices:read"])), "{own:?}");
        // Nobody gives one that they lack.
        make(&request, acme, "org:steward", &["org:sys_roles:manage", "org:invoices:read"]).await.unwrap();
        let cem = holder(&instance, &ada, acme, "Cem", "org:steward").await;
        let cems = instance.request_of(&cem).await;
        let beyond = make(&cems, acme, "org:x", &["org:invoices:create"]).await;
        assert_eq!(verdict(&beyond), "ROLE_EXCEEDS_OWN permissions");
        assert_eq!(verdict(&make(&cems, acme, "org:x", &["org:invoices:read"]).await), "OK");
    }

    async fn what_is_no_custom_permission_is_not_registered(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let (request, grant) = (instance.request_of(&ada).await, operator(&ada));
        for key in ["org:sys_invoices:read", "org:voices:create", "org:voices", "invoices:read", "org:A:b"] {
            let input = RegisterPermission { key: key.into(), name: String::new(), description: String::new() };
            let outcome = request.instance_roles().register_permission(&grant, input).await;
            assert_eq!(verdict(&outcome), "INVALID key, TOO_SHORT name", "{key}");
        }
        // As many kinds of action as a JWT can state: the product's four, and 49 more.
        let keys: Vec<String> = (0..49).map(|nth| format!("org:invoices:act{nth}")).collect();
        register(&instance, &ada, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let one_more = |key: &str| RegisterPermission { key: key.into(), name: "X".into(), description: String::new() };
        let roles = request.instance_roles();
        assert_eq!(verdict(&roles.register_permission(&grant, one_more("org:invoices:bend")).await), "INVALID key");
        assert_eq!(verdict(&roles.register_permission(&grant, one_more("org:taxes:act7")).await), "OK");
        // Again is another name for it.
        assert_eq!(verdict(&roles.register_permission(&grant, one_more("org:invoices:act0")).await), "OK");
        let names: BTreeSet<_> = roles.permissions(&grant).await.unwrap().into_iter().map(|known| known.name).collect();
        assert_eq!(names.len(), 2);
    }

    async fn a_permission_that_is_removed_vanishes_from_all_roles(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let (request, grant) = (instance.request_of(&ada).await, operator(&ada));
        // `_` matches anything in patterns.
        register(&instance, &ada, &["org:in_voices:read", "org:invoices:read", "org:in-voices:read"]).await;
        let all = ["org:in_voices:read", "org:in-voices:read", "org:usage:read"];
        make(&request, acme, "org:accountant", &all).await.unwrap();
        make(&request, acme, "org:neighbour", &["org:in-voices:read"]).await.unwrap();
        let given = request.instance_roles().create(&grant, new_role("org:auditor", &["org:in_voices:read"])).await;
        given.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:accountant").await;
        let bobs = instance.request_of(&bob).await.standing(acme).await.unwrap();
        assert!(bobs.allows("org:in_voices:read"));
        request.instance_roles().remove_permission(&grant, "org:in_voices:read").await.unwrap();
        let bobs = instance.request_of(&bob).await.standing(acme).await.unwrap();
        assert!(!bobs.allows("org:in_voices:read"));
        assert!(bobs.allows("org:in-voices:read") && bobs.allows("org:usage:read"));
        let stored = instance.sql_texts("SELECT permissions FROM roles ORDER BY key").await;
        assert_eq!(stored, ["org:usage:read org:in-voices:read", "org:in-voices:read"]);
        assert_eq!(instance.sql_texts("SELECT permissions FROM instance_roles").await, [""]);
        let again = request.instance_roles().remove_permission(&grant, "org:in_voices:read").await;
        assert_eq!(verdict(&again), "NOT_FOUND key");
        // Registered anew, it is nobody's.
        register(&instance, &ada, &["org:in_voices:read"]).await;
        assert!(!instance.request_of(&bob).await.standing(acme).await.unwrap().allows("org:in_voices:read"));
    }

    async fn a_role_of_the_instance_named_by_a_pending_invitation_is_not_deleted(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let (request, grant) = (instance.request_of(&ada).await, operator(&ada));
        let roles = request.instance_roles();
        let role = roles.create(&grant, new_role("org:auditor", &[])).await.unwrap();
        let input = resonance_services::InviteMembers {
            organization: Some(acme),
            emails: texts(&["eve@example.org"]),
            role: "org:auditor".into(),
            expires_in_days: None,
        };
        let invited = request.invitations().invite(input).await.unwrap();
        assert_eq!(verdict(&roles.delete(&grant, role.id).await), "ROLE_IN_USE roleId");
        let id = InOrg::new(acme, invited[0].result.as_ref().unwrap().id);
        request.invitations().revoke(id).await.unwrap();
        assert_eq!(verdict(&roles.delete(&grant, role.id).await), "OK");
    }
}
