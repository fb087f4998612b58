//! Roles of an organization's own.

use resonance_domain::{Id, InOrg, MembershipId, OrganizationId, PageRequest, RoleId, RoleKey};
use resonance_services::{
    AddDomain, CreateRole, CustomRole, InvitationKey, InviteMembers, MemberQuery, NewRole, Outcome, Request,
    RoleChanges, UpdateDomain, UpdateRole,
};
use resonance_testkit::{Instance, Person, on_both, verdict};

/// An organization without a member limit, with an admin.
pub(crate) async fn acme(backend: resonance_testkit::Backend) -> (Instance, Person, OrganizationId) {
    let instance = Instance::new(backend).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    instance.set_member_limit(acme, 0).await;
    (instance, ada, acme)
}

pub(crate) fn texts(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// Makes a role in the organization.
pub(crate) async fn make(
    request: &Request,
    organization: OrganizationId,
    key: &str,
    permissions: &[&str],
) -> Outcome<CustomRole> {
    let role = NewRole {
        key: key.to_owned(),
        name: "A role".to_owned(),
        description: String::new(),
        permissions: texts(permissions),
    };
    let input = CreateRole {
        organization: Some(organization),
        role,
    };
    request.roles().create(input).await
}

/// Changes what a role permits.
async fn permit(request: &Request, id: InOrg<RoleId>, permissions: &[&str]) -> Outcome<CustomRole> {
    let changes = RoleChanges {
        permissions: Some(texts(permissions)),
        ..RoleChanges::default()
    };
    request.roles().update(UpdateRole { id, changes }).await
}

/// Somebody new with that role in the organization.
pub(crate) async fn holder(
    instance: &Instance,
    admin: &Person,
    organization: OrganizationId,
    name: &str,
    role: &str,
) -> Person {
    let email = format!("{}@example.org", name.to_lowercase());
    let person = instance.sign_up(name, &email).await;
    instance
        .bring_in(admin, organization, &person, RoleKey::parse(role).unwrap())
        .await;
    person
}

pub(crate) async fn membership(
    instance: &Instance,
    person: &Person,
    organization: OrganizationId,
) -> InOrg<MembershipId> {
    let standing = instance.request_of(person).await.standing(organization).await;
    InOrg::new(organization, standing.unwrap().membership())
}

fn address(role: &CustomRole) -> InOrg<RoleId> {
    InOrg::new(role.organization.unwrap(), role.id)
}

fn invite(organization: OrganizationId, email: &str, role: &str) -> InviteMembers {
    InviteMembers {
        organization: Some(organization),
        emails: vec![email.to_owned()],
        role: role.to_owned(),
        expires_in_days: None,
    }
}

on_both! {
    async fn a_member_may_what_the_role_of_ones_own_permits_from_the_next_request_on(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let admin = instance.request_of(&ada).await;
        let role = make(&admin, acme, "org:sound_engineer", &["org:voices:read", "org:generations:create"]).await;
        let role = role.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:sound_engineer").await;
        let node = instance.another_node().await;
        let bob_elsewhere = async || {
            node.authenticate(&bob.token, Default::default(), None).await.unwrap().standing(acme).await.unwrap()
        };
        let standing = bob_elsewhere().await;
        assert!(standing.allows("org:voices:read") && !standing.allows("org:sys_memberships:read"));
        // Whoever may have things spoken deletes what is their own, by a role of one's own, too.
        let reach = standing.reaches(resonance_authz::Permission::GenerationsDelete);
        assert_eq!(reach, Some(resonance_authz::Extent::Own));

        let list = async |request: Request| {
            verdict(&request.memberships().list(acme, &MemberQuery::default(), &PageRequest::first(9)).await)
        };
        assert_eq!(list(instance.request_of(&bob).await).await, "FORBIDDEN org:sys_memberships:read");
        permit(&admin, address(&role), &["org:sys_memberships:read"]).await.unwrap();
        assert_eq!(list(instance.request_of(&bob).await).await, "OK");
        assert!(!bob_elsewhere().await.allows("org:voices:read"));
    }

    async fn the_standing_with_a_role_of_ones_own_is_one_statement_as_any_other(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        make(&request, acme, "org:clerk", &["org:usage:read"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:clerk").await;
        for person in [&ada, &bob] {
            let ask = instance.services.authenticate(&person.token, Default::default(), Some(acme));
            let (request, statements) = resonance_persistence::count_statements(ask).await;
            assert_eq!(statements, 1);
            let request = request.unwrap();
            let (standing, statements) = resonance_persistence::count_statements(request.standing(acme)).await;
            assert!(standing.unwrap().allows("org:usage:read"));
            assert_eq!(statements, 0);
        }
        let fresh = instance.request_of(&bob).await;
        fresh.organizations().switch(acme).await.unwrap();
        let viewed = fresh.organizations().get(acme).await.unwrap().unwrap();
        assert!(viewed.standing.allows("org:usage:read") && !viewed.standing.allows("org:voices:read"));
    }

    async fn keys_are_unique_among_built_in_roles_and_ones_own_and_all_that_is_wrong_is_said_at_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        make(&request, acme, "org:clerk", &[]).await.unwrap();
        for key in ["org:clerk", "org:admin", "org:member"] {
            assert_eq!(verdict(&make(&request, acme, key, &[]).await), "TAKEN key", "{key}");
        }
        let everything_wrong = CreateRole {
            organization: Some(acme),
            role: NewRole {
                key: "clerk".into(),
                name: " ".into(),
                description: "x".repeat(501),
                permissions: texts(&["org:voices:read", "org:voices:sing", "nonsense"]),
            },
        };
        assert_eq!(
            verdict(&request.roles().create(everything_wrong).await),
            "INVALID key, TOO_SHORT name, TOO_LONG description, INVALID permissions.1, INVALID permissions.2"
        );
        assert_eq!(instance.sql_count("roles").await, 1);
        // Another organization's keys are its own.
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let other = instance.found(&bob, "Other").await;
        assert_eq!(verdict(&make(&instance.request_of(&bob).await, other, "org:clerk", &[]).await), "OK");
    }

    async fn an_organization_has_fifty_roles_of_its_own_and_no_more(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        for nth in 0..50 {
            make(&request, acme, &format!("org:role_{nth}"), &[]).await.unwrap();
        }
        assert_eq!(verdict(&make(&request, acme, "org:one_more", &[]).await), "ROLE_LIMIT_REACHED");
        assert_eq!(request.roles().list(acme).await.unwrap().len(), 52);
    }

    async fn nobody_makes_a_role_with_a_permission_that_they_lack(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let admin = instance.request_of(&ada).await;
        make(&admin, acme, "org:steward", &["org:sys_roles:manage", "org:usage:read"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:steward").await;
        let request = instance.request_of(&bob).await;
        let beyond = make(&request, acme, "org:stronger", &["org:usage:read", "org:voices:delete"]).await;
        assert_eq!(verdict(&beyond), "ROLE_EXCEEDS_OWN permissions");
        let Err(resonance_services::ServiceError::Refused(errors)) = beyond else { panic!() };
        assert!(errors[0].message.contains("org:voices:delete") && !errors[0].message.contains("org:usage:read"));
        assert_eq!(verdict(&make(&request, acme, "org:same", &["org:usage:read", "org:sys_roles:manage"]).await), "OK");
        assert_eq!(instance.sql_count("roles WHERE key = 'org:stronger'").await, 0);
    }

    async fn nobody_edits_the_role_that_they_hold_into_more_than_they_have(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let admin = instance.request_of(&ada).await;
        let own = make(&admin, acme, "org:steward", &["org:sys_roles:manage"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:steward").await;
        let request = instance.request_of(&bob).await;
        let widened = permit(&request, address(&own), &["org:sys_roles:manage", "org:voices:create"]).await;
        assert_eq!(verdict(&widened), "ROLE_EXCEEDS_OWN permissions");
        assert!(!instance.request_of(&bob).await.standing(acme).await.unwrap().allows("org:voices:create"));
        // But everybody may give up what they have, and then has it no more.
        assert_eq!(verdict(&permit(&request, address(&own), &[]).await), "OK");
        assert_eq!(
            verdict(&permit(&request, address(&own), &["org:sys_roles:manage"]).await),
            "FORBIDDEN org:sys_roles:manage"
        );
    }

    async fn nobody_edits_or_deletes_a_role_that_may_more_than_they(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let admin = instance.request_of(&ada).await;
        make(&admin, acme, "org:steward", &["org:sys_roles:manage"]).await.unwrap();
        let strong = make(&admin, acme, "org:strong", &["org:voices:delete"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:steward").await;
        let request = instance.request_of(&bob).await;
        // Not even to make it weaker, or to call it something else.
        assert_eq!(verdict(&permit(&request, address(&strong), &[]).await), "ROLE_EXCEEDS_OWN roleId");
        let changes = RoleChanges { name: Some("Weak".into()), ..RoleChanges::default() };
        let renamed = request.roles().update(UpdateRole { id: address(&strong), changes }).await;
        assert_eq!(verdict(&renamed), "ROLE_EXCEEDS_OWN roleId");
        assert_eq!(verdict(&request.roles().delete(address(&strong)).await), "ROLE_EXCEEDS_OWN roleId");
        assert_eq!(verdict(&admin.roles().delete(address(&strong)).await), "OK");
    }

    async fn nobody_grants_a_role_of_ones_own_with_a_permission_that_they_lack(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let admin = instance.request_of(&ada).await;
        make(&admin, acme, "org:inviter", &["org:sys_memberships:manage"]).await.unwrap();
        make(&admin, acme, "org:strong", &["org:sys_memberships:manage", "org:voices:delete"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:inviter").await;
        let bobs = membership(&instance, &bob, acme).await;
        let request = instance.request_of(&bob).await;
        for role in ["org:strong", "org:admin", "org:member"] {
            let given = request.memberships().change_role(bobs, role).await;
            assert_eq!(verdict(&given), "ROLE_EXCEEDS_OWN role", "{role}");
            let invited = request.invitations().invite(invite(acme, "eve@example.org", role)).await;
            assert_eq!(verdict(&invited), "ROLE_EXCEEDS_OWN role", "{role}");
        }
        let assignable = request.roles().assignable(acme).await.unwrap();
        let keys: Vec<_> = assignable.iter().map(|role| role.key.as_str()).collect();
        assert_eq!(keys, ["org:inviter"]);
        let invited = request.invitations().invite(invite(acme, "eve@example.org", "org:inviter")).await;
        assert!(invited.unwrap()[0].result.is_ok());
        // An admin's invitation cannot be sent again by whoever could not send it.
        let strong = admin.invitations().invite(invite(acme, "max@example.org", "org:strong")).await.unwrap();
        let id = InOrg::new(acme, strong[0].result.as_ref().unwrap().id);
        assert_eq!(verdict(&request.invitations().resend(id, None).await), "ROLE_EXCEEDS_OWN role");
        assert_eq!(admin.roles().assignable(acme).await.unwrap().len(), 4);
        assert_eq!(
            verdict(&instance.request_of(&holder(&instance, &ada, acme, "Cem", "org:member").await).await
                .roles().assignable(acme).await),
            "FORBIDDEN org:sys_memberships:manage"
        );
    }

    async fn a_role_in_another_organization_is_none_of_ours(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let other = instance.found(&bob, "Other").await;
        let theirs = make(&instance.request_of(&bob).await, other, "org:secret", &["org:voices:read"]).await.unwrap();
        let request = instance.request_of(&ada).await;
        let disguised = InOrg::new(acme, theirs.id);
        assert_eq!(verdict(&permit(&request, disguised, &[]).await), "NOT_FOUND roleId");
        assert_eq!(verdict(&request.roles().delete(disguised).await), "NOT_FOUND roleId");
        for address in [address(&theirs), InOrg::new(Id::from_uuid(instance.fresh_uuid()), theirs.id)] {
            assert_eq!(verdict(&permit(&request, address, &[]).await), "NOT_FOUND");
            assert_eq!(verdict(&request.roles().delete(address).await), "NOT_FOUND");
            assert_eq!(verdict(&make(&request, address.organization, "org:spy", &[]).await), "NOT_FOUND");
            assert_eq!(verdict(&request.roles().list(address.organization).await), "NOT_FOUND");
            let named = [(address.organization, theirs.key.clone())];
            assert!(request.roles().named(&named).await.unwrap().is_empty());
        }
        // Nor does its key name anything here.
        let adas = membership(&instance, &ada, acme).await;
        let given = request.memberships().change_role(adas, "org:secret").await;
        assert_eq!(verdict(&given), "INVALID role");
        let invited = request.invitations().invite(invite(acme, "eve@example.org", "org:secret")).await;
        assert_eq!(verdict(&invited), "INVALID role");
        // The same key here is another role.
        make(&request, acme, "org:secret", &[]).await.unwrap();
        let cem = holder(&instance, &ada, acme, "Cem", "org:secret").await;
        assert!(!instance.request_of(&cem).await.standing(acme).await.unwrap().allows("org:voices:read"));
        assert_eq!(request.roles().list(acme).await.unwrap().len(), 3);
    }

    async fn a_role_that_members_hold_or_a_pending_invitation_names_is_not_deleted(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let role = make(&request, acme, "org:clerk", &["org:usage:read"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:clerk").await;
        let invited = request.invitations().invite(invite(acme, "eve@example.org", "org:clerk")).await.unwrap();
        let invitation = InOrg::new(acme, invited[0].result.as_ref().unwrap().id);
        let message = async || {
            let outcome = request.roles().delete(address(&role)).await;
            assert_eq!(verdict(&outcome), "ROLE_IN_USE roleId");
            let Err(resonance_services::ServiceError::Refused(errors)) = outcome else { panic!() };
            errors[0].message.clone()
        };
        let said = message().await;
        assert!(said.contains("1 member and 1 pending invitation"), "{said}");
        let bobs = membership(&instance, &bob, acme).await;
        request.memberships().change_role(bobs, "org:member").await.unwrap();
        let said = message().await;
        assert!(said.contains("1 pending invitation") && !said.contains("member "), "{said}");
        request.invitations().revoke(invitation).await.unwrap();
        assert_eq!(verdict(&request.roles().delete(address(&role)).await), "OK");
    }

    async fn a_role_that_a_domain_names_is_not_deleted_and_no_domain_names_one_beyond_ones_own(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let role = make(&request, acme, "org:clerk", &["org:usage:read"]).await.unwrap();
        make(&request, acme, "org:namer", &["org:sys_domains:manage"]).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:namer").await;
        let domain = |name: &str, role: &str| AddDomain {
            organization: Some(acme),
            name: name.to_owned(),
            role: Some(role.to_owned()),
            ..AddDomain::default()
        };
        let bobs = instance.request_of(&bob).await;
        let beyond = bobs.organization_domains().add(domain("acme.example", "org:clerk")).await;
        assert_eq!(verdict(&beyond), "ROLE_EXCEEDS_OWN role");
        let unknown = request.organization_domains().add(domain("acme.example", "org:king")).await;
        assert_eq!(verdict(&unknown), "INVALID role");
        let added = request.organization_domains().add(domain("acme.example", "org:clerk")).await.unwrap();
        let refused = request.roles().delete(address(&role)).await;
        assert_eq!(verdict(&refused), "ROLE_IN_USE roleId");
        let id = InOrg::new(acme, added.id);
        let update = UpdateDomain { role: Some("org:member".into()), ..UpdateDomain::default() };
        request.organization_domains().update(id, &update).await.unwrap();
        assert_eq!(verdict(&request.roles().delete(address(&role)).await), "OK");
    }

    async fn an_expired_invitation_keeps_no_role_and_is_not_sent_again_with_a_deleted_one(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let role = make(&request, acme, "org:clerk", &["org:usage:read"]).await.unwrap();
        let mut input = invite(acme, "eve@example.org", "org:clerk");
        input.expires_in_days = Some(1);
        let invited = request.invitations().invite(input).await.unwrap();
        let invitation = InOrg::new(acme, invited[0].result.as_ref().unwrap().id);
        instance.clock.advance(chrono::TimeDelta::days(1));
        let request = instance.request_of(&ada).await;
        assert_eq!(verdict(&request.roles().delete(address(&role)).await), "OK");
        assert_eq!(verdict(&request.invitations().resend(invitation, None).await), "INVALID role");
        assert_eq!(verdict(&request.roles().delete(address(&role)).await), "NOT_FOUND roleId");
    }

    async fn members_are_found_by_a_role_of_ones_own_and_the_last_admin_cannot_trade_theirs_for_one(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let everything: Vec<&str> =
            resonance_authz::Permission::ALL.iter().map(|permission| permission.key()).collect();
        make(&request, acme, "org:owner", &everything).await.unwrap();
        let bob = holder(&instance, &ada, acme, "Bob", "org:owner").await;
        let query = MemberQuery { role: Some("org:owner".into()), ..MemberQuery::default() };
        let found = request.memberships().list(acme, &query, &PageRequest::first(9)).await.unwrap();
        assert_eq!(found.items.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["Bob"]);
        // Whoever has all of an admin's permissions is no admin.
        let adas = membership(&instance, &ada, acme).await;
        assert_eq!(verdict(&request.memberships().change_role(adas, "org:owner").await), "LAST_ADMIN");
        assert_eq!(verdict(&request.memberships().leave(Some(acme)).await), "LAST_ADMIN");
        let bobs = membership(&instance, &bob, acme).await;
        let raised = instance.request_of(&bob).await.memberships().change_role(bobs, "org:admin").await;
        assert_eq!(verdict(&raised), "ROLE_EXCEEDS_OWN role", "an admin has custom permissions, too");
    }

    async fn making_changing_and_deleting_a_role_is_on_record_with_old_and_new(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let role = make(&request, acme, "org:clerk", &["org:usage:read"]).await.unwrap();
        permit(&request, address(&role), &["org:voices:read"]).await.unwrap();
        // What changes nothing is no change.
        permit(&request, address(&role), &["org:voices:read", "org:voices:read"]).await.unwrap();
        request.roles().delete(address(&role)).await.unwrap();
        let payloads = instance
            .sql_texts("SELECT kind || ' ' || CAST(payload AS text) FROM events WHERE kind LIKE 'role.%' ORDER BY id")
            .await;
        let payloads: Vec<String> = payloads.into_iter().map(|text| text.replace(": ", ":").replace(", ", ",")).collect();
        assert_eq!(payloads.len(), 3, "{payloads:?}");
        assert!(payloads[0].starts_with("role.created") && payloads[0].contains(r#""new":["org:usage:read"]"#));
        assert!(payloads[1].contains(r#""old":["org:usage:read"]"#), "{}", payloads[1]);
        assert!(payloads[1].contains(r#""new":["org:voices:read"]"#), "{}", payloads[1]);
        assert!(payloads[2].starts_with("role.deleted") && payloads[2].contains(r#""old":["org:voices:read"]"#));
    }

    async fn the_invited_see_the_role_before_they_join_and_mails_call_it_by_its_name(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let mut input = CreateRole { organization: Some(acme), ..CreateRole::default() };
        input.role = NewRole {
            key: "org:sound_engineer".into(),
            name: "Sound engineer".into(),
            description: "Makes it sound good.".into(),
            permissions: texts(&["org:voices:read"]),
        };
        request.roles().create(input).await.unwrap();
        request.invitations().invite(invite(acme, "eve@example.org", "org:sound_engineer")).await.unwrap();
        let token = crate::mailed_token(&instance, "eve@example.org").await;
        let seen = instance.anonymous().invitations().by_token(&token).await.unwrap().role.unwrap();
        assert_eq!((seen.name.as_str(), seen.permissions.to_stored().as_str()), ("Sound engineer", "org:voices:read"));
        assert_eq!(seen.description, "Makes it sound good.");
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let eves = instance.request_of(&eve).await;
        let received = eves.invitations().received(&PageRequest::first(9)).await.unwrap();
        assert_eq!(received.items[0].role.as_ref(), Some(&seen));
        let joined = eves.invitations().accept(&InvitationKey::Token(token)).await.unwrap();
        assert!(joined.standing.allows("org:voices:read"));
        let eves = membership(&instance, &eve, acme).await;
        request.memberships().change_role(eves, "org:member").await.unwrap();
        request.memberships().change_role(eves, "org:sound_engineer").await.unwrap();
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let named = mails.iter().filter(|mail| mail.to == "eve@example.org" && mail.text.contains("Sound engineer"));
        assert_eq!(named.count(), 2, "the invitation and the change");
    }
}
