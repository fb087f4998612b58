//! Suggestions and requests to join.

use resonance_domain::{
    EnrolmentMode, InOrg, MembershipRequestId, MembershipRequestState as State, OrganizationId, PageRequest,
    RoleKey,
};
use resonance_services::UpdateDomain;
use resonance_testkit::{Backend, Instance, Person, at_once, count_statements, on_both, verdict};

use super::{acme, address, mails_to, offered, proved};

const AT_ONCE: EnrolmentMode = EnrolmentMode::AutomaticInvitation;
const SUGGESTED: EnrolmentMode = EnrolmentMode::AutomaticSuggestion;

/// Acme with a domain that suggests it, and Bob who has an address there.
async fn suggesting(backend: Backend) -> (Instance, Person, OrganizationId, Person) {
    let (instance, ada, acme) = acme(backend).await;
    proved(&instance, &ada, acme, "acme.example", SUGGESTED).await;
    let bob = instance.sign_up("Bob", "bob@acme.example").await;
    (instance, ada, acme, bob)
}

async fn ask(
    instance: &Instance,
    person: &Person,
    organization: OrganizationId,
) -> InOrg<MembershipRequestId> {
    let request = instance.request_of(person).await;
    let sent = request
        .enrolments()
        .accept_suggestion(organization)
        .await
        .unwrap();
    InOrg::new(organization, sent.request.id)
}

async fn states(instance: &Instance, person: &Person) -> Vec<State> {
    let request = instance.request_of(person).await;
    let page = request
        .enrolments()
        .requests(&PageRequest::first(50))
        .await
        .unwrap();
    assert_eq!(
        request.enrolments().count_requests().await.unwrap(),
        page.items.len() as u64
    );
    page.items.into_iter().map(|sent| sent.request.state).collect()
}

on_both! {
    async fn an_accepted_suggestion_is_a_request_which_an_admin_accepts_and_both_are_mailed(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let bobs = instance.request_of(&bob).await;
        assert_eq!(offered(&bobs, SUGGESTED).await, ["Acme"]);
        assert!(offered(&bobs, AT_ONCE).await.is_empty());
        assert_eq!(verdict(&bobs.enrolments().join(acme).await), "NOT_FOUND organizationId");
        let id = ask(&instance, &bob, acme).await;
        assert!(offered(&bobs, SUGGESTED).await.is_empty());
        assert_eq!(verdict(&bobs.enrolments().accept_suggestion(acme).await), "NOT_FOUND organizationId");
        assert_eq!(mails_to(&instance, "ada@example.org").await[0], "Bob asks to join Acme");
        // Asking opens nothing yet.
        assert_eq!(verdict(&bobs.standing(acme).await), "NOT_FOUND");

        let request = instance.request_of(&ada).await;
        let requests = request.membership_requests();
        let (page, statements) = count_statements(requests.list(acme, &[State::Pending], &PageRequest::first(9))).await;
        let page = page.unwrap();
        assert!(statements <= 2);
        assert_eq!((page.items[0].request.id, page.items[0].name.as_str()), (id.id, "Bob"));
        assert_eq!(page.items[0].request.email, "bob@acme.example");
        let accepted = requests.accept(id).await.unwrap();
        assert_eq!((accepted.request.state, accepted.request.decided_by), (State::Accepted, Some(ada.user)));
        let bobs = instance.request_of(&bob).await;
        assert_eq!(bobs.active_organization(), Some(acme));
        assert_eq!(bobs.standing(acme).await.unwrap().role(), &RoleKey::MEMBER);
        assert_eq!(mails_to(&instance, "bob@acme.example").await[0], "You are now a member of Acme");
        assert_eq!(states(&instance, &bob).await, [State::Accepted]);
        assert_eq!(verdict(&requests.accept(id).await), "CONFLICT membershipRequestId");
        assert_eq!(verdict(&requests.reject(id).await), "CONFLICT membershipRequestId");
        assert_eq!(requests.count(acme, &[State::Pending]).await.unwrap(), 0);
        assert_eq!(requests.count(acme, &[]).await.unwrap(), 1);
    }

    async fn a_rejected_request_is_final_and_mailed_and_not_suggested_again(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let id = ask(&instance, &bob, acme).await;
        let rejected = instance.request_of(&ada).await.membership_requests().reject(id).await.unwrap();
        assert_eq!(rejected.request.state, State::Rejected);
        assert_eq!(mails_to(&instance, "bob@acme.example").await[0], "Your request to join Acme was rejected");
        let bobs = instance.request_of(&bob).await;
        assert!(offered(&bobs, SUGGESTED).await.is_empty());
        assert_eq!(verdict(&bobs.enrolments().accept_suggestion(acme).await), "NOT_FOUND organizationId");
        assert_eq!(verdict(&bobs.enrolments().withdraw(id).await), "CONFLICT membershipRequestId");
        let outcome = instance.request_of(&ada).await.membership_requests().accept(id).await;
        assert_eq!(verdict(&outcome), "CONFLICT membershipRequestId");
    }

    async fn a_dismissed_suggestion_does_not_come_back(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let cem = instance.sign_up("Cem", "cem@acme.example").await;
        let bobs = instance.request_of(&bob).await;
        let dismissed = bobs.enrolments().dismiss_suggestion(acme).await.unwrap();
        assert_eq!(dismissed.organization_name, "Acme");
        assert!(offered(&bobs, SUGGESTED).await.is_empty());
        assert_eq!(verdict(&bobs.enrolments().dismiss_suggestion(acme).await), "NOT_FOUND organizationId");
        assert_eq!(verdict(&bobs.enrolments().accept_suggestion(acme).await), "NOT_FOUND organizationId");
        assert_eq!(offered(&instance.request_of(&cem).await, SUGGESTED).await, ["Acme"]);
        assert!(!mails_to(&instance, "ada@example.org").await.iter().any(|subject| subject.contains("asks")));
        // Where everybody may join at once, that is still their right.
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let page = domains.list(acme, &PageRequest::first(1)).await.unwrap();
        let input = UpdateDomain { mode: Some(AT_ONCE), ..UpdateDomain::default() };
        domains.update(address(&page.items[0]), &input).await.unwrap();
        assert_eq!(offered(&bobs, AT_ONCE).await, ["Acme"]);
    }

    async fn a_request_is_withdrawn_by_its_user_alone_and_can_be_made_again(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let cem = instance.sign_up("Cem", "cem@acme.example").await;
        let id = ask(&instance, &bob, acme).await;
        let outcome = instance.request_of(&cem).await.enrolments().withdraw(id).await;
        assert_eq!(verdict(&outcome), "NOT_FOUND membershipRequestId");
        let outcome = instance.request_of(&ada).await.enrolments().withdraw(id).await;
        assert_eq!(verdict(&outcome), "NOT_FOUND membershipRequestId");
        assert_eq!(verdict(&instance.anonymous().enrolments().withdraw(id).await), "UNAUTHENTICATED");
        let bobs = instance.request_of(&bob).await;
        assert_eq!(bobs.enrolments().withdraw(id).await.unwrap().request.state, State::Withdrawn);
        assert_eq!(verdict(&bobs.enrolments().withdraw(id).await), "CONFLICT membershipRequestId");
        let outcome = instance.request_of(&ada).await.membership_requests().accept(id).await;
        assert_eq!(verdict(&outcome), "CONFLICT membershipRequestId");
        // Five times a day, as each is a mail to the admins.
        for _ in 0..4 {
            let id = ask(&instance, &bob, acme).await;
            bobs.enrolments().withdraw(id).await.unwrap();
        }
        assert_eq!(verdict(&bobs.enrolments().accept_suggestion(acme).await), "RATE_LIMITED");
        // A letter about what was taken back is not sent.
        assert!(!mails_to(&instance, "ada@example.org").await.iter().any(|subject| subject.contains("asks")));
    }

    async fn requests_are_the_business_of_those_who_manage_members_and_of_no_other_organization(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let cem = instance.sign_up("Cem", "cem@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        instance.bring_in(&ada, acme, &cem, RoleKey::MEMBER).await;
        let evil = instance.found(&eve, "Evil").await;
        let id = ask(&instance, &bob, acme).await;
        for (person, verdict_of) in [
            (Some(&cem), "FORBIDDEN org:sys_memberships:manage"),
            (Some(&eve), "NOT_FOUND"),
            (Some(&bob), "NOT_FOUND"),
            (None, "UNAUTHENTICATED"),
        ] {
            let request = match person {
                Some(person) => instance.request_of(person).await,
                None => instance.anonymous(),
            };
            let requests = request.membership_requests();
            assert_eq!(verdict(&requests.list(acme, &[], &PageRequest::first(9)).await), verdict_of);
            assert_eq!(verdict(&requests.count(acme, &[]).await), verdict_of);
            assert_eq!(verdict(&requests.get_many(acme, &[id.id]).await), verdict_of);
            assert_eq!(verdict(&requests.accept(id).await), verdict_of);
            assert_eq!(verdict(&requests.reject(id).await), verdict_of);
        }
        let request = instance.request_of(&eve).await;
        let crossed = InOrg::new(evil, id.id);
        assert_eq!(verdict(&request.membership_requests().accept(crossed).await), "NOT_FOUND membershipRequestId");
        assert_eq!(verdict(&request.membership_requests().reject(crossed).await), "NOT_FOUND membershipRequestId");
        assert!(request.membership_requests().get_many(evil, &[id.id]).await.unwrap().is_empty());
        assert_eq!(states(&instance, &bob).await, [State::Pending]);
        // Only who manages members is mailed.
        assert!(!mails_to(&instance, "cem@example.org").await.iter().any(|subject| subject.contains("asks")));
    }

    async fn accepting_obeys_the_member_limit_also_at_once(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let mut ids = vec![ask(&instance, &bob, acme).await];
        for nth in 0..9 {
            let person = instance.sign_up(&format!("P{nth}"), &format!("p{nth}@acme.example")).await;
            ids.push(ask(&instance, &person, acme).await);
        }
        instance.set_member_limit(acme, 3).await;
        let mut contenders = Vec::new();
        for id in ids {
            let request = instance.request_of(&ada).await;
            contenders.push(async move { verdict(&request.membership_requests().accept(id).await) });
        }
        let outcomes = at_once(contenders).await;
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "OK").count(), 2, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "MEMBER_LIMIT_REACHED").count(), 8);
        let request = instance.request_of(&ada).await;
        assert_eq!(request.membership_requests().count(acme, &[State::Pending]).await.unwrap(), 8);
    }

    async fn of_two_admins_who_decide_at_once_one_learns_that_it_was_done(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let dan = instance.sign_up("Dan", "dan@example.org").await;
        instance.bring_in(&ada, acme, &dan, RoleKey::ADMIN).await;
        let id = ask(&instance, &bob, acme).await;
        let mut contenders = Vec::new();
        for admin in [&ada, &dan, &ada, &dan] {
            let request = instance.request_of(admin).await;
            contenders.push(async move { verdict(&request.membership_requests().accept(id).await) });
        }
        let mut outcomes = at_once(contenders).await;
        outcomes.sort();
        assert_eq!(outcomes, ["CONFLICT membershipRequestId", "CONFLICT membershipRequestId", "CONFLICT membershipRequestId", "OK"]);
        assert_eq!(instance.request_of(&ada).await.memberships().count(acme, &Default::default()).await.unwrap(), 3);
    }

    async fn one_request_is_pending_per_user_and_organization_whatever_runs_at_once(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let mut contenders = Vec::new();
        for _ in 0..6 {
            let request = instance.request_of(&bob).await;
            contenders.push(async move { verdict(&request.enrolments().accept_suggestion(acme).await) });
        }
        let mut outcomes = at_once(contenders).await;
        outcomes.sort();
        assert_eq!(outcomes[4..], ["NOT_FOUND organizationId", "OK"]);
        let request = instance.request_of(&ada).await;
        assert_eq!(request.membership_requests().count(acme, &[]).await.unwrap(), 1);
    }

    async fn who_joins_another_way_has_no_pending_request_any_more(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let id = ask(&instance, &bob, acme).await;
        instance.bring_in(&ada, acme, &bob, RoleKey::ADMIN).await;
        assert_eq!(states(&instance, &bob).await, [State::Accepted]);
        let cem = instance.sign_up("Cem", "cem@acme.example").await;
        let theirs = ask(&instance, &cem, acme).await;
        // Nobody accepts their own request.
        let outcome = instance.request_of(&bob).await.membership_requests().accept(id).await;
        assert_eq!(verdict(&outcome), "OWN_REQUEST membershipRequestId");
        let refused = "SELECT CAST(payload AS text) FROM events WHERE kind = 'access.refused' AND organization_id IS NOT NULL";
        assert!(instance.sql_texts(refused).await.concat().contains("OWN_REQUEST"));
        assert_eq!(verdict(&instance.request_of(&bob).await.membership_requests().accept(theirs).await), "OK");
        // The invitation was the answer; no second mail says the same.
        assert!(!mails_to(&instance, "bob@acme.example").await.contains(&"You are now a member of Acme".to_owned()));
    }

    async fn giving_up_the_address_takes_the_request_back(backend: Backend) {
        let (instance, ada, acme, _) = suggesting(backend).await;
        let cem = instance.sign_up("Cem", "cem@example.org").await;
        let request = instance.request_of(&cem).await;
        let added = request.email_addresses().add("cem@acme.example").await.unwrap();
        let code = instance.mailed_code("cem@acme.example").await;
        request.email_addresses().verify(added.id, &code).await.unwrap();
        let id = ask(&instance, &cem, acme).await;
        request.email_addresses().remove(added.id).await.unwrap();
        assert_eq!(states(&instance, &cem).await, [State::Withdrawn]);
        let outcome = instance.request_of(&ada).await.membership_requests().accept(id).await;
        assert_eq!(verdict(&outcome), "CONFLICT membershipRequestId");
    }

    async fn pending_requests_outlive_a_change_of_mode_and_the_domain_unless_they_are_to_be_rejected(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let page = domains.list(acme, &PageRequest::first(1)).await.unwrap();
        let id = address(&page.items[0]);
        let kept = ask(&instance, &bob, acme).await;
        // The role that is promised follows the domain's.
        let input = UpdateDomain { mode: Some(AT_ONCE), role: Some("org:admin".into()), reject_pending: false };
        domains.update(id, &input).await.unwrap();
        assert_eq!(states(&instance, &bob).await, [State::Pending]);
        assert!(offered(&instance.request_of(&bob).await, SUGGESTED).await.is_empty());
        let listed = request.membership_requests().get_many(acme, &[kept.id]).await.unwrap();
        assert_eq!(listed[0].request.role, RoleKey::ADMIN);
        let input = UpdateDomain { mode: Some(SUGGESTED), ..UpdateDomain::default() };
        domains.update(id, &input).await.unwrap();
        domains.remove(id, false).await.unwrap();
        assert_eq!(states(&instance, &bob).await, [State::Pending]);
        let accepted = request.membership_requests().accept(kept).await.unwrap();
        assert_eq!((accepted.request.role, accepted.request.domain), (RoleKey::ADMIN, None));

        let again = proved(&instance, &ada, acme, "acme.example", SUGGESTED).await;
        let cem = instance.sign_up("Cem", "cem@acme.example").await;
        ask(&instance, &cem, acme).await;
        domains.remove(address(&again), true).await.unwrap();
        assert_eq!(states(&instance, &cem).await, [State::Rejected]);
        assert_eq!(mails_to(&instance, "cem@acme.example").await[0], "Your request to join Acme was rejected");
    }

    async fn deleting_the_organization_leaves_no_request_and_no_suggestion(backend: Backend) {
        let (instance, ada, acme, bob) = suggesting(backend).await;
        let cem = instance.sign_up("Cem", "cem@acme.example").await;
        let id = ask(&instance, &bob, acme).await;
        instance.request_of(&cem).await.enrolments().dismiss_suggestion(acme).await.unwrap();
        instance.request_of(&ada).await.organizations().delete(Some(acme)).await.unwrap();
        assert!(states(&instance, &bob).await.is_empty());
        let outcome = instance.request_of(&bob).await.enrolments().withdraw(id).await;
        assert_eq!(verdict(&outcome), "NOT_FOUND membershipRequestId");
        instance.services.settle().await.unwrap();
        for table in ["membership_requests", "organization_domains", "closed_enrolments"] {
            assert_eq!(instance.sql(&format!("UPDATE {table} SET organization_id = organization_id")).await, 0, "{table}");
        }
    }
}
