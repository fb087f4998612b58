//! What becomes of an open invitation when its invitee joins by another way.

use resonance_domain::{EnrolmentMode, ErrorCode, InOrg, InvitationState, OrganizationId, PageRequest};
use resonance_services::InviteMembers;
use resonance_testkit::{Instance, Person, on_both};

use super::{acme, proved};

/// Invites Bob, whose address is at Acme's domain, and Eve, who is somebody else.
async fn invite(instance: &Instance, admin: &Person, organization: OrganizationId) {
    let input = InviteMembers {
        organization: Some(organization),
        emails: vec!["BOB@acme.example".into(), "eve@acme.example".into()],
        role: "org:member".into(),
        expires_in_days: None,
    };
    let invited = instance.request_of(admin).await.invitations().invite(input).await;
    assert!(invited.unwrap().iter().all(|outcome| outcome.result.is_ok()));
}

/// The addresses and states of an organization's invitations, by address.
async fn states(
    instance: &Instance,
    admin: &Person,
    organization: OrganizationId,
) -> Vec<(String, InvitationState)> {
    let request = instance.request_of(admin).await;
    let page = request
        .invitations()
        .list(organization, &[], &PageRequest::first(10))
        .await
        .unwrap();
    let mut states: Vec<_> = page
        .items
        .into_iter()
        .map(|found| (found.email.to_lowercase(), found.stored_state))
        .collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

fn only_bobs_is_accepted() -> Vec<(String, InvitationState)> {
    vec![
        ("bob@acme.example".into(), InvitationState::Accepted),
        ("eve@acme.example".into(), InvitationState::Pending),
    ]
}

on_both! {
    async fn joining_through_a_domain_accepts_the_open_invitation_and_no_other_organizations(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let other = instance.found(&ada, "Other").await;
        proved(&instance, &ada, acme, "acme.example", EnrolmentMode::AutomaticInvitation).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        invite(&instance, &ada, acme).await;
        invite(&instance, &ada, other).await;
        // Ada, and the two seats that the invitations hold: one of them is Bob's.
        instance.set_member_limit(acme, 3).await;
        instance.request_of(&bob).await.enrolments().join(acme).await.unwrap();
        assert_eq!(states(&instance, &ada, acme).await, only_bobs_is_accepted());
        let pending = |email: &str| (email.to_owned(), InvitationState::Pending);
        assert_eq!(states(&instance, &ada, other).await, [pending("bob@acme.example"), pending("eve@acme.example")]);
        // The log says so, once.
        let told = instance.sql_texts("SELECT kind FROM events WHERE kind = 'invitation.accepted'").await;
        assert_eq!(told.len(), 1);
    }

    async fn an_accepted_request_to_join_accepts_the_open_invitation(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        proved(&instance, &ada, acme, "acme.example", EnrolmentMode::AutomaticSuggestion).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        invite(&instance, &ada, acme).await;
        let sent = instance.request_of(&bob).await.enrolments().accept_suggestion(acme).await.unwrap();
        let request = instance.request_of(&ada).await;
        request.membership_requests().accept(InOrg::new(acme, sent.request.id)).await.unwrap();
        assert_eq!(states(&instance, &ada, acme).await, only_bobs_is_accepted());
    }

    async fn a_member_whom_an_operator_adds_holds_no_second_seat_by_an_open_invitation(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let olga = instance.sign_up("Olga", "olga@example.org").await;
        instance.services.add_operator("olga@example.org").await.unwrap();
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        invite(&instance, &ada, acme).await;
        // Ada, Bob, and the seat that Eve's invitation holds.
        instance.set_member_limit(acme, 3).await;
        let request = instance.request_of(&olga).await;
        request.operators().add_member(acme, bob.user, "org:member", "by phone").await.unwrap();
        assert_eq!(states(&instance, &ada, acme).await, only_bobs_is_accepted());
        // With a fourth seat there is room for exactly one more.
        instance.set_member_limit(acme, 4).await;
        let input = |email: &str| InviteMembers {
            organization: Some(acme),
            emails: vec![email.into()],
            role: "org:member".into(),
            expires_in_days: None,
        };
        let adas = instance.request_of(&ada).await;
        assert!(adas.invitations().invite(input("one@example.net")).await.unwrap()[0].result.is_ok());
        let two = adas.invitations().invite(input("two@example.net")).await.unwrap();
        assert_eq!(two[0].result.as_ref().unwrap_err().code, ErrorCode::MemberLimitReached);
    }
}
