//! Suspending, restoring, deleting and making accounts.

use resonance_domain::{EventKind, InOrg, OrganizationId, PageRequest, RoleKey};
use resonance_services::{AuditLog, DirectoryQuery, Request};
use resonance_testkit::{Backend, Instance, PASSWORD, Person, at_once, on_both, verdict};

use super::{log, operator, told_twice};

/// An organization of two admins, and an operator.
async fn two_admins(backend: Backend) -> (Instance, Person, Person, Person, OrganizationId) {
    let instance = Instance::new(backend).await;
    let olga = operator(&instance).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let bob = instance.sign_up("Bob", "bob@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    instance.bring_in(&ada, acme, &bob, RoleKey::ADMIN).await;
    (instance, olga, ada, bob, acme)
}

async fn found(request: &Request, search: &str) -> Vec<String> {
    let query = DirectoryQuery {
        search: Some(search.into()),
        ..DirectoryQuery::default()
    };
    let page = request
        .operators()
        .users(&query, &PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(
        request.operators().count_users(&query).await.unwrap(),
        page.items.len() as u64
    );
    page.items.into_iter().map(|found| found.user.name).collect()
}

on_both! {
    async fn a_suspended_user_is_out_with_the_next_request_on_every_node_and_stays_a_member(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let other_node = instance.another_node().await;
        // A request that is under way when the suspension comes.
        let under_way = instance.request_of(&bob).await;
        let request = instance.request_of(&olga).await;
        let suspended = request.operators().suspend(bob.user, "abuse").await.unwrap();
        assert_eq!(suspended.user.suspended_at, Some(instance.clock_now()));
        for node in [&instance.services, &other_node] {
            let next = node.authenticate(&bob.token, resonance_domain::Origin::default(), None).await;
            assert_eq!(verdict(&next), "UNAUTHENTICATED");
        }
        assert_eq!(verdict(&under_way.memberships().leave(Some(acme)).await), "NOT_FOUND");
        // No stranger learns why: it is as with a wrong password.
        let anonymous = instance.anonymous();
        let right = anonymous.accounts().sign_in("bob@example.org", PASSWORD.into()).await;
        let wrong = anonymous.accounts().sign_in("bob@example.org", "wrong wrong wrong".into()).await;
        assert_eq!((verdict(&right), verdict(&wrong)), ("WRONG_CREDENTIALS".into(), "WRONG_CREDENTIALS".into()));
        let members = instance.request_of(&ada).await;
        let members = members.memberships().count(acme, &resonance_services::MemberQuery::default()).await;
        assert_eq!(members.unwrap(), 2);
        let event = log(&request, AuditLog::Instance).await.remove(0);
        assert_eq!((event.kind, event.subject), (EventKind::UserSuspended, Some(bob.user.type_id())));
        assert_eq!(event.payload["reason"], "abuse");
        assert_eq!(event.actor, Some(olga.user.type_id()));
        // Again changes nothing.
        request.operators().suspend(bob.user, "abuse").await.unwrap();
        assert_eq!(log(&request, AuditLog::Instance).await.remove(0).id, event.id);
        request.operators().restore(bob.user, "a mistake").await.unwrap();
        assert_eq!(log(&request, AuditLog::Instance).await.remove(0).kind, EventKind::UserRestored);
        let again = instance.anonymous().accounts().sign_in("bob@example.org", PASSWORD.into()).await.unwrap();
        let bob = Person::from(again);
        instance.request_of(&bob).await.memberships().leave(Some(acme)).await.unwrap();
    }

    async fn the_last_admin_is_neither_suspended_nor_deleted_and_suspended_ones_do_not_count(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let request = instance.request_of(&olga).await;
        request.operators().suspend(bob.user, "holidays").await.unwrap();
        assert_eq!(verdict(&request.operators().suspend(ada.user, "too").await), "LAST_ADMIN userId");
        assert_eq!(verdict(&request.operators().delete_user(ada.user, "too").await), "LAST_ADMIN userId");
        let leaving = instance.request_of(&ada).await.memberships().leave(Some(acme)).await;
        assert_eq!(verdict(&leaving), "LAST_ADMIN");
        request.operators().restore(bob.user, "back").await.unwrap();
        request.operators().suspend(ada.user, "now").await.unwrap();
        assert_eq!(instance.sql_count("users WHERE suspended_at IS NOT NULL").await, 1);
    }

    async fn of_two_admins_who_are_suspended_and_deleted_at_the_same_moment_one_stays(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let mut node = 0;
        let mut acts: Vec<std::pin::Pin<Box<dyn Future<Output = String> + Send>>> = Vec::new();
        for user in [ada.user, bob.user, ada.user, bob.user] {
            let request = instance.request_of(&olga).await;
            node += 1;
            acts.push(if node % 2 == 0 {
                Box::pin(async move { verdict(&request.operators().suspend(user, "race").await) })
            } else {
                Box::pin(async move { verdict(&request.operators().delete_user(user, "race").await) })
            });
        }
        let leaving = instance.request_of(&bob).await;
        acts.push(Box::pin(async move { verdict(&leaving.memberships().leave(Some(acme)).await) }));
        let outcomes = at_once(acts).await;
        let admins = instance
            .sql_count("memberships m JOIN users u ON u.id = m.user_id WHERE u.suspended_at IS NULL AND m.role = 'org:admin'")
            .await;
        assert_eq!(admins, 1, "{outcomes:?}");
    }

    async fn a_deleted_account_is_gone_and_what_it_made_stays_without_an_author(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let bobs = instance.found(&bob, "Bobs").await;
        let request = instance.request_of(&olga).await;
        assert_eq!(verdict(&request.operators().delete_user(bob.user, "asked for").await), "LAST_ADMIN userId");
        instance.bring_in(&bob, bobs, &ada, RoleKey::ADMIN).await;
        request.operators().delete_user(bob.user, "asked for").await.unwrap();
        for table in ["users WHERE name = 'Bob'", "sessions s LEFT JOIN users u ON u.id = s.user_id WHERE u.id IS NULL",
            "user_emails WHERE address LIKE 'bob%'"] {
            assert_eq!(instance.sql_count(table).await, 0, "{table}");
        }
        let kept = instance.request_of(&ada).await.organizations().get(bobs).await.unwrap().unwrap();
        assert_eq!(kept.organization.created_by, None);
        let there = log(&request, AuditLog::Organization(acme)).await.remove(0);
        assert_eq!(there.kind, EventKind::MembershipDeleted);
        assert_eq!((&there.payload["reason"], &there.payload["accountDeleted"]), (&"asked for".into(), &true.into()));
        let here = log(&request, AuditLog::Instance).await.remove(0);
        assert_eq!(here.kind, EventKind::UserDeleted);
        assert_eq!(here.payload["organizations"].as_array().unwrap().len(), 2);
        // The address is free again.
        instance.clock.advance(chrono::TimeDelta::minutes(1));
        instance.sign_up("Bob the Second", "bob@example.org").await;
        assert_eq!(verdict(&request.operators().delete_user(bob.user, "again").await), "NOT_FOUND userId");
    }

    async fn an_account_made_by_an_operator_gets_its_password_by_mail(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let request = instance.request_of(&olga).await;
        let eve = request.operators().create_user(" Eve ", "Eve@example.org", "asked by phone").await.unwrap();
        assert!(eve.user.email_verified);
        let taken = request.operators().create_user("Eve", "eve@EXAMPLE.org", "again").await;
        assert_eq!(verdict(&taken), "TAKEN email");
        let wrong = request.operators().create_user("", "eve", " ").await;
        assert_eq!(verdict(&wrong), "TOO_SHORT name, INVALID email, TOO_SHORT reason");
        let anonymous = instance.anonymous();
        assert_eq!(verdict(&anonymous.accounts().sign_in("eve@example.org", String::new()).await), "WRONG_CREDENTIALS");
        let reset = anonymous.accounts().request_password_reset("eve@example.org").await.unwrap();
        let code = instance.mailed_code("eve@example.org").await;
        anonymous.accounts().reset_password(reset.id, &code, PASSWORD).await.unwrap();
        anonymous.accounts().sign_in("eve@example.org", PASSWORD.into()).await.unwrap();
    }

    async fn users_are_found_by_the_beginning_of_name_or_proved_address_and_by_id(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let request = instance.request_of(&olga).await;
        assert_eq!(found(&request, "BO").await, ["Bob"]);
        assert_eq!(found(&request, "ada@").await, ["Ada"]);
        assert_eq!(found(&request, &bob.user.type_id()).await, ["Bob"]);
        assert_eq!(found(&request, "%").await, <[&str; 0]>::default());
        assert_eq!(found(&request, "example").await, <[&str; 0]>::default());
        request.operators().rename_user(bob.user, "Zed", "typed wrong").await.unwrap();
        assert_eq!((found(&request, "bob").await, found(&request, "ze").await), (vec!["Zed".into()], vec!["Zed".into()]));
        request.operators().suspend(bob.user, "test").await.unwrap();
        let only = async |suspended| {
            let query = DirectoryQuery { suspended: Some(suspended), ..DirectoryQuery::default() };
            let page = request.operators().users(&query, &PageRequest::first(10)).await.unwrap();
            page.items.into_iter().map(|found| found.user.name).collect::<Vec<_>>()
        };
        assert_eq!(only(true).await, ["Zed"]);
        assert_eq!(only(false).await, ["Olga Operator", "Ada"]);
        let their = request.operators().organizations_of(ada.user, &PageRequest::first(10)).await.unwrap().items;
        assert_eq!((their[0].organization.id, their[0].standing.role()), (acme, &RoleKey::ADMIN));
        assert_eq!(request.operators().emails_of(ada.user).await.unwrap()[0].address, "ada@example.org");
    }

    async fn operators_manage_members_under_the_rules_of_all(backend: Backend) {
        let (instance, olga, ada, bob, acme) = two_admins(backend).await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        instance.set_member_limit(acme, 3).await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let max = instance.sign_up("Max", "max@example.org").await;
        let added = operators.add_member(acme, eve.user, "org:member", "by phone").await.unwrap();
        assert_eq!(told_twice(&request, acme).await.0.kind, EventKind::MembershipCreated);
        assert_eq!(verdict(&operators.add_member(acme, eve.user, "org:member", "x").await), "ALREADY_MEMBER userId");
        assert_eq!(verdict(&operators.add_member(acme, max.user, "org:member", "x").await), "MEMBER_LIMIT_REACHED");
        assert_eq!(verdict(&operators.add_member(acme, max.user, "org:king", "").await), "INVALID role, TOO_SHORT reason");
        let id = InOrg::new(acme, added.membership.id);
        operators.change_role(id, "org:admin", "promotion").await.unwrap();
        operators.change_role(id, "org:member", "demotion").await.unwrap();
        let (there, _) = told_twice(&request, acme).await;
        assert_eq!((there.kind, &there.payload["reason"]), (EventKind::MembershipRoleChanged, &"demotion".into()));
        operators.suspend(bob.user, "x").await.unwrap();
        let adas = instance.request_of(&ada).await.standing(acme).await.unwrap().membership();
        assert_eq!(verdict(&operators.change_role(InOrg::new(acme, adas), "org:member", "x").await), "LAST_ADMIN");
        assert_eq!(verdict(&operators.remove_member(InOrg::new(acme, adas), "x").await), "LAST_ADMIN");
        operators.remove_member(id, "left").await.unwrap();
        // One mail to her that she is out (what role she had is pointless by then), although two logs tell of it.
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let to_eve = mails.iter().filter(|mail| mail.to == "eve@example.org" && !mail.subject.contains("code"));
        assert_eq!(to_eve.count(), 1);
    }
}
