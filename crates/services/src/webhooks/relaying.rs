//! From events to deliveries.

use std::collections::{BTreeSet, HashMap};

use resonance_authz::{SystemGrant, system::SendWebhooks};
use resonance_domain::{Event, IdsExt, OrganizationId, WebhookEndpoint};
use resonance_persistence::{NewWebhookDelivery, Repositories, UnitOfWork};

use crate::{Outcome, PublishedEvent, core::Core};

/// Stores a delivery of each event for each endpoint that wants it, in the unit of work that marks the events as passed
/// on. One statement to find the endpoints, whatever the number of events.
pub(crate) async fn enqueue(core: &Core, uow: &UnitOfWork, events: &[Event]) -> Outcome<()> {
    let grant = SystemGrant::<SendWebhooks>::for_job();
    let published: Vec<_> = events
        .iter()
        .filter_map(|event| Some((event, PublishedEvent::of(event)?)))
        .collect();
    let organizations: BTreeSet<OrganizationId> =
        published.iter().map(|(_, event)| event.organization).collect();
    if organizations.is_empty() {
        return Ok(());
    }
    let mut listeners: HashMap<OrganizationId, Vec<WebhookEndpoint>> = HashMap::new();
    for endpoint in uow.webhook_sending().listeners(&grant, organizations).await? {
        listeners.entry(endpoint.organization).or_default().push(endpoint);
    }
    let now = core.clock.now();
    let mut new = Vec::new();
    for (event, published) in published {
        let endpoints = listeners.get(&published.organization).into_iter().flatten();
        let wanting: Vec<_> = endpoints.filter(|one| one.events.admits(event.kind)).collect();
        if wanting.is_empty() {
            continue;
        }
        let body = published.to_json().to_string();
        for endpoint in wanting {
            let delivery = NewWebhookDelivery {
                id: core.ids.next(),
                endpoint: endpoint.id,
                event: published.id,
                kind: published.kind.clone(),
                body: body.clone(),
                created_at: now,
            };
            new.push((published.organization, delivery));
        }
    }
    uow.webhook_sending().enqueue(&grant, new).await?;
    Ok(())
}
