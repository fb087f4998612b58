//! The audit log of an organization.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{ActorKind, InOrg, OrganizationId, UserId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{
    ApiError, ApiResult, BigInt, JsonObject, Total, connection, cursor, page_request,
};
use resonance_services::{AuditQuery, IdCursor, LoggedEvent, Request};

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AuditActorKind {
    /// A signed-in user.
    User,
    /// An operator of the instance.
    Operator,
    /// A key of the organization.
    ApiKey,
    /// The system itself: a job, or the passing of time.
    System,
    /// Nobody known.
    Anonymous,
    /// None that this version knows: the entry was made up or changed in the database, as verifying tells.
    Unknown,
}

/// Who did something.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct AuditActor {
    /// What kind of actor.
    pub kind: AuditActorKind,
    /// The actor's id; null for the system and for whoever was not known.
    pub id: Option<ID>,
    #[graphql(skip)]
    organization: Option<OrganizationId>,
}

#[ComplexObject]
impl AuditActor {
    /// The person, as members of the organization see them; null for those who left nothing here before they left, for
    /// accounts that are gone, and for operators who are no members.
    async fn user(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let user = self.id.as_ref().and_then(|id| id.parse::<UserId>().ok());
        let (Some(user), Some(organization)) = (user, self.organization) else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        users
            .load_one(InOrg::new(organization, user))
            .await
            .map_err(ApiError::from)
    }
}

/// Something that happened in an organization, as it was written down in the transaction that made it happen.
#[derive(Debug, Clone, SimpleObject)]
pub struct AuditLogEntry {
    /// The entry's id.
    pub id: ID,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What happened, such as `membership.role_changed`: a noun and a past participle.
    pub kind: String,
    /// Who did it.
    pub actor: AuditActor,
    /// The id of what it happened to; null where that is nothing that has an id.
    pub subject: Option<String>,
    /// The client's address; null for what no request made happen.
    pub ip_address: Option<String>,
    /// What the client called itself; null for what no request made happen.
    pub user_agent: Option<String>,
    /// What changed: for each field its `old` and its `new` value, null where there was or is none. Secrets and values
    /// of metadata stand as `[redacted]`.
    pub changes: JsonObject,
    /// What else tells what happened.
    pub details: JsonObject,
    /// The entry's place in the organization's chain, counted from 1; null for the moments until it has one.
    pub position: Option<BigInt>,
    /// The entry's link of the chain, in hexadecimal digits; null until it has a place.
    pub chain_hash: Option<String>,
}

impl From<LoggedEvent> for AuditLogEntry {
    fn from(event: LoggedEvent) -> Self {
        let kind = match ActorKind::from_stored(&event.actor_kind) {
            Some(ActorKind::User) => AuditActorKind::User,
            Some(ActorKind::Operator) => AuditActorKind::Operator,
            Some(ActorKind::ApiKey) => AuditActorKind::ApiKey,
            Some(ActorKind::System) => AuditActorKind::System,
            Some(ActorKind::Anonymous) => AuditActorKind::Anonymous,
            None => AuditActorKind::Unknown,
        };
        let mut details = event.payload;
        let changes = details
            .as_object_mut()
            .and_then(|details| details.remove("changes"));
        Self {
            id: event.id.type_id().into(),
            time: event.created_at,
            kind: event.kind,
            actor: AuditActor {
                kind,
                id: event.actor.map(ID::from),
                organization: event.organization,
            },
            subject: event.subject,
            ip_address: event.origin.ip_address,
            user_agent: event.origin.user_agent,
            changes: JsonObject(changes.unwrap_or_else(|| serde_json::json!({}))),
            details: JsonObject(details),
            position: event
                .position
                .and_then(|position| u64::try_from(position).ok())
                .map(BigInt),
            chain_hash: event.chain_hash.map(|hash| hex(&hash)),
        }
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

connection! {
    /// Entries of an audit log.
    AuditLogConnection;
    /// An entry's place in the log.
    AuditLogEdge of AuditLogEntry
}

/// Which entries are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, InputObject)]
pub struct AuditLogFilter {
    /// Only these kinds, such as `membership.role_changed`.
    pub kinds: Option<Vec<String>>,
    /// Only what this actor did.
    pub actor_id: Option<ID>,
    /// Only what happened to the thing with this id.
    pub subject: Option<String>,
    /// Only from this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// Which entries, and which page of them.
pub(crate) struct AuditLogArguments {
    pub(crate) filter: Option<AuditLogFilter>,
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

pub(crate) async fn audit_log(
    request: &Request,
    organization: OrganizationId,
    arguments: AuditLogArguments,
) -> ApiResult<AuditLogConnection> {
    let AuditLogArguments {
        filter,
        first,
        after,
        last,
        before,
    } = arguments;
    let filter = filter.unwrap_or_default();
    let query = AuditQuery {
        kinds: filter.kinds.unwrap_or_default(),
        actor: filter.actor_id.map(|id| id.to_string()),
        subject: filter.subject,
        from: filter.from,
        to: filter.to,
    };
    let page = page_request(first, after.as_deref(), last, before.as_deref(), IdCursor)?;
    let entries = request.audit_log().list(organization, &query, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, query) = (request.clone(), query.clone());
        async move { request.audit_log().count(organization, &query).await }
    });
    let edge = |event: LoggedEvent| AuditLogEdge {
        cursor: cursor(&event.id.as_uuid()),
        node: event.into(),
    };
    Ok(AuditLogConnection::new(entries.map(edge), total))
}
