//! Operators: what they see and do, and that nobody else does.

mod accounts;
mod activity;
mod organizations;
mod settings;
mod staff;

use resonance_domain::{Event, OrganizationId, PageRequest};
use resonance_services::{AuditLog, AuditQuery, Request};
use resonance_testkit::{Instance, Person};

/// Somebody who is an operator.
async fn operator(instance: &Instance) -> Person {
    let olga = instance.sign_up("Olga Operator", "olga@resonance.test").await;
    instance.services.add_operator(&olga.email).await.unwrap();
    olga
}

/// A log, newest first.
async fn log(request: &Request, log: AuditLog) -> Vec<Event> {
    let page = PageRequest::first(100);
    let operators = request.operators();
    let page = operators.events(log, &AuditQuery::default(), &page).await;
    let logged = page.unwrap().items.into_iter();
    logged.map(|event| event.event().unwrap()).collect()
}

/// The newest event of an organization's log and of the instance's, which tell of the same act.
async fn told_twice(request: &Request, organization: OrganizationId) -> (Event, Event) {
    let there = log(request, AuditLog::Organization(organization)).await.remove(0);
    let here = log(request, AuditLog::Instance).await.remove(0);
    assert_eq!((there.kind, &there.subject), (here.kind, &here.subject));
    assert_eq!(here.payload["organization"], serde_json::json!(organization));
    (there, here)
}
