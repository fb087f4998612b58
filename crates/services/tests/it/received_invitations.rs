//! Invitations, from the side of those who are invited.

use chrono::TimeDelta;
use resonance_domain::{InOrg, InvitationId, InvitationState, OrganizationId, PageRequest, RoleKey};
use resonance_persistence::count_statements;
use resonance_services::{InvitationKey, InviteMembers, NewSignUp, SignedUp};
use resonance_testkit::{Backend, Instance, PASSWORD, Person, at_once, on_both, verdict};

use crate::mailed_token;

async fn acme(backend: Backend) -> (Instance, Person, OrganizationId) {
    let instance = Instance::with(backend, |settings| settings.member_limit = 0).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    (instance, ada, acme)
}

async fn invite(
    instance: &Instance,
    by: &Person,
    organization: OrganizationId,
    address: &str,
) -> InOrg<InvitationId> {
    let input = InviteMembers {
        organization: Some(organization),
        emails: vec![address.into()],
        role: "org:member".into(),
        expires_in_days: Some(7),
    };
    let outcomes = instance.request_of(by).await.invitations().invite(input).await;
    let invitation = outcomes.unwrap().remove(0).result.unwrap();
    InOrg::new(organization, invitation.id)
}

on_both! {
    async fn the_link_tells_who_invites_to_what(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let id = invite(&instance, &ada, acme, "bob@example.org").await;
        let token = mailed_token(&instance, "bob@example.org").await;
        let request = instance.anonymous();
        let (seen, statements) = count_statements(request.invitations().by_token(&token)).await;
        assert_eq!(statements, 1);
        let seen = seen.unwrap();
        assert_eq!(seen.organization_name, "Acme");
        assert_eq!(seen.inviter_name.as_deref(), Some("Ada"));
        assert_eq!((seen.invitation.id, seen.invitation.role), (id.id, RoleKey::MEMBER));
        assert_eq!(seen.invitation.email, "bob@example.org");
        let other = if token[4..].starts_with('A') { "B" } else { "A" };
        for wrong in ["", "inv_", &token[1..], &token.to_uppercase(), &format!("inv_{other}{}", &token[5..])] {
            assert_eq!(verdict(&request.invitations().by_token(wrong).await), "NOT_FOUND", "{wrong}");
            let wrong = InvitationKey::Token(wrong.to_owned());
            assert_eq!(verdict(&request.invitations().decline(&wrong).await), "NOT_FOUND token");
        }
    }

    async fn accepting_makes_a_member_who_works_there_if_nowhere_else(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        invite(&instance, &ada, acme, "BOB@example.org").await;
        let token = InvitationKey::Token(mailed_token(&instance, "BOB@example.org").await);
        let outcome = instance.anonymous().invitations().accept(&token).await;
        assert_eq!(verdict(&outcome), "UNAUTHENTICATED");
        let request = instance.request_of(&bob).await;
        let viewed = request.invitations().accept(&token).await.unwrap();
        assert_eq!(viewed.organization.id, acme);
        assert_eq!(viewed.standing.role(), &RoleKey::MEMBER);
        // The very request knows the new standing.
        assert_eq!(request.standing(acme).await.unwrap(), viewed.standing);
        assert_eq!(instance.request_of(&bob).await.active_organization(), Some(acme));
        assert_eq!(verdict(&request.invitations().accept(&token).await), "INVITATION_CLOSED");
        assert_eq!(verdict(&request.invitations().decline(&token).await), "INVITATION_CLOSED");
        let seen = instance.anonymous().invitations().by_token(&mailed_token(&instance, "BOB@example.org").await).await;
        assert_eq!(seen.unwrap().invitation.stored_state, InvitationState::Accepted);
        let mails = instance.mails.list(100).await.unwrap();
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject == "Bob joined Acme").collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to, "ada@example.org");
        // Whoever works somewhere goes on working there.
        let other = instance.sign_up("Cem", "cem@example.org").await;
        let others = instance.found(&other, "Other").await;
        let id = invite(&instance, &ada, acme, "cem@example.org").await;
        let request = instance.request_of(&other).await;
        request.invitations().accept(&InvitationKey::Id(id)).await.unwrap();
        assert_eq!(instance.request_of(&other).await.active_organization(), Some(others));
    }

    async fn a_user_without_the_invited_address_cannot_use_the_link(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let id = invite(&instance, &ada, acme, "bob@example.org").await;
        let token = InvitationKey::Token(mailed_token(&instance, "bob@example.org").await);
        let request = instance.request_of(&eve).await;
        assert_eq!(verdict(&request.invitations().accept(&token).await), "EMAIL_MISMATCH");
        // Without the link, nobody else even learns that the invitation exists.
        let by_id = InvitationKey::Id(id);
        assert_eq!(verdict(&request.invitations().accept(&by_id).await), "NOT_FOUND invitationId");
        assert_eq!(verdict(&request.invitations().decline(&by_id).await), "NOT_FOUND invitationId");
        // An address that one only claims does not help.
        let (user, row) = (instance.sql_id(eve.user.as_uuid()), instance.sql_id(instance.fresh_uuid()));
        instance.sql(&format!(
            "INSERT INTO user_emails (id, user_id, address, address_key, is_primary, verified_at, created_at)
             SELECT {row}, {user}, 'bob@example.org', 'bob@example.org', false, NULL, created_at FROM users WHERE id = {user}"
        )).await;
        assert_eq!(verdict(&request.invitations().accept(&token).await), "EMAIL_MISMATCH");
        assert_eq!(verdict(&request.invitations().accept(&by_id).await), "NOT_FOUND invitationId");
        assert!(request.invitations().received(&PageRequest::first(9)).await.unwrap().items.is_empty());
        instance.sql(&format!("UPDATE user_emails SET verified_at = created_at WHERE id = {row}")).await;
        assert_eq!(request.invitations().received(&PageRequest::first(9)).await.unwrap().items.len(), 1);
        assert_eq!(verdict(&request.invitations().accept(&token).await), "OK");
    }

    async fn somebody_new_signs_up_through_the_link_and_joins(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        invite(&instance, &ada, acme, "bob@example.org").await;
        let token = mailed_token(&instance, "bob@example.org").await;
        let input = NewSignUp {
            name: "Bob".into(),
            email: "bob@example.org".into(),
            password: PASSWORD.into(),
            invitation_token: Some(token.clone()),
        };
        let SignedUp::Opened(opened) = instance.anonymous().accounts().sign_up(input).await.unwrap() else {
            panic!("a code was sent");
        };
        let request = instance.services.authenticate(&opened.token, Default::default(), None).await.unwrap();
        let viewed = request.invitations().accept(&InvitationKey::Token(token)).await.unwrap();
        assert_eq!(viewed.organization.id, acme);
    }

    async fn an_invitation_ends_with_its_time(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let id = InvitationKey::Id(invite(&instance, &ada, acme, "bob@example.org").await);
        let token = InvitationKey::Token(mailed_token(&instance, "bob@example.org").await);
        instance.clock.advance(TimeDelta::days(7));
        let request = instance.request_of(&bob).await;
        for key in [&id, &token] {
            assert_eq!(verdict(&request.invitations().accept(key).await), "INVITATION_EXPIRED");
            assert_eq!(verdict(&request.invitations().decline(key).await), "INVITATION_EXPIRED");
        }
        assert!(request.invitations().received(&PageRequest::first(9)).await.unwrap().items.is_empty());
        assert_eq!(request.invitations().count_received().await.unwrap(), 0);
    }

    async fn whoever_holds_the_link_can_say_no_without_an_account(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        invite(&instance, &ada, acme, "bob@example.org").await;
        let token = InvitationKey::Token(mailed_token(&instance, "bob@example.org").await);
        let declined = instance.anonymous().invitations().decline(&token).await.unwrap();
        assert_eq!(declined.invitation.stored_state, InvitationState::Declined);
        assert_eq!(declined.invitation.closed_at, Some(instance.clock.now()));
        assert_eq!(verdict(&instance.anonymous().invitations().decline(&token).await), "INVITATION_CLOSED");
        // By id, one must be signed in and have the address.
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let id = InvitationKey::Id(invite(&instance, &ada, acme, "bob@example.org").await);
        assert_eq!(verdict(&instance.anonymous().invitations().decline(&id).await), "UNAUTHENTICATED");
        assert_eq!(verdict(&instance.request_of(&bob).await.invitations().decline(&id).await), "OK");
        let request = instance.request_of(&ada).await;
        let declined = request.invitations().count(acme, &[InvitationState::Declined]).await.unwrap();
        assert_eq!(declined, 2);
    }

    async fn received_invitations_are_those_to_ones_own_proved_addresses(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let cem = instance.sign_up("Cem", "cem@example.org").await;
        let mut ids = vec![invite(&instance, &ada, acme, "Bob@example.org").await];
        for nth in 0..3 {
            let organization = instance.found(&ada, &format!("Other {nth}")).await;
            ids.push(invite(&instance, &ada, organization, "bob@example.org").await);
            invite(&instance, &ada, organization, "dan@example.org").await;
        }
        let request = instance.request_of(&bob).await;
        let page = PageRequest::first(3);
        let (first, statements) = count_statements(request.invitations().received(&page)).await;
        let first = first.unwrap();
        assert_eq!(statements, 1);
        let found: Vec<_> = first.items.iter().map(|received| received.invitation.id).collect();
        assert_eq!(found, [ids[3].id, ids[2].id, ids[1].id]);
        assert!(first.has_next);
        assert_eq!(first.items[0].organization_name, "Other 2");
        assert_eq!(request.invitations().count_received().await.unwrap(), 4);
        let request = instance.request_of(&cem).await;
        assert_eq!(request.invitations().count_received().await.unwrap(), 0);
        let outcome = instance.anonymous().invitations().received(&page).await;
        assert_eq!(verdict(&outcome), "UNAUTHENTICATED");
    }

    async fn a_member_cannot_join_twice(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let id = invite(&instance, &ada, acme, "bob@work.example").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let user = instance.sql_id(bob.user.as_uuid());
        let row = instance.sql_id(instance.fresh_uuid());
        instance.sql(&format!(
            "INSERT INTO user_emails (id, user_id, address, address_key, is_primary, verified_at, created_at)
             SELECT {row}, {user}, 'bob@work.example', 'bob@work.example', false, created_at, created_at FROM users WHERE id = {user}"
        )).await;
        let request = instance.request_of(&bob).await;
        assert_eq!(verdict(&request.invitations().accept(&InvitationKey::Id(id)).await), "ALREADY_MEMBER");
    }

    async fn of_twenty_who_accept_at_once_with_one_seat_left_one_succeeds(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        let mut invited = Vec::new();
        for nth in 0..20 {
            let person = instance.sign_up("Bob", &format!("bob{nth}@example.org")).await;
            let id = invite(&instance, &ada, acme, &person.email).await;
            invited.push((person, InvitationKey::Id(id)));
        }
        // The limit was lowered since.
        instance.set_member_limit(acme, 2).await;
        let mut contenders = Vec::new();
        for (nth, (person, key)) in invited.iter().enumerate() {
            let services = if nth % 2 == 0 { &instance.services } else { &node };
            let request = services.authenticate(&person.token, Default::default(), None).await.unwrap();
            let key = key.clone();
            contenders.push(async move { verdict(&request.invitations().accept(&key).await) });
        }
        let mut accepted = 0;
        for result in at_once(contenders).await {
            match result.as_str() {
                "OK" => accepted += 1,
                other => assert_eq!(other, "MEMBER_LIMIT_REACHED"),
            }
        }
        assert_eq!(accepted, 1);
        assert_eq!(instance.sql_count("memberships").await, 2);
        assert_eq!(instance.sql_count("invitations WHERE state = 'accepted'").await, 1);
    }

    async fn one_invitation_accepted_many_times_at_once_makes_one_member(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        invite(&instance, &ada, acme, "bob@example.org").await;
        let token = InvitationKey::Token(mailed_token(&instance, "bob@example.org").await);
        let mut contenders = Vec::new();
        for nth in 0..10 {
            let request = instance.request_of(&bob).await;
            let token = token.clone();
            contenders.push(async move {
                if nth % 5 == 4 {
                    verdict(&request.invitations().decline(&token).await)
                } else {
                    verdict(&request.invitations().accept(&token).await)
                }
            });
        }
        let mut verdicts = at_once(contenders).await;
        verdicts.sort();
        assert_eq!(verdicts.iter().filter(|verdict| *verdict == "OK").count(), 1);
        assert!(verdicts[..9].iter().all(|verdict| verdict == "INVITATION_CLOSED"), "{verdicts:?}");
    }

    async fn an_invitation_of_a_deleted_organization_is_gone(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let id = InvitationKey::Id(invite(&instance, &ada, acme, "bob@example.org").await);
        let token = mailed_token(&instance, "bob@example.org").await;
        instance.request_of(&ada).await.organizations().delete(Some(acme)).await.unwrap();
        let request = instance.request_of(&bob).await;
        assert_eq!(verdict(&request.invitations().accept(&id).await), "NOT_FOUND invitationId");
        let by_token = InvitationKey::Token(token.clone());
        assert_eq!(verdict(&request.invitations().accept(&by_token).await), "NOT_FOUND token");
        assert_eq!(verdict(&request.invitations().by_token(&token).await), "NOT_FOUND");
        assert_eq!(request.invitations().count_received().await.unwrap(), 0);
    }

    async fn names_in_mails_are_text_and_never_markup(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada <b>&", "ada@example.org").await;
        let acme = instance.found(&ada, "<script>alert(1)</script>").await;
        invite(&instance, &ada, acme, "bob@example.org").await;
        let token = mailed_token(&instance, "bob@example.org").await;
        let mail = instance.mails.list(1).await.unwrap().remove(0);
        assert!(mail.text.contains("by Ada <b>& to join <script>alert(1)</script>"), "{}", mail.text);
        let html = mail.html.unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains(&format!("<a href=\"http://127.0.0.1:8080/invitations/{token}\">")), "{html}");
    }
}
