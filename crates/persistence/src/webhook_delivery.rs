//! The log of webhook deliveries, for those who manage webhooks.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, ManageWebhooks};
use resonance_domain::{
    DeliveryError, DeliveryState, EventId, Id, PageRequest, WebhookDelivery, WebhookDeliveryId,
    WebhookEndpointId,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
};

/// A delivery that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewWebhookDelivery {
    /// Its identity.
    pub id: WebhookDeliveryId,
    /// Where it goes.
    pub endpoint: WebhookEndpointId,
    /// The event.
    pub event: EventId,
    /// The event's kind.
    pub kind: String,
    /// What is sent, byte for byte.
    pub body: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The deliveries of an organization. Those of deleted endpoints are not seen.
#[derive(Debug, Clone, Copy)]
pub struct WebhookDeliveries<'a>(pub(crate) Executor<'a>);

/// Read by [`delivery`], in this order.
const COLUMNS: &str = "d.id, d.organization_id, d.endpoint_id, d.event_id, d.kind, d.state, d.attempts, d.run_at, \
    d.last_attempt_at, d.last_status, d.last_error, d.last_duration_ms, d.created_at, d.finished_at";

/// Puts a delivery back to its beginning; its id, event and body stay.
const AFRESH: &str = "state = 'queued', attempts = 0, finished_at = NULL";

impl WebhookDeliveries<'_> {
    /// Stores a delivery that no event caused, to be sent at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        grant: &Grant<ManageWebhooks>,
        new: NewWebhookDelivery,
    ) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO webhook_deliveries (organization_id, id, endpoint_id, event_id, kind, body,
            state, attempts, run_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, $7)";
        let values = [
            grant.organization().as_uuid().into(),
            new.id.as_uuid().into(),
            new.endpoint.as_uuid().into(),
            new.event.as_uuid().into(),
            new.kind.into(),
            new.body.into(),
            new.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        self.0.wake(|wakes| wakes.webhooks = true);
        Ok(())
    }

    /// Those of `ids` that there are, in no order.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<ManageWebhooks>,
        ids: &[WebhookDeliveryId],
    ) -> Result<Vec<WebhookDelivery>, StorageError> {
        let mut sql = deliveries(grant);
        sql.push(" AND d.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, delivery).await
    }

    /// A page of an endpoint's deliveries in one of `states` (in any, if it is empty), those of the newest events
    /// first. The cursor is the event's id.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<ManageWebhooks>,
        endpoint: WebhookEndpointId,
        states: &[DeliveryState],
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<WebhookDelivery>, StorageError> {
        let mut sql = deliveries(grant);
        sql.push(" AND d.endpoint_id = ").bind(endpoint.as_uuid());
        restrict(&mut sql, states);
        sql.page_by_id("d.event_id", true, page);
        self.0.rows(sql, delivery).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<ManageWebhooks>,
        endpoint: WebhookEndpointId,
        states: &[DeliveryState],
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "SELECT COUNT(*) FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.endpoint_id = $2",
            [grant.organization().as_uuid().into(), endpoint.as_uuid().into()],
        );
        restrict(&mut sql, states);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Has a delivery that is over sent again at once. `false` if it is not over.
    ///
    /// # Errors
    /// The database's.
    pub async fn replay(
        self,
        grant: &Grant<ManageWebhooks>,
        id: WebhookDeliveryId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let sql = format!(
            "UPDATE webhook_deliveries SET {AFRESH}, run_at = $3
             WHERE organization_id = $1 AND id = $2 AND finished_at IS NOT NULL"
        );
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            now.into(),
        ];
        self.0.wake(|wakes| wakes.webhooks = true);
        Ok(self.0.execute(&sql, values).await? > 0)
    }

    /// Has up to `limit` deliveries of an endpoint sent again that have failed and were made at `since` or later,
    /// oldest events first; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn replay_failed(
        self,
        grant: &Grant<ManageWebhooks>,
        endpoint: WebhookEndpointId,
        since: DateTime<Utc>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        let skip_locked = self.0.on_postgres("FOR UPDATE SKIP LOCKED");
        let sql = format!(
            "UPDATE webhook_deliveries SET {AFRESH}, run_at = $4 WHERE organization_id = $1 AND id IN
                (SELECT id FROM webhook_deliveries WHERE organization_id = $1 AND endpoint_id = $2
                    AND state = 'failed' AND created_at >= $3 ORDER BY event_id LIMIT $5 {skip_locked})"
        );
        let values = [
            grant.organization().as_uuid().into(),
            endpoint.as_uuid().into(),
            since.into(),
            now.into(),
            i64::from(limit).into(),
        ];
        self.0.wake(|wakes| wakes.webhooks = true);
        self.0.execute(&sql, values).await
    }
}

fn deliveries(grant: &Grant<ManageWebhooks>) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS} FROM webhook_deliveries d WHERE d.organization_id = $1 AND EXISTS (SELECT 1
                FROM webhook_endpoints e WHERE e.organization_id = $1 AND e.id = d.endpoint_id AND e.deleted_at IS NULL)"
        ),
        [grant.organization().as_uuid().into()],
    )
}

fn restrict(sql: &mut Sql, states: &[DeliveryState]) {
    if states.is_empty() {
        return;
    }
    let stored = states.iter().flat_map(|state| match state {
        DeliveryState::Pending => ["waiting", "queued", "sending"].as_slice(),
        DeliveryState::Succeeded => &["succeeded"],
        DeliveryState::Failed => &["failed"],
    });
    sql.push(" AND d.state IN ").list(stored.copied());
}

fn delivery(row: &QueryResult) -> Result<WebhookDelivery, StorageError> {
    let state = match at::<String>(row, 5)?.as_str() {
        "waiting" | "queued" | "sending" => DeliveryState::Pending,
        over => known(DeliveryState::from_stored(over), "webhook_deliveries.state")?,
    };
    let last_error = at::<Option<String>>(row, 10)?
        .map(|text| known(DeliveryError::from_stored(&text), "webhook_deliveries.last_error"))
        .transpose()?;
    let run_at: DateTime<Utc> = at(row, 7)?;
    let small = |value: Option<i32>| value.map(i32::unsigned_abs);
    Ok(WebhookDelivery {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        endpoint: Id::from_uuid(at::<Uuid>(row, 2)?),
        event: Id::from_uuid(at(row, 3)?),
        kind: at(row, 4)?,
        state,
        attempts: count(i64::from(at::<i32>(row, 6)?), "webhook_deliveries.attempts")?,
        next_attempt_at: (state == DeliveryState::Pending).then_some(run_at),
        last_attempt_at: at(row, 8)?,
        last_status: small(at(row, 9)?).and_then(|status| u16::try_from(status).ok()),
        last_error,
        last_duration_ms: small(at(row, 11)?),
        created_at: at(row, 12)?,
        finished_at: at(row, 13)?,
    })
}
