//! The instance's settings, and the limits that follow from them.

use resonance_domain::{EnrolmentMode, EventKind, InOrg};
use resonance_services::{
    AddDomain, AuditLog, CreateOrganization, NewRole, RegisterPermission, UpdateInstance,
};
use resonance_testkit::{Instance, on_both, verdict};

use super::{log, operator};

fn named(name: &str) -> CreateOrganization {
    CreateOrganization {
        name: name.into(),
        ..CreateOrganization::default()
    }
}

on_both! {
    async fn defaults_are_copied_when_an_organization_is_created_and_change_no_existing_one(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let old = instance.found(&ada, "Old").await;
        let request = instance.request_of(&olga).await;
        let change = UpdateInstance {
            member_limit: Some(Some(2)),
            organizations_deletable: Some(Some(false)),
            reason: "pilot".into(),
            ..UpdateInstance::default()
        };
        let settings = request.operators().update_settings(change).await.unwrap();
        assert_eq!((settings.member_limit, settings.organizations_deletable, settings.organizations_per_user), (2, false, 100));
        // Another node knows at once.
        let node = instance.another_node().await;
        let adas = node.authenticate(&ada.token, resonance_domain::Origin::default(), None).await.unwrap();
        let new = adas.organizations().create(named("New")).await.unwrap().organization;
        assert_eq!((new.member_limit, new.deletable), (2, false));
        let old = adas.organizations().get(old).await.unwrap().unwrap().organization;
        assert_eq!((old.member_limit, old.deletable), (5, true));
        assert_eq!(verdict(&adas.organizations().delete(Some(new.id)).await), "NOT_DELETABLE");
        let event = log(&request, AuditLog::Instance).await.into_iter().find(|event| event.kind == EventKind::InstanceUpdated);
        let payload = event.unwrap().payload;
        assert_eq!(payload["changes"]["memberLimit"], serde_json::json!({ "old": 5, "new": 2 }));
        assert_eq!(payload["reason"], "pilot");
        assert!(payload["changes"].get("organizationCreation").is_none());
        // Back to what is configured.
        let back = UpdateInstance { member_limit: Some(None), reason: "over".into(), ..UpdateInstance::default() };
        assert_eq!(request.operators().update_settings(back).await.unwrap().member_limit, 5);
        assert_eq!(verdict(&request.operators().update_settings(UpdateInstance::default()).await), "TOO_SHORT reason");
    }

    async fn the_instance_lowers_or_forbids_creation_and_an_operator_overrides_both_for_a_user(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        let create = async || {
            let request = instance.request_of(&ada).await;
            verdict(&request.organizations().create(named("Acme")).await)
        };
        let one = UpdateInstance { organizations_per_user: Some(Some(1)), reason: "small".into(), ..UpdateInstance::default() };
        operators.update_settings(one).await.unwrap();
        assert_eq!((create().await, create().await), ("OK".into(), "ORGANIZATION_LIMIT_REACHED".into()));
        assert_eq!(operators.set_organization_limit(ada.user, Some(2), "pays").await.unwrap().organization_limit, Some(2));
        assert_eq!((create().await, create().await), ("OK".into(), "ORGANIZATION_LIMIT_REACHED".into()));
        let none = UpdateInstance { organization_creation: Some(Some(false)), reason: "closed".into(), ..UpdateInstance::default() };
        operators.update_settings(none).await.unwrap();
        operators.set_organization_limit(ada.user, Some(3), "pays").await.unwrap();
        assert_eq!(create().await, "OK");
        operators.set_organization_limit(ada.user, None, "pays no more").await.unwrap();
        assert_eq!(create().await, "ORGANIZATION_LIMIT_REACHED");
    }

    async fn operators_decide_about_domains_while_the_instance_runs(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        let add = async |name: &str, mode| {
            let input = AddDomain { organization: Some(acme), name: name.to_owned(), mode, role: None };
            instance.request_of(&ada).await.organization_domains().add(input).await
        };
        let change = UpdateInstance {
            enrolment_modes: Some(Some(vec![EnrolmentMode::AutomaticSuggestion])),
            domain_default_role: Some(Some("org:admin".into())),
            reason: "by request only".into(),
            ..UpdateInstance::default()
        };
        let settings = operators.update_settings(change).await.unwrap();
        assert_eq!(settings.enrolment_modes, [EnrolmentMode::AutomaticSuggestion]);
        let at_once = add("one.example", EnrolmentMode::AutomaticInvitation).await;
        assert_eq!(verdict(&at_once), "DOMAIN_NOT_ALLOWED enrolmentMode");
        let added = add("one.example", EnrolmentMode::AutomaticSuggestion).await.unwrap();
        assert_eq!(added.role.as_str(), "org:admin");
        let off = UpdateInstance { domains_enabled: Some(Some(false)), reason: "off".into(), ..UpdateInstance::default() };
        operators.update_settings(off).await.unwrap();
        assert_eq!(verdict(&add("two.example", EnrolmentMode::ManualInvitation).await), "DOMAIN_NOT_ALLOWED");
        let unknown = UpdateInstance {
            domain_default_role: Some(Some("org:nobody".into())),
            reason: "a role that is not there".into(),
            ..UpdateInstance::default()
        };
        assert_eq!(verdict(&operators.update_settings(unknown).await), "INVALID domainDefaultRole");
        let back = UpdateInstance {
            domains_enabled: Some(None),
            enrolment_modes: Some(None),
            domain_default_role: Some(None),
            reason: "as it was".into(),
            ..UpdateInstance::default()
        };
        assert_eq!(operators.update_settings(back).await.unwrap().enrolment_modes, EnrolmentMode::ALL);
        let joining = add("two.example", EnrolmentMode::AutomaticInvitation).await.unwrap();
        assert_eq!(joining.role.as_str(), "org:member");
    }

    async fn roles_and_permissions_of_the_instance_are_operators_to_make_and_every_organizations_to_give(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        let new = |permission: &str| NewRole {
            key: "org:clerk".into(),
            name: "Clerk".into(),
            permissions: vec![permission.to_owned()],
            ..NewRole::default()
        };
        let invoices = "org:invoices:read";
        assert_eq!(verdict(&operators.create_role(new(invoices), "books").await), "INVALID permissions.0");
        let registered = RegisterPermission { key: invoices.into(), name: "Read invoices".into(), ..RegisterPermission::default() };
        operators.register_permission(registered, "books").await.unwrap();
        assert_eq!(verdict(&operators.create_role(new(invoices), "").await), "TOO_SHORT reason");
        let role = operators.create_role(new(invoices), "books").await.unwrap();
        assert_eq!(operators.roles().await.unwrap(), std::slice::from_ref(&role));
        let joined = instance.bring_in(&ada, acme, &bob, role.key.clone()).await;
        let bobs = instance.request_in(&bob, acme).await;
        assert_eq!(bobs.roles().own_permissions(acme).await.unwrap(), [invoices]);
        assert_eq!(verdict(&operators.delete_role(role.id, "unused?").await), "ROLE_IN_USE roleId");
        let member = InOrg::new(acme, joined.standing.membership());
        instance.request_of(&ada).await.memberships().change_role(member, "org:member").await.unwrap();
        // What joiners get by default is in use, too.
        let default = |key: Option<&str>| UpdateInstance {
            domain_default_role: Some(key.map(str::to_owned)),
            reason: "joiners".into(),
            ..UpdateInstance::default()
        };
        operators.update_settings(default(Some("org:clerk"))).await.unwrap();
        assert_eq!(verdict(&operators.delete_role(role.id, "unused?").await), "ROLE_IN_USE roleId");
        operators.update_settings(default(None)).await.unwrap();
        operators.remove_permission(invoices, "no books").await.unwrap();
        assert!(operators.roles().await.unwrap()[0].permissions.is_empty());
        operators.delete_role(role.id, "unused").await.unwrap();
        assert_eq!((operators.roles().await.unwrap(), operators.permissions().await.unwrap()), (vec![], vec![]));
        let kinds: Vec<_> = log(&request, AuditLog::Instance).await.into_iter().map(|event| event.kind).collect();
        assert!(kinds.contains(&EventKind::RoleCreated) && kinds.contains(&EventKind::PermissionRemoved));
    }
}
