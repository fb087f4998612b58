//! Logs of what happened.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, JsonObject, Total, connection, cursor, page_request};
use resonance_services::{AuditLog, AuditQuery, IdCursor, LoggedEvent, Request};
use uuid::Uuid;

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ActorKind {
    /// A signed-in user.
    User,
    /// An operator of the instance.
    Operator,
    /// A key of an organization.
    ApiKey,
    /// The system itself: a job, the command line, the passing of time.
    System,
    /// Nobody known: a sign-up, a failed sign-in.
    Anonymous,
    /// A kind that this version does not know.
    Unknown,
}

/// Something that happened.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AuditEvent {
    /// The event's id.
    pub(crate) id: ID,
    /// What happened, such as `user.suspended`.
    pub(crate) kind: String,
    /// Whose log this stands in; null for the instance's.
    pub(crate) organization_id: Option<ID>,
    /// Who acted.
    pub(crate) actor_kind: ActorKind,
    /// The actor's id; null where nobody is known.
    pub(crate) actor_id: Option<String>,
    /// The id of what it happened to; null where it is no single thing.
    pub(crate) subject_id: Option<String>,
    /// Old and new values, and an operator's reason.
    pub(crate) payload: JsonObject,
    /// The client's address; null if unknown.
    pub(crate) ip_address: Option<String>,
    /// The client's `User-Agent`; null if it sent none.
    pub(crate) user_agent: Option<String>,
    /// When.
    pub(crate) created_at: DateTime<Utc>,
}

impl From<LoggedEvent> for AuditEvent {
    fn from(event: LoggedEvent) -> Self {
        let actor_kind = match domain::ActorKind::from_stored(&event.actor_kind) {
            Some(domain::ActorKind::User) => ActorKind::User,
            Some(domain::ActorKind::Operator) => ActorKind::Operator,
            Some(domain::ActorKind::ApiKey) => ActorKind::ApiKey,
            Some(domain::ActorKind::System) => ActorKind::System,
            Some(domain::ActorKind::Anonymous) => ActorKind::Anonymous,
            None => ActorKind::Unknown,
        };
        Self {
            id: event.id.type_id().into(),
            kind: event.kind,
            organization_id: event.organization.map(|id| id.type_id().into()),
            actor_kind,
            actor_id: event.actor,
            subject_id: event.subject,
            payload: JsonObject(event.payload),
            ip_address: event.origin.ip_address,
            user_agent: event.origin.user_agent,
            created_at: event.created_at,
        }
    }
}

connection! {
    /// Events of a log, newest first.
    AuditEventConnection;
    /// An event's place in the log.
    AuditEventEdge of AuditEvent
}

/// Which events are wanted.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct AuditFilter {
    /// Only these kinds, such as `user.suspended`. Null or empty means all.
    kinds: Option<Vec<String>>,
    /// Only what this actor did. Null means anybody.
    actor_id: Option<ID>,
    /// Only what happened to this. Null means anything.
    subject_id: Option<ID>,
    /// Only what happened at this moment or later. Null means from the first on.
    from: Option<DateTime<Utc>>,
    /// Only what happened before this moment. Null means up to now.
    until: Option<DateTime<Utc>>,
}

/// Which events, and which page of them.
pub(crate) struct AuditArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
    pub(crate) filter: Option<AuditFilter>,
}

pub(crate) async fn events(
    request: &Request,
    log: AuditLog,
    arguments: AuditArguments,
) -> ApiResult<AuditEventConnection> {
    let AuditArguments {
        first,
        after,
        last,
        before,
        filter,
    } = arguments;
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let filter = filter.unwrap_or_default();
    let filter = AuditQuery {
        kinds: filter.kinds.unwrap_or_default(),
        actor: filter.actor_id.map(|id| id.0),
        subject: filter.subject_id.map(|id| id.0),
        from: filter.from,
        to: filter.until,
    };
    let found = request.operators().events(log, &filter, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, filter) = (request.clone(), filter.clone());
        async move { request.operators().count_events(log, &filter).await }
    });
    let edge = |event: LoggedEvent| AuditEventEdge {
        cursor: cursor(&event.id.as_uuid()),
        node: event.into(),
    };
    Ok(AuditEventConnection::new(found.map(edge), total))
}
