//! What happened.

use chrono::{DateTime, Utc};
use resonance_authz::{OperatorGrant, SystemGrant, system::Relay};
use resonance_domain::{ActorKind, Event, EventId, EventKind, Id, OrganizationId, Origin, PageRequest};
use sea_orm::{QueryResult, Value};

use crate::{IdCursor, StorageError, executor::Executor, organization::at, raw::Sql, read_rows::known};

/// An event that is about to be written.
pub type NewEvent = Event;
/// An event that the relay claimed.
pub type RelayedEvent = Event;

const COLUMNS: usize = 10;

/// Writes the events of one unit of work by one statement.
pub(crate) async fn insert(executor: Executor<'_>, events: Vec<NewEvent>) -> Result<(), StorageError> {
    let mut sql = String::from(
        "INSERT INTO events (id, organization_id, kind, actor_kind, actor, subject, payload, ip_address, user_agent, created_at) VALUES ",
    );
    let mut values: Vec<Value> = Vec::with_capacity(events.len() * COLUMNS);
    for (row, event) in events.into_iter().enumerate() {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=COLUMNS {
            sql.push_str(if column == 1 { "$" } else { ", $" });
            sql.push_str(&(row * COLUMNS + column).to_string());
        }
        sql.push(')');
        values.extend([
            event.id.as_uuid().into(),
            event.organization.map(|id| id.as_uuid()).into(),
            event.kind.as_str().into(),
            event.actor_kind.as_str().into(),
            event.actor.into(),
            event.subject.into(),
            event.payload.into(),
            event.origin.ip_address.into(),
            event.origin.user_agent.into(),
            event.created_at.into(),
        ]);
    }
    executor.execute(&sql, values).await?;
    Ok(())
}

/// The events, for those who pass them on.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) Executor<'a>);

impl Events<'_> {
    /// Whether [`Events::claim`] would find an event.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_unrelayed(self) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 FROM events WHERE relayed_at IS NULL LIMIT 1";
        Ok(self.0.one(ANY, [], |_| Ok(())).await?.is_some())
    }

    /// Claims up to `limit` events that nobody passed on yet, in the order in which they happened. They are passed
    /// on when this unit of work commits: at least once, and never by two nodes at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        self,
        _grant: &SystemGrant<Relay>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<RelayedEvent>, StorageError> {
        // One relay at a time, so that positions become visible in their order. SQLite has one writer anyway.
        const ORDER: &str = "SELECT pg_advisory_xact_lock(7306293)";
        if self.0.is_postgres() {
            self.0.all(ORDER, [], |_| Ok(())).await?;
        }
        let claim = format!(
            "UPDATE events SET relayed_at = $1,
                position = c.nth + (SELECT COALESCE(MAX(position), 0) FROM events)
             FROM (SELECT id AS claimed, ROW_NUMBER() OVER (ORDER BY id) AS nth FROM
                (SELECT id FROM events WHERE relayed_at IS NULL ORDER BY id LIMIT $2) AS oldest) AS c
             WHERE id = c.claimed
             RETURNING {READ}"
        );
        let values = [now.into(), i64::from(limit).into()];
        let mut events = self.0.rows(Sql::new(claim, values), read).await?;
        events.sort_unstable_by_key(|event| Id::as_uuid(&event.id));
        Ok(events)
    }

    /// A page of a log, newest first, for operators. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        _grant: &OperatorGrant,
        filter: &EventFilter,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<Event>, StorageError> {
        let mut sql = Sql::new(format!("SELECT {READ} FROM events"), []);
        filter.restrict(&mut sql);
        sql.page_by_id("id", true, page);
        self.0.rows(sql, read).await
    }

    /// How many events a log has under the same filter.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, _grant: &OperatorGrant, filter: &EventFilter) -> Result<u64, StorageError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM events", []);
        filter.restrict(&mut sql);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }
}

/// Which events of a log are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Whose log; `None` means the instance's.
    pub organization: Option<OrganizationId>,
    /// Kinds; none means all.
    pub kinds: Vec<EventKind>,
    /// Who acted, as an id.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// The first moment.
    pub from: Option<DateTime<Utc>>,
    /// The first moment that is too late.
    pub until: Option<DateTime<Utc>>,
}

impl EventFilter {
    fn restrict(&self, sql: &mut Sql) {
        match self.organization {
            Some(organization) => sql.push(" WHERE organization_id = ").bind(organization.as_uuid()),
            None => sql.push(" WHERE organization_id IS NULL"),
        };
        if !self.kinds.is_empty() {
            sql.push(" AND kind IN ")
                .list(self.kinds.iter().map(|kind| kind.as_str()));
        }
        for (column, wanted) in [("actor", &self.actor), ("subject", &self.subject)] {
            if let Some(wanted) = wanted {
                let wanted = wanted.replace('\0', "");
                sql.push(" AND ").push(column).push(" = ").bind(wanted);
            }
        }
        for (beyond, moment) in [(">= ", self.from), ("< ", self.until)] {
            if let Some(moment) = moment {
                sql.push(" AND created_at ").push(beyond).bind(moment);
            }
        }
    }
}

/// Read by [`read`], in this order.
pub(crate) const READ: &str =
    "id, organization_id, kind, actor_kind, actor, subject, payload, ip_address, user_agent, created_at";

pub(crate) fn read(row: &QueryResult) -> Result<Event, StorageError> {
    Ok(Event {
        id: EventId::from_uuid(at(row, 0)?),
        organization: at::<Option<uuid::Uuid>>(row, 1)?.map(OrganizationId::from_uuid),
        kind: known(EventKind::from_stored(&at::<String>(row, 2)?), "events.kind")?,
        actor_kind: known(
            ActorKind::from_stored(&at::<String>(row, 3)?),
            "events.actor_kind",
        )?,
        actor: at(row, 4)?,
        subject: at(row, 5)?,
        payload: at(row, 6)?,
        origin: Origin {
            ip_address: at(row, 7)?,
            user_agent: at(row, 8)?,
        },
        created_at: at(row, 9)?,
    })
}
