//! What happened.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{ActorKind, Event, EventId, EventKind, Id, OrganizationId, Origin};
use sea_orm::Value;

use crate::{StorageError, executor::Executor, read_rows::known};

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
        let skip_locked = self.0.on_postgres("FOR UPDATE SKIP LOCKED");
        let sql = format!(
            "UPDATE events SET relayed_at = $1 WHERE id IN
                (SELECT id FROM events WHERE relayed_at IS NULL ORDER BY id LIMIT $2 {skip_locked})
             RETURNING id, organization_id, kind, actor_kind, actor, subject, payload, ip_address, user_agent, created_at"
        );
        let rows = self
            .0
            .all(&sql, [now.into(), i64::from(limit).into()], |row| {
                Ok((
                    EventId::from_uuid(row.try_get_by_index(0)?),
                    row.try_get_by_index::<Option<uuid::Uuid>>(1)?
                        .map(OrganizationId::from_uuid),
                    row.try_get_by_index::<String>(2)?,
                    row.try_get_by_index::<String>(3)?,
                    row.try_get_by_index(4)?,
                    row.try_get_by_index(5)?,
                    row.try_get_by_index(6)?,
                    Origin {
                        ip_address: row.try_get_by_index(7)?,
                        user_agent: row.try_get_by_index(8)?,
                    },
                    row.try_get_by_index(9)?,
                ))
            })
            .await?;
        let mut events = rows
            .into_iter()
            .map(
                |(id, organization, kind, actor_kind, actor, subject, payload, origin, created_at)| {
                    Ok(Event {
                        id,
                        organization,
                        kind: known(EventKind::from_stored(&kind), "events.kind")?,
                        actor_kind: known(ActorKind::from_stored(&actor_kind), "events.actor_kind")?,
                        actor,
                        subject,
                        payload,
                        origin,
                        created_at,
                    })
                },
            )
            .collect::<Result<Vec<_>, StorageError>>()?;
        events.sort_unstable_by_key(|event| Id::as_uuid(&event.id));
        Ok(events)
    }
}
