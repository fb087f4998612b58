//! Invitations, from the side of those who send them.

use chrono::TimeDelta;
use resonance_domain::{Id, InOrg, Invitation, InvitationState, OrganizationId, PageRequest, RoleKey};
use resonance_persistence::count_statements;
use resonance_services::{InvitationKey, InviteMembers, InviteOutcome, Outcome, Request, ServiceError};
use resonance_testkit::{Backend, Instance, Person, at_once, on_both, verdict};

use crate::mailed_token;

/// An organization with a member limit.
async fn acme(backend: Backend, limit: u32) -> (Instance, Person, OrganizationId) {
    let instance = Instance::with(backend, |settings| settings.member_limit = limit).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    (instance, ada, acme)
}

async fn invite<S: AsRef<str>>(request: &Request, addresses: &[S]) -> Outcome<Vec<InviteOutcome>> {
    let input = InviteMembers {
        organization: None,
        emails: addresses
            .iter()
            .map(|address| address.as_ref().to_owned())
            .collect(),
        role: "org:member".into(),
        expires_in_days: Some(7),
    };
    request.invitations().invite(input).await
}

async fn invite_one(request: &Request, address: &str) -> Invitation {
    invite(request, &[address])
        .await
        .unwrap()
        .remove(0)
        .result
        .unwrap()
}

/// The outcomes, address by address.
fn codes(outcomes: &[InviteOutcome]) -> Vec<&'static str> {
    let code = |outcome: &InviteOutcome| match &outcome.result {
        Ok(_) => "OK",
        Err(error) => error.code.as_str(),
    };
    outcomes.iter().map(code).collect()
}

fn key(invitation: &Invitation) -> InOrg<resonance_domain::InvitationId> {
    InOrg::new(invitation.organization, invitation.id)
}

async fn states(request: &Request, organization: OrganizationId, states: &[InvitationState]) -> Vec<String> {
    let invitations = request.invitations();
    let page = invitations
        .list(organization, states, &PageRequest::first(100))
        .await
        .unwrap();
    assert_eq!(
        invitations.count(organization, states).await.unwrap(),
        page.items.len() as u64
    );
    page.items
        .into_iter()
        .map(|invitation| invitation.email)
        .collect()
}

on_both! {
    async fn an_invitation_is_pending_for_thirty_days_and_a_mail_brings_its_link(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 5).await;
        let request = instance.request_of(&ada).await;
        let input = InviteMembers {
            organization: Some(acme),
            emails: vec!["  Bob@Example.org ".into()],
            role: "org:member".into(),
            expires_in_days: None,
        };
        let invited = request.invitations().invite(input).await;
        let invitation = invited.unwrap().remove(0).result.unwrap();
        assert_eq!(invitation.email, "Bob@Example.org");
        assert_eq!(invitation.organization, acme);
        assert_eq!(invitation.role, RoleKey::MEMBER);
        assert_eq!(invitation.invited_by, Some(ada.user));
        assert_eq!(invitation.stored_state, InvitationState::Pending);
        assert_eq!(invitation.expires_at, instance.clock.now() + TimeDelta::days(30));
        let stored = request.invitations().get_many(acme, &[invitation.id]).await.unwrap();
        assert_eq!(stored, [invitation]);
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(10).await.unwrap();
        assert_eq!(mails.len(), 1);
        assert_eq!((mails[0].to.as_str(), mails[0].subject.as_str()), ("Bob@Example.org", "Join Acme on Resonance"));
        assert!(mails[0].text.contains("invited by Ada to join Acme as a member"), "{}", mails[0].text);
        let token = mailed_token(&instance, "Bob@Example.org").await;
        let seen = instance.anonymous().invitations().by_token(&token).await.unwrap();
        assert_eq!(seen.organization_name, "Acme");
        // The plain token is nowhere in the database.
        let bare = &token["inv_".len()..];
        for table in ["invitations", "events", "jobs"] {
            let column = if table == "invitations" { "email" } else { "CAST(payload AS text)" };
            let rows = instance.sql_texts(&format!("SELECT {column} FROM {table}")).await;
            assert!(rows.iter().all(|row| !row.contains(bare)), "{table}");
        }
    }

    async fn every_address_has_its_own_outcome_in_the_given_order(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 6).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let request = instance.request_of(&ada).await;
        invite_one(&request, "cem@example.org").await;
        let outcomes = invite(&request, &[
            "dan@example.org",
            "not an address",
            "BOB@example.org",
            "CEM@example.org",
            "DAN@example.org",
            "",
            "eve@example.org",
            "fay@example.org",
            "gus@example.org",
        ]).await.unwrap();
        assert_eq!(codes(&outcomes), [
            "OK", "INVALID", "ALREADY_MEMBER", "ALREADY_INVITED", "ALREADY_INVITED", "TOO_SHORT", "OK", "OK",
            "MEMBER_LIMIT_REACHED",
        ]);
        assert_eq!(outcomes[2].email, "BOB@example.org");
        let field = outcomes[2].result.as_ref().unwrap_err().field.as_deref();
        assert_eq!(field, Some("emails.2"));
        let pending = states(&request, acme, &[InvitationState::Pending]).await;
        assert_eq!(pending, ["fay@example.org", "eve@example.org", "dan@example.org", "cem@example.org"]);
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let invited = mails.iter().filter(|mail| mail.subject.starts_with("Join")).count();
        // Bob's is not sent any more, as he accepted before the mails went out.
        assert_eq!(invited, 4);
    }

    async fn what_is_wrong_with_the_whole_list_invites_nobody(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 0).await;
        let request = instance.request_of(&ada).await;
        let input = |addresses: usize, role: &str, days| InviteMembers {
            organization: None,
            emails: (0..addresses).map(|nth| format!("bob{nth}@example.org")).collect(),
            role: role.into(),
            expires_in_days: days,
        };
        for (input, expected) in [
            (input(0, "org:member", None), "INVALID emails"),
            (input(51, "org:owner", Some(0)), "INVALID emails, INVALID role, INVALID expiresInDays"),
            (input(1, "org:member", Some(366)), "INVALID expiresInDays"),
            (input(50, "org:admin", Some(365)), "OK"),
        ] {
            assert_eq!(verdict(&request.invitations().invite(input).await), expected);
        }
        assert_eq!(states(&request, acme, &[]).await.len(), 50);
    }

    async fn inviting_one_address_costs_six_statements(backend: Backend) {
        let (instance, ada, _) = acme(backend, 0).await;
        let request = instance.request_of(&ada).await;
        invite_one(&request, "zoe@example.org").await;
        let (invited, statements) = count_statements(invite(&request, &["bob@example.org"])).await;
        assert_eq!(codes(&invited.unwrap()), ["OK"]);
        // The organization's lock, which SQLite needs not; standing; room; throttle; invitation; event.
        let lock = u32::from(backend == Backend::Postgres);
        assert_eq!(statements, 5 + lock);
        let many: Vec<_> = (0..50).map(|nth| format!("bob{nth}@example.org")).collect();
        let (invited, statements) = count_statements(invite(&request, &many)).await;
        assert_eq!(codes(&invited.unwrap()), ["OK"; 50]);
        assert_eq!(statements, 5 + lock);
    }

    async fn an_unproved_address_of_a_member_can_be_invited(backend: Backend) {
        let (instance, ada, _) = acme(backend, 0).await;
        let user = instance.sql_id(ada.user.as_uuid());
        let id = instance.sql_id(instance.fresh_uuid());
        let add = async |address: &str, verified: &str| {
            instance.sql(&format!(
                "INSERT INTO user_emails (id, user_id, address, address_key, is_primary, verified_at, created_at)
                 SELECT {id}, {user}, '{address}', '{address}', false, {verified}, created_at FROM users WHERE id = {user}"
            )).await;
        };
        // Else anybody could keep somebody else from being invited.
        add("bob@example.org", "NULL").await;
        let request = instance.request_of(&ada).await;
        assert_eq!(codes(&invite(&request, &["bob@example.org"]).await.unwrap()), ["OK"]);
        instance.sql(&format!("UPDATE user_emails SET verified_at = created_at, address_key = 'ada@work.example' WHERE id = {id}")).await;
        assert_eq!(codes(&invite(&request, &["Ada@work.example"]).await.unwrap()), ["ALREADY_MEMBER"]);
    }

    async fn one_address_invited_by_many_at_once_has_one_pending_invitation(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 0).await;
        let node = instance.another_node().await;
        let mut contenders = Vec::new();
        for nth in 0..12 {
            let services = if nth % 2 == 0 { &instance.services } else { &node };
            let request = services.authenticate(&ada.token, Default::default(), None).await.unwrap();
            let address = if nth % 3 == 0 { "BOB@example.org" } else { "bob@example.org" };
            contenders.push(async move { codes(&invite(&request, &[address]).await.unwrap())[0] });
        }
        let all = at_once(contenders).await;
        assert_eq!(all.iter().filter(|code| **code == "OK").count(), 1);
        assert_eq!(all.iter().filter(|code| **code == "ALREADY_INVITED").count(), 11);
        let request = instance.request_of(&ada).await;
        assert_eq!(states(&request, acme, &[]).await.len(), 1);
    }

    async fn seats_are_never_oversold_by_inviting_at_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 5).await;
        let mut contenders = Vec::new();
        for nth in 0..10 {
            let request = instance.request_of(&ada).await;
            contenders.push(async move {
                codes(&invite(&request, &[format!("bob{nth}@example.org")]).await.unwrap())[0]
            });
        }
        let mut invited = 0;
        for result in at_once(contenders).await {
            match result {
                "OK" => invited += 1,
                other => assert_eq!(other, "MEMBER_LIMIT_REACHED"),
            }
        }
        assert_eq!(invited, 4);
        let request = instance.request_of(&ada).await;
        assert_eq!(states(&request, acme, &[]).await.len(), 4);
    }

    async fn an_expired_invitation_frees_its_seat_and_its_address(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 2).await;
        let request = instance.request_of(&ada).await;
        let first = invite_one(&request, "bob@example.org").await;
        assert_eq!(codes(&invite(&request, &["cem@example.org"]).await.unwrap()), ["MEMBER_LIMIT_REACHED"]);
        instance.clock.advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
        let request = instance.request_of(&ada).await;
        assert_eq!(codes(&invite(&request, &["bob@example.org"]).await.unwrap()), ["ALREADY_INVITED"]);
        instance.clock.advance(TimeDelta::microseconds(1));
        let request = instance.request_of(&ada).await;
        assert_eq!(states(&request, acme, &[InvitationState::Expired]).await.len(), 1);
        assert_eq!(states(&request, acme, &[InvitationState::Pending]).await.len(), 0);
        let second = invite_one(&request, "BOB@example.org").await;
        assert_eq!(states(&request, acme, &[InvitationState::Pending]).await, ["BOB@example.org"]);
        assert_eq!(states(&request, acme, &[InvitationState::Expired]).await, ["bob@example.org"]);
        assert_eq!(states(&request, acme, &[InvitationState::Expired, InvitationState::Pending]).await.len(), 2);
        // While the second one is pending, the first cannot come back.
        let outcome = request.invitations().resend(key(&first), None).await;
        assert_eq!(verdict(&outcome), "ALREADY_INVITED");
        request.invitations().revoke(key(&second)).await.unwrap();
        assert_eq!(verdict(&request.invitations().resend(key(&first), None).await), "OK");
    }

    async fn resending_voids_the_earlier_link_and_starts_the_time_anew(backend: Backend) {
        let (instance, ada, _) = acme(backend, 5).await;
        let request = instance.request_of(&ada).await;
        let invitation = invite_one(&request, "bob@example.org").await;
        let first = mailed_token(&instance, "bob@example.org").await;
        instance.clock.advance(TimeDelta::days(3));
        let request = instance.request_of(&ada).await;
        let again = request.invitations().resend(key(&invitation), Some(1)).await.unwrap();
        assert_eq!((again.id, again.sendings), (invitation.id, 2));
        assert_eq!(again.expires_at, instance.clock.now() + TimeDelta::days(1));
        let second = mailed_token(&instance, "bob@example.org").await;
        assert_ne!(first, second);
        let nobody = instance.anonymous();
        assert_eq!(verdict(&nobody.invitations().by_token(&first).await), "NOT_FOUND");
        assert_eq!(verdict(&nobody.invitations().by_token(&second).await), "OK");
    }

    async fn an_expired_invitation_can_be_sent_again_where_there_is_a_seat(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 2).await;
        let request = instance.request_of(&ada).await;
        let invitation = invite_one(&request, "bob@example.org").await;
        instance.clock.advance(TimeDelta::days(8));
        let request = instance.request_of(&ada).await;
        let other = invite_one(&request, "cem@example.org").await;
        let resend = async || verdict(&request.invitations().resend(key(&invitation), None).await);
        assert_eq!(resend().await, "MEMBER_LIMIT_REACHED");
        request.invitations().revoke(key(&other)).await.unwrap();
        assert_eq!(resend().await, "OK");
        // Now it holds the seat, and sending it once more needs no other.
        assert_eq!(resend().await, "OK");
        assert_eq!(states(&request, acme, &[InvitationState::Pending]).await, ["bob@example.org"]);
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let accepted = instance.request_of(&bob).await.invitations().accept(&InvitationKey::Id(key(&invitation))).await;
        assert_eq!(verdict(&accepted), "OK");
        assert_eq!(resend().await, "INVITATION_CLOSED");
    }

    async fn a_member_who_joined_otherwise_is_not_reminded(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 5).await;
        let request = instance.request_of(&ada).await;
        let stale = invite_one(&request, "bob@example.org").await;
        instance.clock.advance(TimeDelta::days(8));
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let request = instance.request_of(&ada).await;
        assert_eq!(verdict(&request.invitations().resend(key(&stale), None).await), "ALREADY_MEMBER");
    }

    async fn a_revoked_invitation_is_void(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 2).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let request = instance.request_of(&ada).await;
        let invitation = invite_one(&request, "bob@example.org").await;
        let token = mailed_token(&instance, "bob@example.org").await;
        let revoked = request.invitations().revoke(key(&invitation)).await.unwrap();
        assert_eq!((revoked.stored_state, revoked.closed_at), (InvitationState::Revoked, Some(instance.clock.now())));
        let bobs = instance.request_of(&bob).await;
        for by in [InvitationKey::Token(token.clone()), InvitationKey::Id(key(&invitation))] {
            assert_eq!(verdict(&bobs.invitations().accept(&by).await), "INVITATION_CLOSED");
            assert_eq!(verdict(&bobs.invitations().decline(&by).await), "INVITATION_CLOSED");
        }
        assert!(bobs.invitations().received(&PageRequest::first(9)).await.unwrap().items.is_empty());
        let seen = instance.anonymous().invitations().by_token(&token).await.unwrap();
        assert_eq!(seen.invitation.stored_state, InvitationState::Revoked);
        for outcome in [
            request.invitations().revoke(key(&invitation)).await,
            request.invitations().resend(key(&invitation), None).await,
        ] {
            assert_eq!(verdict(&outcome), "INVITATION_CLOSED");
        }
        // Its seat and its address are free again.
        assert_eq!(states(&request, acme, &[InvitationState::Revoked]).await.len(), 1);
        invite_one(&request, "bob@example.org").await;
        instance.clock.advance(TimeDelta::days(8));
        let request = instance.request_of(&ada).await;
        let expired = request.invitations().list(acme, &[InvitationState::Expired], &PageRequest::first(1)).await;
        let expired = expired.unwrap().items.remove(0);
        assert_eq!(verdict(&request.invitations().revoke(key(&expired)).await), "INVITATION_EXPIRED");
    }

    async fn invitations_come_page_by_page_newest_first(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 0).await;
        let request = instance.request_of(&ada).await;
        for nth in 0..5 {
            invite_one(&request, &format!("bob{nth}@example.org")).await;
        }
        let whole = PageRequest::first(9);
        let whole = request.invitations().list(acme, &[], &whole).await.unwrap().items;
        let addresses: Vec<_> = whole.iter().map(|invitation| invitation.email.as_str()).collect();
        let newest_first: Vec<_> = (0..5).rev().map(|nth| format!("bob{nth}@example.org")).collect();
        assert_eq!(addresses, newest_first);
        let cursor = Some(resonance_services::IdCursor(whole[1].id.as_uuid()));
        let second = PageRequest { cursor, ..PageRequest::first(2) };
        let second = request.invitations().list(acme, &[], &second).await.unwrap();
        assert_eq!(second.items, whole[2..4]);
        assert!(second.has_next && second.has_previous);
        let (page, statements) =
            count_statements(request.invitations().list(acme, &[InvitationState::Pending], &PageRequest::first(9))).await;
        assert_eq!((page.unwrap().items.len(), statements), (5, 1));
        let unknown = InOrg::new(acme, Id::from_uuid(instance.fresh_uuid()));
        assert_eq!(verdict(&request.invitations().resend(unknown, None).await), "NOT_FOUND invitationId");
        assert_eq!(verdict(&request.invitations().revoke(unknown).await), "NOT_FOUND invitationId");
    }

    async fn no_more_than_250_an_hour_leave_an_organization(backend: Backend) {
        let (instance, ada, acme) = acme(backend, 0).await;
        let request = instance.request_of(&ada).await;
        let batch = |from: usize, count: usize| {
            (from..from + count).map(|nth| format!("bob{nth}@example.org")).collect::<Vec<_>>()
        };
        for nth in 0..4 {
            invite(&request, &batch(nth * 50, 50)).await.unwrap();
        }
        // What is refused anyway takes nothing from the allowance.
        assert_eq!(codes(&invite(&request, &batch(0, 50)).await.unwrap()), ["ALREADY_INVITED"; 50]);
        invite(&request, &batch(200, 49)).await.unwrap();
        // One is left, and two are too many: nobody is invited.
        match invite(&request, &batch(300, 2)).await {
            Err(ServiceError::RateLimited { wait }) => {
                assert!(wait > TimeDelta::zero() && wait <= TimeDelta::seconds(15), "{wait}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(request.invitations().count(acme, &[]).await.unwrap(), 249);
        let last = invite_one(&request, "last@example.org").await;
        assert_eq!(verdict(&invite(&request, &["one.more@example.org"]).await), "RATE_LIMITED");
        assert_eq!(verdict(&request.invitations().resend(key(&last), None).await), "RATE_LIMITED");
        // Another organization has its own allowance.
        let other = instance.found(&ada, "Other").await;
        let request = instance.request_of(&ada).await;
        assert_eq!(request.active_organization(), Some(other));
        invite_one(&request, "one.more@example.org").await;
        instance.clock.advance(TimeDelta::hours(1));
        let request = instance.request_in(&ada, acme).await;
        assert_eq!(codes(&invite(&request, &batch(400, 50)).await.unwrap()), ["OK"; 50]);
    }
}
