//! The log of deliveries, tests, and sending again.

use chrono::{DateTime, Utc};
use resonance_authz::ManageWebhooks;
use resonance_domain::{
    ActorKind, DeliveryState, ErrorCode, EventKind, FieldError, IdsExt, InOrg, OrganizationId, Page,
    PageRequest, WebhookDelivery, WebhookDeliveryId, WebhookEndpoint, WebhookEndpointId,
};
use resonance_persistence::{IdCursor, NewWebhookDelivery, Repositories, UnitOfWork};
use serde_json::json;

use super::Webhooks;
use crate::{Outcome, PublishedEvent, ServiceError, changes::Changes, limits, refusals::Attempt};

/// The type of the event that a test sends. Nothing happened, so it is no kind of event.
const TEST: &str = "webhook_endpoint.test";
/// How many deliveries one call replays at most.
pub(crate) const REPLAYED_AT_ONCE: u32 = 1000;

impl Webhooks<'_> {
    /// Sends an endpoint a signed event of the type `webhook_endpoint.test`, whatever its filter. One transaction.
    ///
    /// # Errors
    /// Denials; `RateLimited` (60 an hour for an organization, replays included). Refusals: `NOT_FOUND` for `id`;
    /// `CONFLICT` if the endpoint is switched off.
    pub async fn test(self, id: InOrg<WebhookEndpointId>) -> Outcome<WebhookDelivery> {
        let request = self.0;
        let core = request.core();
        let delivery: WebhookDeliveryId = core.ids.next();
        self.0
            .attempt(
                Attempt::on("testWebhookEndpoint", id.organization, id.global_id()),
                async |uow| {
                    let (grant, endpoint) = self.hold(uow, id).await?;
                    must_be_on(&endpoint)?;
                    let now = core.clock.now();
                    throttle(uow, id.organization, now).await?;
                    let event = PublishedEvent {
                        id: core.ids.next(),
                        kind: TEST.to_owned(),
                        timestamp: now,
                        organization: id.organization,
                        actor_kind: ActorKind::User,
                        actor: grant.user().map(|user| user.type_id()),
                        subject: Some(id.global_id()),
                        data: json!({}),
                    };
                    let new = NewWebhookDelivery {
                        id: delivery,
                        endpoint: id.id,
                        event: event.id,
                        kind: event.kind.clone(),
                        body: event.to_json().to_string(),
                        created_at: now,
                    };
                    uow.webhook_deliveries().insert(&grant, new).await?;
                    Ok::<_, ServiceError>(endpoint)
                },
            )
            .await?;
        self.delivery(InOrg::new(id.organization, delivery)).await
    }

    /// Sends a delivery that is over once more, with all its tries; its id stays the same for the receiver. One
    /// transaction.
    ///
    /// # Errors
    /// Denials; `RateLimited`. Refusals: `NOT_FOUND` for `id`; `CONFLICT` if it is on its way, or its endpoint is
    /// switched off.
    pub async fn replay(self, id: InOrg<WebhookDeliveryId>) -> Outcome<WebhookDelivery> {
        let attempt = Attempt::on("replayWebhookDelivery", id.organization, id.global_id());
        let found = self.delivery(id).await;
        let found = self.0.noting(attempt.clone(), found).await?;
        let endpoint = InOrg::new(id.organization, found.endpoint);
        let now = self.0.core().clock.now();
        self.0
            .attempt(attempt, async |uow| {
                let (grant, endpoint) = self.hold(uow, endpoint).await?;
                must_be_on(&endpoint)?;
                throttle(uow, id.organization, now).await?;
                if !uow.webhook_deliveries().replay(&grant, id.id, now).await? {
                    let message = "the delivery is on its way already";
                    return Err(FieldError::new(ErrorCode::Conflict, message).at("id").into());
                }
                let payload = Changes::default()
                    .with("delivery", id.global_id())
                    .with("count", 1);
                self.record(uow, EventKind::WebhookReplayed, &endpoint, payload);
                Ok::<_, ServiceError>(endpoint)
            })
            .await?;
        self.delivery(id).await
    }

    /// Sends up to 1,000 deliveries of an endpoint once more that have failed and were made at `since` or later, oldest
    /// first; how many those are. As many as that means that there may be more: call again. One transaction.
    ///
    /// # Errors
    /// Denials; `RateLimited`. Refusals: `NOT_FOUND` for `id`; `CONFLICT` if the endpoint is switched off.
    pub async fn replay_failed(self, id: InOrg<WebhookEndpointId>, since: DateTime<Utc>) -> Outcome<u64> {
        let now = self.0.core().clock.now();
        let mut count = 0;
        self.0
            .attempt(
                Attempt::on("replayFailedWebhookDeliveries", id.organization, id.global_id()),
                async |uow| {
                    let (grant, endpoint) = self.hold(uow, id).await?;
                    must_be_on(&endpoint)?;
                    throttle(uow, id.organization, now).await?;
                    let deliveries = uow.webhook_deliveries();
                    count = deliveries
                        .replay_failed(&grant, id.id, since, REPLAYED_AT_ONCE, now)
                        .await?;
                    if count > 0 {
                        let payload = Changes::default()
                            .with("since", json!(since))
                            .with("count", count);
                        self.record(uow, EventKind::WebhookReplayed, &endpoint, payload);
                    }
                    Ok::<_, ServiceError>(endpoint)
                },
            )
            .await?;
        Ok(count)
    }

    /// A page of an endpoint's deliveries in one of `states` (in any, if it is empty), those of the newest events
    /// first. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn deliveries(
        self,
        endpoint: InOrg<WebhookEndpointId>,
        states: &[DeliveryState],
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<WebhookDelivery>> {
        let grant = self.0.grant::<ManageWebhooks>(endpoint.organization).await?;
        let deliveries = self.0.core().database.webhook_deliveries();
        let rows = deliveries.page(&grant, endpoint.id, states, page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are.
    ///
    /// # Errors
    /// Denials.
    pub async fn count_deliveries(
        self,
        endpoint: InOrg<WebhookEndpointId>,
        states: &[DeliveryState],
    ) -> Outcome<u64> {
        let grant = self.0.grant::<ManageWebhooks>(endpoint.organization).await?;
        let deliveries = self.0.core().database.webhook_deliveries();
        Ok(deliveries.count(&grant, endpoint.id, states).await?)
    }

    /// Those of `ids` that there are, in no order. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_deliveries(
        self,
        organization: OrganizationId,
        ids: &[WebhookDeliveryId],
    ) -> Outcome<Vec<WebhookDelivery>> {
        let grant = self.0.grant::<ManageWebhooks>(organization).await?;
        let deliveries = self.0.core().database.webhook_deliveries();
        Ok(deliveries.get_many(&grant, ids).await?)
    }

    async fn delivery(self, id: InOrg<WebhookDeliveryId>) -> Outcome<WebhookDelivery> {
        let found = self.get_deliveries(id.organization, &[id.id]).await?;
        found.into_iter().next().ok_or_else(|| {
            let error = FieldError::new(ErrorCode::NotFound, "there is no such delivery");
            ServiceError::from(error.at("id"))
        })
    }
}

/// Nothing is sent to what is switched off.
fn must_be_on(endpoint: &WebhookEndpoint) -> Result<(), FieldError> {
    if endpoint.enabled {
        return Ok(());
    }
    Err(FieldError::new(ErrorCode::Conflict, "the endpoint is switched off").at("id"))
}

async fn throttle(uow: &UnitOfWork, organization: OrganizationId, now: DateTime<Utc>) -> Outcome<()> {
    let key = format!("webhooks:{}", organization.type_id());
    let taken = uow.throttles().take(&key, limits::WEBHOOKS_BY_HAND, 1, now);
    taken.await?.map_err(|wait| ServiceError::RateLimited { wait })
}
