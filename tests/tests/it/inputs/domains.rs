//! Domains, suggestions, requests to join.

use resonance_testkit::on_both;
use serde_json::json;

use super::desk::Desk;

const ABSENT: &str = "org_01j1hx8yqmfk1btzvap4d4pb1x";

on_both! {
    async fn domains_and_requests_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        let organization = &desk.organization;
        let suffix = organization.split_once('_').unwrap().1;
        let absent = format!("dom_01j1hx8yqmfk1btzvap4d4pb1x{suffix}");
        let request = format!("req_01j1hx8yqmfk1btzvap4d4pb1x{suffix}");
        let domain = desk.admin.suggest_at(&desk.server, organization, "acme.test").await;
        let input = json!({ "organizationId": organization, "name": "other.test" });
        let added = desk.admin.client.mutate("addDomain", "AddDomainInput", "domain { id }", input).await;
        let other = added["domain"]["id"].as_str().unwrap();
        let mut cases = vec![
            ("addDomain", json!({ "organizationId": organization, "name": "ACME.test" }), "TAKEN name"),
            ("addDomain", json!({ "organizationId": "nonsense", "name": "a.test" }), "INVALID organizationId"),
            ("addDomain", json!({ "organizationId": ABSENT, "name": "a.test" }), "!NOT_FOUND"),
            ("addDomain", json!({ "organizationId": organization, "name": "gmail.com", "role": "org:x" }), "DOMAIN_NOT_ALLOWED name, INVALID role"),
            ("updateDomain", json!({ "domainId": domain, "role": "org:x" }), "INVALID role"),
            ("updateDomain", json!({ "domainId": "nonsense" }), "INVALID domainId"),
            ("updateDomain", json!({ "domainId": absent }), "NOT_FOUND domainId"),
            ("sendDomainCode", json!({ "domainId": domain, "email": "it@acme.test" }), "CONFLICT domainId"),
            ("sendDomainCode", json!({ "domainId": other, "email": "it@mail.other.test" }), "INVALID email"),
            ("sendDomainCode", json!({ "domainId": other, "email": "other.test" }), "INVALID email"),
            ("sendDomainCode", json!({ "domainId": absent, "email": "it@acme.test" }), "NOT_FOUND domainId"),
            ("verifyDomainByCode", json!({ "domainId": other, "code": "123456" }), "CODE_EXPIRED code"),
            ("verifyDomainByCode", json!({ "domainId": other, "code": "12345a" }), "INVALID code"),
            ("verifyDomainByCode", json!({ "domainId": absent, "code": "123456" }), "NOT_FOUND domainId"),
            ("verifyDomainByDns", json!({ "domainId": absent }), "NOT_FOUND domainId"),
            ("removeDomain", json!({ "domainId": absent }), "NOT_FOUND domainId"),
            ("joinOrganization", json!({ "organizationId": organization }), "ALREADY_MEMBER -"),
            ("joinOrganization", json!({ "organizationId": ABSENT }), "NOT_FOUND organizationId"),
            ("joinOrganization", json!({ "organizationId": "nonsense" }), "INVALID organizationId"),
            ("acceptSuggestion", json!({ "organizationId": ABSENT }), "NOT_FOUND organizationId"),
            ("dismissSuggestion", json!({ "organizationId": ABSENT }), "NOT_FOUND organizationId"),
            ("withdrawMembershipRequest", json!({ "membershipRequestId": request }), "NOT_FOUND membershipRequestId"),
            ("acceptMembershipRequest", json!({ "membershipRequestId": request }), "NOT_FOUND membershipRequestId"),
            ("rejectMembershipRequest", json!({ "membershipRequestId": "nonsense" }), "INVALID membershipRequestId"),
        ];
        for (name, expected) in [
            ("", "INVALID name"),
            ("localhost", "INVALID name"),
            ("192.0.2.1", "INVALID name"),
            ("a\u{0}b.test", "INVALID name"),
            ("https://acme.test", "INVALID name"),
            ("github.io", "DOMAIN_NOT_ALLOWED name"),
            ("mailinator.com", "DOMAIN_NOT_ALLOWED name"),
        ] {
            cases.push(("addDomain", json!({ "organizationId": organization, "name": name }), expected));
        }
        desk.refuses(&desk.admin.client, cases).await;
    }
}
