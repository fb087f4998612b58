//! Webhooks: endpoints, deliveries, and who may have what.

mod delivering;
mod endpoints;
mod feed;
mod library;
mod load;
mod sending;

use resonance_domain::{InOrg, OrganizationId, PageRequest, RoleKey, WebhookDelivery, WebhookEndpoint};
use resonance_services::{CreateWebhookEndpoint, Request};
use resonance_testkit::{Backend, Instance, Person, Receiver};
use serde_json::Value;

/// An organization with an admin, a member and a receiver of its events.
struct Shop {
    instance: Instance,
    ada: Person,
    mel: Person,
    acme: OrganizationId,
    receiver: Receiver,
}

impl Shop {
    async fn new(backend: Backend) -> Self {
        let instance = Instance::with(backend, |settings| settings.webhooks_private_addresses = true).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &mel, RoleKey::MEMBER).await;
        instance.services.settle().await.unwrap();
        let receiver = Receiver::start().await;
        Self {
            instance,
            ada,
            mel,
            acme,
            receiver,
        }
    }

    async fn as_ada(&self) -> Request {
        self.instance.request_in(&self.ada, self.acme).await
    }

    /// An endpoint that leads to the receiver; its own event is out already.
    async fn endpoint(&self, events: &[&str]) -> WebhookEndpoint {
        let input = CreateWebhookEndpoint {
            url: self.receiver.url(),
            events: events.iter().map(|entry| (*entry).to_owned()).collect(),
            ..CreateWebhookEndpoint::default()
        };
        let endpoint = self.as_ada().await.webhooks().create(input).await.unwrap();
        self.settle().await;
        let _ = self.receiver.take();
        endpoint
    }

    async fn settle(&self) {
        self.instance.services.settle().await.unwrap();
    }

    /// Makes something happen: `organization.updated`.
    async fn rename(&self, name: &str) {
        let update = resonance_services::UpdateOrganization {
            name: Some(name.to_owned()),
            ..resonance_services::UpdateOrganization::default()
        };
        self.as_ada().await.organizations().update(update).await.unwrap();
    }

    /// The endpoint's deliveries, newest event first.
    async fn log(&self, endpoint: &WebhookEndpoint) -> Vec<WebhookDelivery> {
        let page = PageRequest::first(100);
        let request = self.as_ada().await;
        let page = request.webhooks().deliveries(address(endpoint), &[], &page).await;
        page.unwrap().items
    }

    async fn now(&self, endpoint: &WebhookEndpoint) -> WebhookEndpoint {
        let found = self
            .as_ada()
            .await
            .webhooks()
            .get_many(self.acme, &[endpoint.id])
            .await;
        found.unwrap().remove(0)
    }
}

fn address(endpoint: &WebhookEndpoint) -> InOrg<resonance_domain::WebhookEndpointId> {
    InOrg::new(endpoint.organization, endpoint.id)
}

/// The types of what was received, in alphabetical order: deliveries race.
fn types(received: &[resonance_testkit::Received]) -> Vec<String> {
    let read = |body: &str| {
        serde_json::from_str::<Value>(body).unwrap()["type"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut types: Vec<_> = received.iter().map(|one| read(&one.body)).collect();
    types.sort();
    types
}
