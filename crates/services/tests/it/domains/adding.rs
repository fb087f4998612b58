//! Adding, changing and removing domains.

use resonance_domain::{EnrolmentMode, Id, InOrg, PageRequest, RoleKey};
use resonance_services::{AddDomain, UpdateDomain};
use resonance_testkit::{Instance, count_statements, on_both, verdict};

use super::{acme, address, domain, offered, proved};

const MANUAL: EnrolmentMode = EnrolmentMode::ManualInvitation;
const AT_ONCE: EnrolmentMode = EnrolmentMode::AutomaticInvitation;
const SUGGESTED: EnrolmentMode = EnrolmentMode::AutomaticSuggestion;

on_both! {
    async fn an_organization_has_up_to_ten_domains_each_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let other = instance.found(&ada, "Other").await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let first = domains.add(domain(acme, "Bücher.Example.", MANUAL)).await.unwrap();
        assert_eq!(first.name.as_str(), "xn--bcher-kva.example");
        assert_eq!((first.mode, &first.role, first.proved), (MANUAL, &RoleKey::MEMBER, None));
        assert_eq!(verdict(&domains.add(domain(acme, "XN--bcher-KVA.example", MANUAL)).await), "TAKEN name");
        for nth in 1..10 {
            domains.add(domain(acme, &format!("acme{nth}.example"), MANUAL)).await.unwrap();
        }
        assert_eq!(verdict(&domains.add(domain(acme, "acme10.example", MANUAL)).await), "CONFLICT name");
        // Another organization may add what is not proved yet.
        domains.add(domain(other, "bücher.example", MANUAL)).await.unwrap();
        let (page, statements) = count_statements(domains.list(acme, &PageRequest::first(4))).await;
        let page = page.unwrap();
        assert!(statements <= 2, "{statements}");
        assert_eq!((page.items.len(), page.has_next, page.items[0].id), (4, true, first.id));
        assert_eq!(domains.count(acme).await.unwrap(), 10);
        assert_eq!(domains.count(other).await.unwrap(), 1);
    }

    async fn providers_suffixes_and_what_is_no_domain_are_refused_with_all_errors_at_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        for (name, refusal) in [
            ("gmail.com", "DOMAIN_NOT_ALLOWED name"),
            ("mailinator.com", "DOMAIN_NOT_ALLOWED name"),
            ("co.uk", "DOMAIN_NOT_ALLOWED name"),
            ("192.0.2.1", "INVALID name"),
            ("localhost", "INVALID name"),
            ("", "INVALID name"),
        ] {
            let outcome = request.organization_domains().add(domain(acme, name, MANUAL)).await;
            assert_eq!(verdict(&outcome), refusal, "{name}");
        }
        let input = AddDomain { role: Some("org:nothing".into()), ..domain(acme, "gmail.com", MANUAL) };
        let outcome = request.organization_domains().add(input).await;
        assert_eq!(verdict(&outcome), "DOMAIN_NOT_ALLOWED name, INVALID role");
        assert_eq!(request.organization_domains().count(acme).await.unwrap(), 0);
    }

    async fn the_instance_decides_about_domains_modes_and_the_default_role(backend: Backend) {
        let off = Instance::with(backend, |settings| settings.domains_enabled = false).await;
        let ada = off.sign_up("Ada", "ada@example.org").await;
        let organization = off.found(&ada, "Acme").await;
        let request = off.request_of(&ada).await;
        let outcome = request.organization_domains().add(domain(organization, "acme.example", MANUAL)).await;
        assert_eq!(verdict(&outcome), "DOMAIN_NOT_ALLOWED");

        let some = Instance::with(backend, |settings| {
            settings.enrolment_modes = vec![SUGGESTED];
            settings.domain_default_role = RoleKey::ADMIN;
        }).await;
        let ada = some.sign_up("Ada", "ada@example.org").await;
        let organization = some.found(&ada, "Acme").await;
        let request = some.request_of(&ada).await;
        let domains = request.organization_domains();
        let outcome = domains.add(domain(organization, "acme.example", AT_ONCE)).await;
        assert_eq!(verdict(&outcome), "DOMAIN_NOT_ALLOWED enrolmentMode");
        let added = domains.add(domain(organization, "acme.example", MANUAL)).await.unwrap();
        assert_eq!(added.role, RoleKey::ADMIN);
        let input = UpdateDomain { mode: Some(AT_ONCE), ..UpdateDomain::default() };
        assert_eq!(verdict(&domains.update(address(&added), &input).await), "DOMAIN_NOT_ALLOWED enrolmentMode");
        let input = UpdateDomain { mode: Some(SUGGESTED), ..UpdateDomain::default() };
        assert_eq!(domains.update(address(&added), &input).await.unwrap().mode, SUGGESTED);
    }

    async fn only_those_who_manage_domains_do_and_nobody_else_learns_of_them(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let others = instance.found(&eve, "Other").await;
        let added = instance.request_of(&ada).await.organization_domains()
            .add(domain(acme, "acme.example", MANUAL)).await.unwrap();
        let id = address(&added);
        for (person, read, write) in [
            (Some(&bob), "FORBIDDEN org:sys_domains:read", "FORBIDDEN org:sys_domains:manage"),
            (Some(&eve), "NOT_FOUND", "NOT_FOUND"),
            (None, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        ] {
            let request = match person {
                Some(person) => instance.request_of(person).await,
                None => instance.anonymous(),
            };
            let domains = request.organization_domains();
            assert_eq!(verdict(&domains.list(acme, &PageRequest::first(9)).await), read);
            assert_eq!(verdict(&domains.count(acme).await), read);
            assert_eq!(verdict(&domains.get_many(acme, &[id.id]).await), read);
            assert_eq!(verdict(&domains.add(domain(acme, "gmail.com", MANUAL)).await), write);
            assert_eq!(verdict(&domains.send_code(id, "x@acme.example").await), write);
            assert_eq!(verdict(&domains.verify_by_code(id, "123456").await), write);
            assert_eq!(verdict(&domains.verify_by_dns(id).await), write);
            assert_eq!(verdict(&domains.update(id, &UpdateDomain::default()).await), write);
            assert_eq!(verdict(&domains.remove(id, true).await), write);
        }
        // The same id under one's own organization is nothing.
        let request = instance.request_of(&eve).await;
        let domains = request.organization_domains();
        let crossed = InOrg::new(others, id.id);
        assert_eq!(verdict(&domains.remove(crossed, true).await), "NOT_FOUND domainId");
        assert_eq!(verdict(&domains.update(crossed, &UpdateDomain::default()).await), "NOT_FOUND domainId");
        assert_eq!(verdict(&domains.verify_by_dns(crossed).await), "NOT_FOUND domainId");
        assert_eq!(verdict(&domains.verify_by_code(crossed, "123456").await), "NOT_FOUND domainId");
        assert!(domains.get_many(others, &[id.id]).await.unwrap().is_empty());
        let absent = InOrg::new(others, Id::from_uuid(instance.fresh_uuid()));
        assert_eq!(verdict(&domains.remove(absent, true).await), "NOT_FOUND domainId");
    }

    async fn removing_a_domain_ends_what_it_offers_and_frees_the_name(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@acme.example").await;
        let first = proved(&instance, &ada, acme, "acme.example", AT_ONCE).await;
        let request = instance.request_of(&bob).await;
        assert_eq!(offered(&request, AT_ONCE).await, ["Acme"]);
        instance.request_of(&ada).await.organization_domains().remove(address(&first), false).await.unwrap();
        assert!(offered(&request, AT_ONCE).await.is_empty());
        assert_eq!(verdict(&request.enrolments().join(acme).await), "NOT_FOUND organizationId");
        let other = instance.found(&ada, "Other").await;
        proved(&instance, &ada, other, "acme.example", AT_ONCE).await;
        assert_eq!(offered(&request, AT_ONCE).await, ["Other"]);
        // Deleting an organization frees its names at once.
        instance.request_of(&ada).await.organizations().delete(Some(other)).await.unwrap();
        assert!(offered(&request, AT_ONCE).await.is_empty());
        proved(&instance, &ada, acme, "acme.example", SUGGESTED).await;
        assert_eq!(offered(&request, SUGGESTED).await, ["Acme"]);
        instance.services.settle().await.unwrap();
        assert_eq!(instance.sql("UPDATE organization_domains SET role = role").await, 1);
    }

    async fn every_change_of_a_domain_is_on_record_with_old_and_new_values(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let added = proved(&instance, &ada, acme, "acme.example", MANUAL).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let input = UpdateDomain { mode: Some(AT_ONCE), role: Some("org:admin".into()), reject_pending: false };
        let updated = domains.update(address(&added), &input).await.unwrap();
        assert_eq!((updated.mode, &updated.role), (AT_ONCE, &RoleKey::ADMIN));
        // What changes nothing is no change.
        domains.update(address(&added), &input).await.unwrap();
        domains.remove(address(&added), false).await.unwrap();
        for (kind, count, part) in [
            ("domain.created", 1, "manual_invitation"),
            ("domain.verified", 1, "dns"),
            ("domain.updated", 1, "automatic_invitation"),
            ("domain.deleted", 1, "org:admin"),
        ] {
            let sql = format!(
                "UPDATE events SET kind = kind WHERE kind = '{kind}' AND CAST(payload AS text) LIKE '%{part}%'
                 AND organization_id = {} AND subject = '{}'",
                instance.sql_id(acme.as_uuid()),
                address(&added).global_id()
            );
            assert_eq!(instance.sql(&sql).await, count, "{kind}");
        }
    }
}
