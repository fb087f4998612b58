//! Setting webhooks up, trying them, and sending again.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{CreateWebhookEndpoint, Outcome, UpdateWebhookEndpoint};

use crate::{WebhookDelivery, WebhookEndpoint, organization_mutations::organization_id};

/// What a new endpoint is like.
#[derive(Debug, InputObject)]
pub(crate) struct CreateWebhookEndpointInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// Where to post events to: https, without user name or password, no private or local address.
    url: String,
    /// What it is for: up to 200 characters on one line.
    description: Option<String>,
    /// Which events it gets: kinds such as `membership.created` and nouns such as `membership.*`. Null, omitted or empty
    /// means all.
    events: Option<Vec<String>>,
    /// Whether it gets any from the start; it does when nothing is said.
    enabled: Option<bool>,
}

/// What is to change.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateWebhookEndpointInput {
    /// The endpoint.
    id: ID,
    /// Where to post events to. Null or omitted leaves it as it is.
    url: Option<String>,
    /// What it is for. Null or omitted leaves it as it is.
    description: Option<String>,
    /// Which events it gets; an empty list means all. Null or omitted leaves it as it is.
    events: Option<Vec<String>>,
    /// Whether it gets any. What waits for an endpoint that is switched off fails. Null or omitted leaves it as it is.
    enabled: Option<bool>,
}

/// One endpoint.
#[derive(Debug, InputObject)]
pub(crate) struct WebhookEndpointInput {
    /// The endpoint.
    id: ID,
}

/// An endpoint that is to get another secret.
#[derive(Debug, InputObject)]
pub(crate) struct RotateWebhookSecretInput {
    /// The endpoint.
    id: ID,
    /// For how many hours the current secret signs as well: 0 to 168, 24 when nothing is said.
    overlap_hours: Option<i32>,
}

/// A delivery to send again.
#[derive(Debug, InputObject)]
pub(crate) struct ReplayWebhookDeliveryInput {
    /// The delivery, succeeded or failed.
    id: ID,
}

/// Deliveries to send again.
#[derive(Debug, InputObject)]
pub(crate) struct ReplayFailedWebhookDeliveriesInput {
    /// The endpoint.
    id: ID,
    /// Only deliveries made at this time or later.
    since: DateTime<Utc>,
}

/// What became of an endpoint.
#[derive(Debug, SimpleObject)]
pub(crate) struct WebhookEndpointPayload {
    /// The endpoint as it is now; null if the input was refused.
    webhook_endpoint: Option<WebhookEndpoint>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of deleting an endpoint.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteWebhookEndpointPayload {
    /// The id of the endpoint that is no more; null if the input was refused.
    deleted_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What is on its way.
#[derive(Debug, SimpleObject)]
pub(crate) struct WebhookDeliveryPayload {
    /// The delivery, which is sent from now on; null if the input was refused. Ask for it again to see what became of it.
    webhook_delivery: Option<WebhookDelivery>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What is on its way again.
#[derive(Debug, SimpleObject)]
pub(crate) struct ReplayFailedWebhookDeliveriesPayload {
    /// How many deliveries are sent again; null if the input was refused. At most 1,000: then there may be more, and
    /// calling again goes on.
    count: Option<u32>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Has the organization's events sent to an address. Requires `org:sys_webhooks:manage`. At most 20 endpoints for an
    /// organization (`CONFLICT`).
    async fn create_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the endpoint is like.")] input: CreateWebhookEndpointInput,
    ) -> ApiResult<WebhookEndpointPayload> {
        let request = request(context)?;
        let created = async {
            let input = CreateWebhookEndpoint {
                organization: organization_id(input.organization_id.as_ref())?,
                url: input.url,
                description: input.description,
                events: input.events.unwrap_or_default(),
                enabled: input.enabled,
            };
            request.webhooks().create(input).await
        };
        endpoint(created.await)
    }

    /// Changes an endpoint. Requires `org:sys_webhooks:manage`.
    async fn update_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateWebhookEndpointInput,
    ) -> ApiResult<WebhookEndpointPayload> {
        let request = request(context)?;
        let updated = async {
            let id = parse_tenant_id("id", &input.id)?;
            let input = UpdateWebhookEndpoint {
                url: input.url,
                description: input.description,
                events: input.events,
                enabled: input.enabled,
            };
            request.webhooks().update(id, input).await
        };
        endpoint(updated.await)
    }

    /// Deletes an endpoint and its log; what waits for it is not sent. Requires `org:sys_webhooks:manage`.
    async fn delete_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointInput,
    ) -> ApiResult<DeleteWebhookEndpointPayload> {
        let request = request(context)?;
        let deleted = async {
            let id = parse_tenant_id("id", &input.id)?;
            request.webhooks().delete(id).await
        };
        let (deleted, user_errors) = split(deleted.await)?;
        Ok(DeleteWebhookEndpointPayload {
            deleted_id: deleted.map(|()| input.id),
            user_errors,
        })
    }

    /// Gives an endpoint a new secret. Until the overlap is over, deliveries carry the signatures of both, so that the
    /// receiver can be changed at leisure. Requires `org:sys_webhooks:manage`.
    async fn rotate_webhook_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: RotateWebhookSecretInput,
    ) -> ApiResult<WebhookEndpointPayload> {
        let request = request(context)?;
        let rotated = async {
            let id = parse_tenant_id("id", &input.id)?;
            let hours = input.overlap_hours.map(i64::from);
            request.webhooks().rotate_secret(id, hours).await
        };
        endpoint(rotated.await)
    }

    /// Sends an endpoint a signed event of the type `webhook_endpoint.test`. Requires `org:sys_webhooks:manage`. At most
    /// 60 tests and replays an hour for an organization (`RATE_LIMITED`).
    async fn test_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointInput,
    ) -> ApiResult<WebhookDeliveryPayload> {
        let request = request(context)?;
        let tested = async {
            let id = parse_tenant_id("id", &input.id)?;
            request.webhooks().test(id).await
        };
        delivery(tested.await)
    }

    /// Sends a delivery again that succeeded or failed, with all its tries, under the same id and with the same body.
    /// Requires `org:sys_webhooks:manage`.
    async fn replay_webhook_delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The delivery.")] input: ReplayWebhookDeliveryInput,
    ) -> ApiResult<WebhookDeliveryPayload> {
        let request = request(context)?;
        let replayed = async {
            let id = parse_tenant_id("id", &input.id)?;
            request.webhooks().replay(id).await
        };
        delivery(replayed.await)
    }

    /// Sends up to 1,000 deliveries of an endpoint again that have failed, oldest first. Requires
    /// `org:sys_webhooks:manage`.
    async fn replay_failed_webhook_deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which deliveries.")] input: ReplayFailedWebhookDeliveriesInput,
    ) -> ApiResult<ReplayFailedWebhookDeliveriesPayload> {
        let request = request(context)?;
        let replayed = async {
            let id = parse_tenant_id("id", &input.id)?;
            request.webhooks().replay_failed(id, input.since).await
        };
        let (count, user_errors) = split(replayed.await)?;
        Ok(ReplayFailedWebhookDeliveriesPayload {
            count: count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            user_errors,
        })
    }
}

fn endpoint(outcome: Outcome<domain::WebhookEndpoint>) -> ApiResult<WebhookEndpointPayload> {
    let (endpoint, user_errors) = split(outcome)?;
    Ok(WebhookEndpointPayload {
        webhook_endpoint: endpoint.map(Into::into),
        user_errors,
    })
}

fn delivery(outcome: Outcome<domain::WebhookDelivery>) -> ApiResult<WebhookDeliveryPayload> {
    let (delivery, user_errors) = split(outcome)?;
    Ok(WebhookDeliveryPayload {
        webhook_delivery: delivery.map(Into::into),
        user_errors,
    })
}
