//! Joining through a domain that lets people in at once.

use resonance_domain::{EnrolmentMode, PageRequest, RoleKey};
use resonance_services::UpdateDomain;
use resonance_testkit::{Person, at_once, count_statements, on_both, verdict};

use super::{acme, address, domain, offered, proved};

const AT_ONCE: EnrolmentMode = EnrolmentMode::AutomaticInvitation;
const SUGGESTED: EnrolmentMode = EnrolmentMode::AutomaticSuggestion;

on_both! {
    async fn whoever_has_a_verified_address_at_the_domain_joins_at_once_with_its_role(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "Bob@ACME.example").await;
        let request = instance.request_of(&bob).await;
        assert!(offered(&request, AT_ONCE).await.is_empty());
        proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        assert_eq!(offered(&request, AT_ONCE).await, ["Acme"]);
        assert!(offered(&request, SUGGESTED).await.is_empty());
        let viewed = request.enrolments().join(acme).await.unwrap();
        assert_eq!((viewed.organization.id, viewed.standing.role()), (acme, &RoleKey::MEMBER));
        assert_eq!(request.standing(acme).await.unwrap(), viewed.standing);
        assert_eq!(instance.request_of(&bob).await.active_organization(), Some(acme));
        assert!(offered(&request, AT_ONCE).await.is_empty());
        assert_eq!(verdict(&request.enrolments().join(acme).await), "ALREADY_MEMBER");
        let event = format!(
            "UPDATE events SET kind = kind WHERE kind = 'membership.created' AND organization_id = {}
             AND CAST(payload AS text) LIKE '%acme.example%'",
            instance.sql_id(acme.as_uuid())
        );
        assert_eq!(instance.sql(&event).await, 1);
    }

    async fn other_domains_sub_domains_and_unverified_addresses_open_nothing(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        // A domain that was only added opens nothing, whatever its mode.
        let other = instance.found(&ada, "Other").await;
        let request = instance.request_of(&ada).await;
        request.organization_domains().add(domain(other, "other.example", AT_ONCE)).await.unwrap();
        for (nth, email) in ["x@mail.acme.example", "x@notacme.example", "x@acme.example.org", "x@other.example"].iter().enumerate() {
            let stranger = instance.sign_up(&format!("X{nth}"), email).await;
            let request = instance.request_of(&stranger).await;
            assert!(offered(&request, AT_ONCE).await.is_empty(), "{email}");
            for organization in [acme, other] {
                assert_eq!(verdict(&request.enrolments().join(organization).await), "NOT_FOUND organizationId");
                assert_eq!(verdict(&request.enrolments().accept_suggestion(organization).await), "NOT_FOUND organizationId");
                assert_eq!(verdict(&request.enrolments().dismiss_suggestion(organization).await), "NOT_FOUND organizationId");
            }
        }
        let eve = instance.sign_up("Eve", "eve@example.net").await;
        let request = instance.request_of(&eve).await;
        let claimed = request.email_addresses().add("eve@acme.example").await.unwrap();
        assert!(offered(&request, AT_ONCE).await.is_empty());
        let code = instance.mailed_code("eve@acme.example").await;
        request.email_addresses().verify(claimed.id, &code).await.unwrap();
        assert_eq!(offered(&request, AT_ONCE).await, ["Acme"]);
        request.email_addresses().remove(claimed.id).await.unwrap();
        assert!(offered(&request, AT_ONCE).await.is_empty());
        assert_eq!(verdict(&request.enrolments().join(acme).await), "NOT_FOUND organizationId");
        assert_eq!(verdict(&instance.anonymous().enrolments().join(acme).await), "UNAUTHENTICATED");
        assert_eq!(verdict(&instance.anonymous().enrolments().offers(AT_ONCE, &PageRequest::first(9)).await), "UNAUTHENTICATED");
    }

    async fn offers_are_paged_and_each_organization_is_one_whatever_the_number_of_its_domains(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@one.example").await;
        let request = instance.request_of(&bob).await;
        for nth in ["two", "three"] {
            let email = format!("bob@{nth}.example");
            let added = request.email_addresses().add(&email).await.unwrap();
            let code = instance.mailed_code(&email).await;
            request.email_addresses().verify(added.id, &code).await.unwrap();
        }
        let (north, south) = (instance.found(&ada, "North").await, instance.found(&ada, "South").await);
        proved(&instance, &ada, north, "one.example", AT_ONCE).await;
        proved(&instance, &ada, north, "two.example", AT_ONCE).await;
        proved(&instance, &ada, south, "three.example", AT_ONCE).await;
        assert_eq!(offered(&request, AT_ONCE).await, ["South", "North"]);
        let mut page = PageRequest::first(1);
        let (first, statements) = count_statements(request.enrolments().offers(AT_ONCE, &page)).await;
        let first = first.unwrap();
        assert_eq!((first.items[0].organization, first.has_next, statements), (south, true, 3));
        page.cursor = Some(resonance_services::IdCursor(south.as_uuid()));
        let second = request.enrolments().offers(AT_ONCE, &page).await.unwrap();
        assert_eq!((second.items[0].organization, second.has_next), (north, false));
    }

    async fn nobody_gives_a_domain_a_role_beyond_their_own(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        let added = proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        let request = instance.request_of(&ada).await;
        let input = UpdateDomain { role: Some("org:admin".into()), ..UpdateDomain::default() };
        request.organization_domains().update(address(&added), &input).await.unwrap();
        for role in ["org:owner", "admin", ""] {
            let input = UpdateDomain { role: Some(role.into()), ..UpdateDomain::default() };
            assert_eq!(verdict(&request.organization_domains().update(address(&added), &input).await), "INVALID role");
        }
        let viewed = instance.request_of(&bob).await.enrolments().join(acme).await.unwrap();
        assert_eq!(viewed.standing.role(), &RoleKey::ADMIN);
    }

    async fn whoever_was_removed_joins_again_only_by_invitation(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        let bobs = instance.request_of(&bob).await;
        let viewed = bobs.enrolments().join(acme).await.unwrap();
        // Who leaves may come back.
        instance.request_of(&bob).await.memberships().leave(Some(acme)).await.unwrap();
        assert_eq!(offered(&bobs, AT_ONCE).await, ["Acme"]);
        let viewed_again = instance.request_of(&bob).await.enrolments().join(acme).await.unwrap();
        assert_ne!(viewed.standing.membership(), viewed_again.standing.membership());
        let member = resonance_domain::InOrg::new(acme, viewed_again.standing.membership());
        instance.request_of(&ada).await.memberships().remove(member).await.unwrap();
        assert!(offered(&bobs, AT_ONCE).await.is_empty());
        let outcome = instance.request_of(&bob).await.enrolments().join(acme).await;
        assert_eq!(verdict(&outcome), "NOT_FOUND organizationId");
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        instance.request_of(&bob).await.memberships().leave(Some(acme)).await.unwrap();
        assert_eq!(offered(&bobs, AT_ONCE).await, ["Acme"]);
    }

    async fn of_twenty_who_join_at_once_one_gets_the_last_seat(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        let mut people: Vec<Person> = Vec::new();
        for nth in 0..20 {
            people.push(instance.sign_up(&format!("P{nth}"), &format!("p{nth}@acme.example")).await);
        }
        // An open invitation takes a seat too.
        let input = resonance_services::InviteMembers {
            organization: Some(acme),
            emails: vec!["guest@example.net".into()],
            role: "org:member".into(),
            expires_in_days: None,
        };
        instance.request_of(&ada).await.invitations().invite(input).await.unwrap();
        instance.set_member_limit(acme, 3).await;
        let mut contenders = Vec::new();
        for person in &people {
            let request = instance.request_of(person).await;
            contenders.push(async move { verdict(&request.enrolments().join(acme).await) });
        }
        let outcomes = at_once(contenders).await;
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "OK").count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "MEMBER_LIMIT_REACHED").count(), 19, "{outcomes:?}");
        let members = instance.request_of(&ada).await.memberships().count(acme, &Default::default()).await;
        assert_eq!(members.unwrap(), 2);
    }

    async fn a_double_click_joins_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        let mut contenders = Vec::new();
        for _ in 0..6 {
            let request = instance.request_of(&bob).await;
            contenders.push(async move { verdict(&request.enrolments().join(acme).await) });
        }
        let mut outcomes = at_once(contenders).await;
        outcomes.sort();
        assert_eq!(outcomes[..5], ["ALREADY_MEMBER"; 5]);
        assert_eq!(outcomes[5], "OK");
    }
}
