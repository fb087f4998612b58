//! What happened.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{ActorKind, AuditRecord, Event, EventId, EventKind, Id, OrganizationId, Origin};
use sea_orm::{QueryResult, TryGetable, Value};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql};

/// An event that is about to be written, with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub event: Event,
    /// The signature of its [`AuditRecord`].
    pub mac: [u8; 32],
    /// The same for another log.
    pub copy: Option<Box<Self>>,
}

/// An event as it lies in storage, whether or not this version knows what it says, or anybody here wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its identity.
    pub id: EventId,
    /// The organization in whose log it stands; `None` for the instance's.
    pub organization: Option<OrganizationId>,
    /// The event that it is a copy of.
    pub copy_of: Option<EventId>,
    /// What happened; see [`EventKind`].
    pub kind: String,
    /// Who acted; see [`ActorKind`].
    pub actor_kind: String,
    /// The actor's id, as a TypeID.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// Old and new values, and what else tells what happened.
    pub payload: serde_json::Value,
    /// Where the request came from.
    pub origin: Origin,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Its signature.
    pub mac: Vec<u8>,
    /// Its place in the chain of its log, counted from 1; `None` until it is sealed.
    pub position: Option<i64>,
    /// Its link of the chain.
    pub chain_hash: Option<Vec<u8>>,
    /// Whether it was passed on.
    pub relayed: bool,
    /// Whether every column held a value of its type. What is not readable is as if nothing were there.
    pub readable: bool,
}

impl LoggedEvent {
    /// What its signature covers.
    #[must_use]
    pub fn record(&self) -> AuditRecord<'_> {
        AuditRecord {
            id: self.id,
            organization: self.organization,
            copy_of: self.copy_of,
            kind: &self.kind,
            actor_kind: &self.actor_kind,
            actor: self.actor.as_deref(),
            subject: self.subject.as_deref(),
            payload: &self.payload,
            ip_address: self.origin.ip_address.as_deref(),
            user_agent: self.origin.user_agent.as_deref(),
            created_at: self.created_at,
        }
    }

    /// The event, if this version knows its kind.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        Some(Event {
            id: self.id,
            organization: self.organization,
            copy_of: self.copy_of,
            kind: EventKind::from_stored(&self.kind)?,
            actor_kind: ActorKind::from_stored(&self.actor_kind)?,
            actor: self.actor.clone(),
            subject: self.subject.clone(),
            payload: self.payload.clone(),
            origin: self.origin.clone(),
            created_at: self.created_at,
        })
    }
}

/// Writes the events of one unit of work by one statement.
pub(crate) async fn insert(executor: Executor<'_>, events: Vec<NewEvent>) -> Result<(), StorageError> {
    let mut sql = Sql::new(
        "INSERT INTO events (id, organization_id, copy_of, kind, actor_kind, actor, subject, payload, ip_address,
         user_agent, created_at, mac) VALUES ",
        [],
    );
    let each = events.into_iter().flat_map(|mut new| {
        let copy = new.copy.take();
        std::iter::once(new).chain(copy.map(|copy| *copy))
    });
    for (row, NewEvent { event, mac, .. }) in each.enumerate() {
        sql.push(if row == 0 { "" } else { ", " }).list::<Value>([
            event.id.as_uuid().into(),
            event.organization.map(|id| id.as_uuid()).into(),
            event.copy_of.map(|id| id.as_uuid()).into(),
            event.kind.as_str().into(),
            event.actor_kind.as_str().into(),
            event.actor.into(),
            event.subject.into(),
            event.payload.into(),
            event.origin.ip_address.into(),
            event.origin.user_agent.into(),
            event.created_at.into(),
            mac.to_vec().into(),
        ]);
    }
    executor.run_along(sql).await
}

/// Read by [`logged`], in this order.
pub(crate) const LOGGED: &str = "id, organization_id, copy_of, kind, actor_kind, actor, subject, payload,
    ip_address, user_agent, created_at, mac, chain_position, chain_hash, relayed_at IS NOT NULL";

/// Reads an event, whatever somebody may have put into its columns.
pub(crate) fn logged(row: &QueryResult) -> Result<LoggedEvent, StorageError> {
    let mut readable = true;
    let id = EventId::from_uuid(at(row, 0)?);
    let mut event = LoggedEvent {
        id,
        organization: optional::<Uuid>(row, 1, &mut readable).map(Id::from_uuid),
        copy_of: optional::<Uuid>(row, 2, &mut readable).map(Id::from_uuid),
        kind: optional(row, 3, &mut readable).unwrap_or_default(),
        actor_kind: optional(row, 4, &mut readable).unwrap_or_default(),
        actor: optional(row, 5, &mut readable),
        subject: optional(row, 6, &mut readable),
        payload: optional(row, 7, &mut readable).unwrap_or_default(),
        origin: Origin {
            ip_address: optional(row, 8, &mut readable),
            user_agent: optional(row, 9, &mut readable),
        },
        created_at: optional(row, 10, &mut readable).unwrap_or_default(),
        mac: optional(row, 11, &mut readable).unwrap_or_default(),
        position: optional(row, 12, &mut readable),
        chain_hash: optional(row, 13, &mut readable),
        relayed: optional(row, 14, &mut readable).unwrap_or_default(),
        readable: true,
    };
    event.readable = readable;
    Ok(event)
}

fn optional<T: TryGetable>(row: &QueryResult, column: usize, readable: &mut bool) -> Option<T> {
    let value = row.try_get_by_index::<Option<T>>(column);
    value.inspect_err(|_| *readable = false).unwrap_or_default()
}

/// The events, for those who pass them on.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) Executor<'a>);

/// An event's place in the chain of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Which event.
    pub event: EventId,
    /// Its place, counted from 1.
    pub position: u64,
    /// Its link.
    pub chain_hash: [u8; 32],
    /// Whether it gets a place in the feed, too.
    pub is_fed: bool,
}

impl Events<'_> {
    /// Whether [`Events::claim`] would find an event.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_unrelayed(self) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 FROM events WHERE relayed_at IS NULL LIMIT 1";
        Ok(self.0.one(ANY, [], |_| Ok(())).await?.is_some())
    }

    /// Up to `limit` events that nobody passed on yet, in the order in which they happened, held until this unit of
    /// work ends: no other node gets them meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        self,
        _grant: &SystemGrant<Relay>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StorageError> {
        // One relay at a time, so that places in the feed become visible in their order. SQLite has one writer anyway.
        const ORDER: &str = "SELECT pg_advisory_xact_lock(7306293)";
        if self.0.is_postgres() {
            self.0.all(ORDER, [], |_| Ok(())).await?;
        }
        let sql = format!("SELECT {LOGGED} FROM events WHERE relayed_at IS NULL ORDER BY id LIMIT $1");
        let sql = Sql::new(sql, [i64::from(limit).into()]);
        self.0.rows(sql, logged).await
    }

    /// Marks claimed events as passed on and gives them their places. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal(
        self,
        _grant: &SystemGrant<Relay>,
        seals: &[Seal],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        if seals.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new(
            "UPDATE events SET relayed_at = $1, chain_position = v.column2, chain_hash = v.column3,
                position = v.column4 + (SELECT COALESCE(MAX(position), 0) FROM events) FROM (",
            [now.into()],
        );
        let mut nth = 0;
        let rows = seals.iter().map(|seal| {
            nth += i64::from(seal.is_fed);
            [
                seal.event.as_uuid().into(),
                count(seal.position).into(),
                seal.chain_hash.to_vec().into(),
                seal.is_fed.then_some(nth).into(),
            ]
        });
        sql.values::<4>(rows.collect());
        sql.push(") AS v WHERE events.id = v.column1");
        self.0.run_along(sql).await
    }
}

/// A count as it is stored. None comes near the greatest.
pub(crate) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
