//! Verified domains, suggestions and requests to join.

mod adding;
mod joining;
mod open_invitations;
mod proving;
mod requests;

use resonance_domain::{EnrolmentMode, InOrg, OrganizationDomain, OrganizationId, PageRequest};
use resonance_services::{AddDomain, Request};
use resonance_testkit::{Backend, Instance, Person};

/// An instance with room for everybody, and an organization with its admin.
async fn acme(backend: Backend) -> (Instance, Person, OrganizationId) {
    let instance = Instance::with(backend, |settings| settings.member_limit = 0).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    (instance, ada, acme)
}

fn domain(organization: OrganizationId, name: &str, mode: EnrolmentMode) -> AddDomain {
    AddDomain {
        organization: Some(organization),
        name: name.into(),
        mode,
        role: None,
    }
}

fn address(domain: &OrganizationDomain) -> InOrg<resonance_domain::DomainId> {
    InOrg::new(domain.organization, domain.id)
}

/// A domain that was proved by its record.
async fn proved(
    instance: &Instance,
    admin: &Person,
    organization: OrganizationId,
    name: &str,
    mode: EnrolmentMode,
) -> OrganizationDomain {
    let request = instance.request_of(admin).await;
    let domains = request.organization_domains();
    let added = domains.add(domain(organization, name, mode)).await.unwrap();
    instance
        .dns
        .publish(&added.name.challenge_name(), &domains.challenge(&added));
    domains.verify_by_dns(address(&added)).await.unwrap()
}

/// The names of the organizations that are offered in this mode.
async fn offered(request: &Request, mode: EnrolmentMode) -> Vec<String> {
    let page = request
        .enrolments()
        .offers(mode, &PageRequest::first(50))
        .await
        .unwrap();
    let names: Vec<String> = page
        .items
        .into_iter()
        .map(|offer| offer.organization_name)
        .collect();
    assert_eq!(
        request.enrolments().count_offers(mode).await.unwrap(),
        names.len() as u64
    );
    names
}

/// The subjects of all mails to an address, the newest first.
async fn mails_to(instance: &Instance, email: &str) -> Vec<String> {
    instance.services.settle().await.unwrap();
    let mails = instance.mails.list(1000).await.unwrap();
    mails
        .into_iter()
        .filter(|mail| mail.to == email)
        .map(|mail| mail.subject)
        .collect()
}
