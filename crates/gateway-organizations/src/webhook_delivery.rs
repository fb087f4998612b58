//! The log of webhook deliveries.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, WebhookEndpointId};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum WebhookDeliveryState {
    /// Waiting for its first or next try, or being tried.
    Pending,
    /// The receiver answered with a status from 200 to 299.
    Succeeded,
    /// Given up: after the last try, or because the endpoint is switched off.
    Failed,
}

impl From<WebhookDeliveryState> for domain::DeliveryState {
    fn from(state: WebhookDeliveryState) -> Self {
        match state {
            WebhookDeliveryState::Pending => Self::Pending,
            WebhookDeliveryState::Succeeded => Self::Succeeded,
            WebhookDeliveryState::Failed => Self::Failed,
        }
    }
}

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::DeliveryError")]
pub enum WebhookDeliveryError {
    /// The URL leads to an address to which this instance sends nothing.
    AddressRefused,
    /// The name has no address.
    NameNotResolved,
    /// No connection came about; a certificate that does not hold, for example.
    NotConnected,
    /// No answer within 15 seconds.
    TimedOut,
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// The receiver wanted to send us elsewhere; redirects are not followed.
    Redirected,
    /// The receiver answered with a status that is no success.
    Status,
    /// The receiver answered 410: the endpoint was switched off.
    Gone,
    /// The endpoint was switched off before the delivery's turn came.
    EndpointDisabled,
}

/// One event on its way to one endpoint. Requires `org:sys_webhooks:manage`.
#[derive(Debug, Clone, SimpleObject)]
pub struct WebhookDelivery {
    /// The delivery's id.
    pub id: ID,
    /// The event's id: the header `webhook-id`, the same at every try.
    pub event_id: ID,
    /// The event's kind, such as `membership.created`; `webhook_endpoint.test` for a test.
    #[graphql(name = "type")]
    pub kind: String,
    /// Where it stands.
    pub state: WebhookDeliveryState,
    /// Tries since it was made or last replayed.
    pub attempts: u32,
    /// When the next try is due; null when there is none.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the last try ended; null before the first.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The HTTP status that the last try got; null if there was no answer.
    pub last_status: Option<u32>,
    /// Why the last try failed; null if it did not.
    pub last_error: Option<WebhookDeliveryError>,
    /// How long the last try took, in milliseconds; null before the first.
    pub last_duration_ms: Option<u32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it succeeded or was given up; null while it is pending.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<domain::WebhookDelivery> for WebhookDelivery {
    fn from(delivery: domain::WebhookDelivery) -> Self {
        Self {
            id: InOrg::new(delivery.organization, delivery.id).global_id().into(),
            event_id: delivery.event.type_id().into(),
            kind: delivery.kind,
            state: match delivery.state {
                domain::DeliveryState::Pending => WebhookDeliveryState::Pending,
                domain::DeliveryState::Succeeded => WebhookDeliveryState::Succeeded,
                domain::DeliveryState::Failed => WebhookDeliveryState::Failed,
            },
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_attempt_at: delivery.last_attempt_at,
            last_status: delivery.last_status.map(u32::from),
            last_error: delivery.last_error.map(Into::into),
            last_duration_ms: delivery.last_duration_ms,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
        }
    }
}

connection! {
    /// Deliveries to an endpoint, those of the newest events first.
    WebhookDeliveryConnection;
    /// A delivery's place in the list.
    WebhookDeliveryEdge of WebhookDelivery
}

/// Which deliveries, and which page of them.
pub(crate) struct DeliveryArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
    pub(crate) states: Vec<WebhookDeliveryState>,
}

pub(crate) async fn deliveries(
    request: &Request,
    endpoint: InOrg<WebhookEndpointId>,
    arguments: DeliveryArguments,
) -> ApiResult<WebhookDeliveryConnection> {
    let DeliveryArguments {
        first,
        after,
        last,
        before,
        states,
    } = arguments;
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let states: Vec<domain::DeliveryState> = states.into_iter().map(Into::into).collect();
    let found = request.webhooks().deliveries(endpoint, &states, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, states) = (request.clone(), states.clone());
        async move { request.webhooks().count_deliveries(endpoint, &states).await }
    });
    let edge = |delivery: domain::WebhookDelivery| WebhookDeliveryEdge {
        cursor: cursor(&delivery.event.as_uuid()),
        node: delivery.into(),
    };
    Ok(WebhookDeliveryConnection::new(found.map(edge), total))
}
