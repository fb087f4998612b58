//! What happened in an organization: to be pulled, and live.

use async_graphql::{Context, Enum, ID, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};
use resonance_domain::{ActorKind, OrganizationId};
use resonance_gateway_kit::{
    ApiError, ApiResult, JsonObject, PageInfo, cursor, page_request, parse_id, request,
};
use resonance_services::{FedPublishedEvent, FeedCursor, PublishedEvent, Request};

/// What kind of actor did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ActorKind")]
pub enum OrganizationEventActorKind {
    /// A user.
    User,
    /// An operator of the instance.
    Operator,
    /// A key of the organization.
    ApiKey,
    /// The system itself.
    System,
    /// Nobody known.
    Anonymous,
}

/// Something that happened in an organization, as webhooks tell it, too. Each type requires the permission to read what
/// it is about; `org:sys_webhooks:manage` opens all.
#[derive(Debug, Clone, SimpleObject)]
pub struct OrganizationEvent {
    /// The event's id; the header `webhook-id` of its deliveries.
    pub id: ID,
    /// What happened, such as `membership.role_changed`.
    #[graphql(name = "type")]
    pub kind: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What kind of actor did it.
    pub actor_kind: OrganizationEventActorKind,
    /// Who did it; null if that is nobody with an id.
    pub actor_id: Option<ID>,
    /// What it happened to; null if that is nothing with an id.
    pub subject_id: Option<ID>,
    /// What else there is to know, by type: values of what is new, old and new ones of what changed. Never a secret.
    pub data: JsonObject,
}

impl From<PublishedEvent> for OrganizationEvent {
    fn from(event: PublishedEvent) -> Self {
        Self {
            id: event.id.type_id().into(),
            kind: event.kind,
            timestamp: event.timestamp,
            actor_kind: event.actor_kind.into(),
            actor_id: event.actor.map(ID),
            subject_id: event.subject.map(ID),
            data: JsonObject(event.data),
        }
    }
}

/// An event's place in the feed.
#[derive(Debug, Clone, SimpleObject)]
pub struct OrganizationEventEdge {
    /// Where the feed goes on behind the event, for `after`.
    pub cursor: String,
    /// The event.
    pub node: OrganizationEvent,
}

/// A part of the feed of events, oldest first. A page may hold fewer events than asked for, even none, though the feed
/// goes on: always go on with `endCursor`, also when the feed is at its end, where it stays the same until more happens.
#[derive(Debug, Clone, SimpleObject)]
pub struct OrganizationEventConnection {
    /// The events with their places.
    pub edges: Vec<OrganizationEventEdge>,
    /// The events alone.
    pub nodes: Vec<OrganizationEvent>,
    /// Where this page lies in the feed.
    pub page_info: PageInfo,
}

/// What is published in the feed about one moment.
#[derive(Debug, Clone, SimpleObject)]
pub struct OrganizationEventItem {
    /// Where the feed goes on behind the event: `after` of another subscription, or of `Organization.events`.
    pub cursor: String,
    /// The event.
    pub event: OrganizationEvent,
}

impl From<FedPublishedEvent> for OrganizationEventItem {
    fn from(fed: FedPublishedEvent) -> Self {
        Self {
            cursor: cursor(&fed.cursor.0),
            event: fed.event.into(),
        }
    }
}

/// Reads a cursor of the feed.
fn place(after: Option<&str>) -> ApiResult<Option<FeedCursor>> {
    Ok(page_request(None, after, None, None, FeedCursor)?.cursor)
}

pub(crate) async fn events(
    request: &Request,
    organization: OrganizationId,
    first: Option<i32>,
    after: Option<String>,
    types: Vec<String>,
) -> ApiResult<OrganizationEventConnection> {
    let page = request
        .events(organization, types, place(after.as_deref())?, first)
        .await?;
    let edges: Vec<_> = page
        .events
        .into_iter()
        .map(|fed| OrganizationEventEdge {
            cursor: cursor(&fed.cursor.0),
            node: fed.event.into(),
        })
        .collect();
    Ok(OrganizationEventConnection {
        nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
        page_info: PageInfo {
            has_next_page: page.has_more,
            has_previous_page: after.is_some(),
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: Some(cursor(&page.end.0)),
        },
        edges,
    })
}

/// The subscription of an organization's events.
#[derive(Debug, Default)]
pub struct OrganizationEventsSubscription;

#[Subscription]
impl OrganizationEventsSubscription {
    /// What happens in an organization, in order and without gaps: from now on, or from `after` on. Each type requires the
    /// permission to read what it is about, decided anew at each event. Ends once the membership or the session does.
    async fn organization_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization. Null or omitted means the one that the request works in.")]
        organization_id: Option<ID>,
        #[graphql(
            desc = "Kinds such as `membership.created` and nouns such as `membership.*`; all when nothing is said."
        )]
        types: Option<Vec<String>>,
        #[graphql(desc = "The cursor to go on behind; what happens from now on when nothing is said.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = ApiResult<OrganizationEventItem>>, ApiError> {
        let request = request(context)?.clone();
        let named = organization_id
            .map(|id| parse_id("organizationId", &id))
            .transpose();
        let organization = request.organization(named.map_err(ApiError::invalid)?)?;
        let after = place(after.as_deref())?;
        let feed = request.watch_events(organization, types.unwrap_or_default(), after);
        Ok(feed.map(|item| Ok(item?.into())))
    }
}
