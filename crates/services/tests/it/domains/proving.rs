//! Proving a domain.

use chrono::TimeDelta;
use resonance_domain::{DomainProof, EnrolmentMode};
use resonance_testkit::{at_once, on_both, verdict};

use super::{acme, address, domain, mails_to};

const MANUAL: EnrolmentMode = EnrolmentMode::ManualInvitation;

fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

on_both! {
    async fn a_code_to_an_address_at_that_very_domain_proves_it(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let added = domains.add(domain(acme, "bücher.example", MANUAL)).await.unwrap();
        let id = address(&added);
        for elsewhere in ["it@mail.bücher.example", "it@example", "it@example.org", "bücher.example", "it@xbücher.example"] {
            assert_eq!(verdict(&domains.send_code(id, elsewhere).await), "INVALID email", "{elsewhere}");
        }
        assert_eq!(verdict(&domains.verify_by_code(id, "123456").await), "CODE_EXPIRED code");
        assert_eq!(verdict(&domains.verify_by_code(id, "12345").await), "INVALID code");
        domains.send_code(id, "IT@BÜCHER.example").await.unwrap();
        let code = instance.mailed_code("IT@BÜCHER.example").await;
        assert_eq!(verdict(&domains.send_code(id, "it@bücher.example").await), "RATE_LIMITED");
        assert_eq!(verdict(&domains.verify_by_code(id, &other(&code)).await), "CODE_WRONG code");
        let proved = domains.verify_by_code(id, &code).await.unwrap();
        assert_eq!(proved.proved, Some((DomainProof::Code, instance.clock.now())));
        // Doing it again changes nothing.
        assert_eq!(domains.verify_by_code(id, &code).await.unwrap(), proved);
        instance.clock.advance(TimeDelta::seconds(30));
        assert_eq!(verdict(&domains.send_code(id, "it@bücher.example").await), "CONFLICT domainId");
        assert_eq!(domains.get_many(acme, &[id.id]).await.unwrap(), [proved]);
    }

    async fn a_code_lives_ten_minutes_and_five_tries_and_the_newest_one_counts(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let id = address(&domains.add(domain(acme, "acme.example", MANUAL)).await.unwrap());
        domains.send_code(id, "it@acme.example").await.unwrap();
        let first = instance.mailed_code("it@acme.example").await;
        instance.clock.advance(TimeDelta::minutes(10));
        assert_eq!(verdict(&domains.verify_by_code(id, &first).await), "CODE_EXPIRED code");
        domains.send_code(id, "it@acme.example").await.unwrap();
        let second = instance.mailed_code("it@acme.example").await;
        for _ in 0..5 {
            assert_eq!(verdict(&domains.verify_by_code(id, &other(&second)).await), "CODE_WRONG code");
        }
        assert_eq!(verdict(&domains.verify_by_code(id, &second).await), "CODE_EXHAUSTED code");
        instance.clock.advance(TimeDelta::seconds(30));
        domains.send_code(id, "it@acme.example").await.unwrap();
        let third = instance.mailed_code("it@acme.example").await;
        domains.send_code(id, "root@acme.example").await.unwrap();
        let fourth = instance.mailed_code("root@acme.example").await;
        if third != fourth {
            assert_eq!(verdict(&domains.verify_by_code(id, &third).await), "CODE_WRONG code");
        }
        assert_eq!(verdict(&domains.verify_by_code(id, &fourth).await), "OK");
    }

    async fn guessing_is_throttled_over_all_addresses_and_organizations(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let mut ids = Vec::new();
        for organization in [acme, instance.found(&ada, "Other").await] {
            ids.push(address(&domains.add(domain(organization, "acme.example", MANUAL)).await.unwrap()));
        }
        let mut limited = 0;
        for nth in 0..11 {
            for id in &ids {
                let email = format!("x{nth}@acme.example");
                if nth == 0 && *id == ids[1] {
                    instance.clock.advance(TimeDelta::seconds(30));
                }
                instance.clock.advance(TimeDelta::seconds(30));
                domains.send_code(*id, &email).await.unwrap();
                let (_, code) = instance.newest_code(resonance_domain::CodePurpose::VerifyDomain, id.id.as_uuid()).await;
                for _ in 0..5 {
                    match verdict(&domains.verify_by_code(*id, &other(&code)).await).as_str() {
                        "CODE_WRONG code" => {}
                        "RATE_LIMITED" => limited += 1,
                        outcome => panic!("{outcome}"),
                    }
                }
            }
        }
        assert!(limited > 50, "{limited}");
    }

    async fn another_organizations_code_and_token_do_nothing(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let evil = instance.found(&eve, "Evil").await;
        let (adas, eves) = (instance.request_of(&ada).await, instance.request_of(&eve).await);
        let hers = adas.organization_domains().add(domain(acme, "acme.example", MANUAL)).await.unwrap();
        let theirs = eves.organization_domains().add(domain(evil, "acme.example", MANUAL)).await.unwrap();
        assert_ne!(adas.organization_domains().challenge(&hers), eves.organization_domains().challenge(&theirs));
        // Ada's record lies at the very name that Eve's would lie at, and proves nothing for Eve.
        instance.dns.publish(&hers.name.challenge_name(), &adas.organization_domains().challenge(&hers));
        assert_eq!(verdict(&eves.organization_domains().verify_by_dns(address(&theirs)).await), "DOMAIN_UNPROVED domainId");
        adas.organization_domains().send_code(address(&hers), "it@acme.example").await.unwrap();
        let code = instance.mailed_code("it@acme.example").await;
        assert_eq!(verdict(&eves.organization_domains().verify_by_code(address(&theirs), &code).await), "CODE_EXPIRED code");
        // And a domain that was removed and added again asks for a new record.
        adas.organization_domains().remove(address(&hers), false).await.unwrap();
        let again = adas.organization_domains().add(domain(acme, "acme.example", MANUAL)).await.unwrap();
        assert_eq!(verdict(&adas.organization_domains().verify_by_dns(address(&again)).await), "DOMAIN_UNPROVED domainId");
    }

    async fn a_record_proves_a_domain_once_it_is_seen(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let domains = request.organization_domains();
        let added = domains.add(domain(acme, "acme.example", MANUAL)).await.unwrap();
        let (id, name, text) = (address(&added), added.name.challenge_name(), domains.challenge(&added));
        assert_eq!(name, "_resonance-challenge.acme.example");
        assert!(text.starts_with("resonance-verification=dom_"), "{text}");
        assert_eq!(verdict(&domains.verify_by_dns(id).await), "DOMAIN_UNPROVED domainId");
        instance.dns.publish(&name, "something else");
        instance.dns.publish("acme.example", &text);
        assert_eq!(verdict(&domains.verify_by_dns(id).await), "DOMAIN_UNPROVED domainId");
        instance.dns.publish(&name, &text);
        instance.dns.be_silent(true);
        assert_eq!(verdict(&domains.verify_by_dns(id).await), "DOMAIN_UNPROVED domainId");
        instance.dns.be_silent(false);
        let proved = domains.verify_by_dns(id).await.unwrap();
        assert_eq!(proved.proved, Some((DomainProof::Dns, instance.clock.now())));
    }

    async fn of_many_organizations_that_prove_a_name_at_once_one_has_it(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let mut contenders = Vec::new();
        for nth in 0..8 {
            let organization = instance.found(&ada, &format!("Rival {nth}")).await;
            let added = request.organization_domains().add(domain(organization, "acme.example", MANUAL)).await.unwrap();
            instance.dns.publish(&added.name.challenge_name(), &request.organization_domains().challenge(&added));
            let request = instance.request_of(&ada).await;
            contenders.push(async move { verdict(&request.organization_domains().verify_by_dns(address(&added)).await) });
        }
        let mut outcomes = at_once(contenders).await;
        outcomes.sort();
        let expected: Vec<_> = std::iter::once("OK").chain(std::iter::repeat_n("TAKEN domainId", 7)).collect();
        assert_eq!(outcomes, expected);
        // The admin is not mailed about it; the code's letter went to nobody.
        assert!(mails_to(&instance, "it@acme.example").await.is_empty());
    }
}
