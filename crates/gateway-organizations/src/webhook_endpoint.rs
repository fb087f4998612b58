//! Webhook endpoints.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, Total, connection, cursor, page_request, request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

use crate::{
    WebhookDeliveryConnection, WebhookDeliveryState,
    webhook_delivery::{DeliveryArguments, deliveries},
};

/// Why the system switched an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum WebhookDisabledReason {
    /// The receiver answered 410: it wants no more.
    Gone,
    /// Every try had failed for five days.
    Failing,
}

/// An address that the organization's events are sent to, as Standard Webhooks (standardwebhooks.com) has it. Requires
/// `org:sys_webhooks:manage`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct WebhookEndpoint {
    /// The endpoint's id.
    pub id: ID,
    /// Where events are posted to.
    pub url: String,
    /// What it is for; empty if nothing was said.
    pub description: String,
    /// Which events it gets: kinds such as `membership.created` and nouns such as `membership.*`; empty means all.
    pub events: Vec<String>,
    /// Whether it gets any.
    pub enabled: bool,
    /// Why the system switched it off; null while it is on, or if its owners switched it off.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Until when the secret before the current one signs as well; null if it never was replaced.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Since when every try has failed; null after a success. After five days it is switched off.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    endpoint: domain::WebhookEndpoint,
}

impl From<domain::WebhookEndpoint> for WebhookEndpoint {
    fn from(endpoint: domain::WebhookEndpoint) -> Self {
        Self {
            id: InOrg::new(endpoint.organization, endpoint.id).global_id().into(),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            events: endpoint.events.entries().to_vec(),
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled.map(|reason| match reason {
                domain::WebhookDisabled::Gone => WebhookDisabledReason::Gone,
                domain::WebhookDisabled::Failing => WebhookDisabledReason::Failing,
            }),
            previous_secret_until: endpoint.previous_secret_until,
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            endpoint,
        }
    }
}

#[ComplexObject]
impl WebhookEndpoint {
    /// The secret with which receivers check signatures: `whsec_` and base64. Whoever has it can forge events.
    async fn secret(&self, context: &Context<'_>) -> ApiResult<String> {
        Ok(request(context)?.webhooks().secret(&self.endpoint))
    }

    /// Who made it; null once that account is gone.
    async fn created_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let Some(user) = self.endpoint.created_by else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        let address = InOrg::new(self.endpoint.organization, user);
        users.load_one(address).await.map_err(ApiError::from)
    }

    /// What was sent, and is to be sent: those of the newest events first. Kept for 30 days after their end.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only deliveries in one of these states; all when nothing is said.")] states: Option<
            Vec<WebhookDeliveryState>,
        >,
    ) -> ApiResult<WebhookDeliveryConnection> {
        let arguments = DeliveryArguments {
            first,
            after,
            last,
            before,
            states: states.unwrap_or_default(),
        };
        let address = InOrg::new(self.endpoint.organization, self.endpoint.id);
        deliveries(request(context)?, address, arguments).await
    }
}

connection! {
    /// Webhook endpoints of an organization, oldest first.
    WebhookEndpointConnection;
    /// An endpoint's place in the list.
    WebhookEndpointEdge of WebhookEndpoint
}

pub(crate) async fn endpoints(
    request: &Request,
    organization: OrganizationId,
    (first, after): (Option<i32>, Option<String>),
    (last, before): (Option<i32>, Option<String>),
) -> ApiResult<WebhookEndpointConnection> {
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let endpoints = request.webhooks().list(organization, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let request = request.clone();
        async move { request.webhooks().count(organization).await }
    });
    let edge = |endpoint: domain::WebhookEndpoint| WebhookEndpointEdge {
        cursor: cursor(&endpoint.id.as_uuid()),
        node: endpoint.into(),
    };
    Ok(WebhookEndpointConnection::new(endpoints.map(edge), total))
}
