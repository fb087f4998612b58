//! The queue of webhook deliveries, for those who send them.
//!
//! A delivery is a row. A sender claims it for a time (a lease), sends, and stores what came of it; if its node dies, the
//! lease runs out and another sender takes the row, which has the same id for the receiver. Tables of millions of rows
//! cost nothing here: partial indexes hold only what is due.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::SendWebhooks};
use resonance_domain::{
    DeliveryError, EventId, Id, OrganizationId, UserId, WebhookDeliveryId, WebhookDisabled, WebhookEndpoint,
    WebhookEndpointId,
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    NewWebhookDelivery, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::count,
    webhook_endpoint::{COLUMNS, endpoint},
};

/// Rows of one statement: SQLite takes long lists of values in quadratic time.
const ROWS: usize = 50;

/// Restricts endpoints to those of organizations that are not being purged: nothing leaves those any more.
const ALIVE: &str =
    " AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = e.organization_id AND o.deleted_at IS NULL)";

/// The deliveries that are to be sent, of all organizations.
#[derive(Debug, Clone, Copy)]
pub struct WebhookSending<'a>(pub(crate) Executor<'a>);

/// A delivery under a lease.
#[derive(Debug, Clone)]
pub struct ClaimedDelivery {
    /// Its identity.
    pub id: WebhookDeliveryId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Where it goes.
    pub endpoint: WebhookEndpointId,
    /// The event.
    pub event: EventId,
    /// What is sent.
    pub body: String,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Until when nobody else sends it.
    pub lease_until: DateTime<Utc>,
    owner: Uuid,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// Why it failed; `None` if it succeeded.
    pub error: Option<DeliveryError>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// When the next try is due; `None` if there is none.
    pub retry_at: Option<DateTime<Utc>>,
}

/// What a sender found out about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointHealth {
    /// A try succeeded.
    Succeeded,
    /// Every try failed.
    Failed,
}

impl WebhookSending<'_> {
    /// The endpoints of `organizations` that get events.
    ///
    /// # Errors
    /// The database's.
    pub async fn listeners(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        organizations: impl IntoIterator<Item = OrganizationId>,
    ) -> Result<Vec<WebhookEndpoint>, StorageError> {
        let mut sql = Sql::new(
            format!("SELECT {COLUMNS} FROM webhook_endpoints e WHERE e.organization_id IN "),
            [],
        );
        sql.list(organizations.into_iter().map(|id| id.as_uuid()));
        sql.push(" AND e.enabled AND e.deleted_at IS NULL").push(ALIVE);
        self.0.rows(sql, endpoint).await
    }

    /// One endpoint, for a letter about it.
    ///
    /// # Errors
    /// The database's.
    pub async fn find(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        organization: OrganizationId,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, StorageError> {
        let sql = Sql::new(
            format!(
                "SELECT {COLUMNS} FROM webhook_endpoints e
                 WHERE e.organization_id = $1 AND e.id = $2 AND e.deleted_at IS NULL"
            ),
            [organization.as_uuid().into(), id.as_uuid().into()],
        );
        self.0.row(sql, endpoint).await
    }

    /// Stores deliveries to be sent at once. An event that an endpoint has a delivery for already gets no second one.
    ///
    /// # Errors
    /// The database's.
    pub async fn enqueue(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        new: Vec<(OrganizationId, NewWebhookDelivery)>,
    ) -> Result<(), StorageError> {
        if !new.is_empty() {
            self.0.wake(|wakes| wakes.webhooks = true);
        }
        for rows in new.chunks(ROWS) {
            let mut sql = Sql::new(
                "INSERT INTO webhook_deliveries (organization_id, id, endpoint_id, event_id, kind, body, state,
                    attempts, run_at, created_at) VALUES ",
                [],
            );
            for (nth, (organization, new)) in rows.iter().enumerate() {
                sql.push(if nth == 0 { "(" } else { ", (" });
                sql.bind(organization.as_uuid()).push(", ");
                sql.bind(new.id.as_uuid()).push(", ");
                sql.bind(new.endpoint.as_uuid()).push(", ");
                sql.bind(new.event.as_uuid()).push(", ");
                sql.bind(new.kind.as_str()).push(", ");
                sql.bind(new.body.as_str()).push(", 'queued', 0, ");
                sql.bind(new.created_at).push(", ");
                sql.bind(new.created_at).push(")");
            }
            sql.push(" ON CONFLICT (endpoint_id, event_id) DO NOTHING");
            self.0.run(sql).await?;
        }
        Ok(())
    }

    /// Whether [`WebhookSending::tend`] would change anything.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_to_tend(self, now: DateTime<Utc>) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 WHERE
            EXISTS (SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' AND run_at <= $1)
            OR EXISTS (SELECT 1 FROM webhook_deliveries WHERE state = 'sending' AND lease_until < $1)";
        Ok(self.0.one(ANY, [now.into()], |_| Ok(())).await?.is_some())
    }

    /// Makes up to `limit` deliveries claimable whose time has come, and as many whose sender's lease ran out; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn tend(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        let skip_locked = self.0.on_postgres("FOR UPDATE SKIP LOCKED");
        let mut changed = 0;
        for condition in [
            "state = 'waiting' AND run_at <= $1",
            "state = 'sending' AND lease_until < $1",
        ] {
            let sql = format!(
                "UPDATE webhook_deliveries SET state = 'queued', lease_owner = NULL, lease_until = NULL
                 WHERE (organization_id, id) IN (SELECT organization_id, id FROM webhook_deliveries
                    WHERE {condition} LIMIT $2 {skip_locked})"
            );
            changed += self
                .0
                .execute(&sql, [now.into(), i64::from(limit).into()])
                .await?;
        }
        Ok(changed)
    }

    /// Up to `limit` endpoints with deliveries to claim, in the order of their ids, those behind `after` only. One
    /// look into an index for each.
    ///
    /// # Errors
    /// The database's.
    pub async fn due_endpoints(
        self,
        after: Option<WebhookEndpointId>,
        limit: u32,
    ) -> Result<Vec<WebhookEndpointId>, StorageError> {
        const DUE: &str = "WITH RECURSIVE due (id, nth) AS (
                SELECT (SELECT endpoint_id FROM webhook_deliveries WHERE state = 'queued' AND endpoint_id > $1
                    ORDER BY endpoint_id LIMIT 1), 1
                UNION ALL
                SELECT (SELECT endpoint_id FROM webhook_deliveries WHERE state = 'queued' AND endpoint_id > due.id
                    ORDER BY endpoint_id LIMIT 1), nth + 1 FROM due WHERE due.id IS NOT NULL AND nth < $2)
            SELECT id FROM due WHERE id IS NOT NULL";
        let after = after.map_or(Uuid::nil(), |id| id.as_uuid());
        let values = [after.into(), i64::from(limit).into()];
        self.0
            .all(DUE, values, |row| Ok(Id::from_uuid(row.try_get_by_index(0)?)))
            .await
    }

    /// Claims deliveries for `owner` until `until`, of each endpoint up to its number, oldest first; and what is known
    /// of the endpoints, of those that are switched off, too. No delivery is ever claimed by two.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        room: &[(WebhookEndpointId, u32)],
        owner: Uuid,
        until: DateTime<Utc>,
    ) -> Result<(Vec<ClaimedDelivery>, Vec<WebhookEndpoint>), StorageError> {
        let skip_locked = self.0.on_postgres(" FOR UPDATE SKIP LOCKED");
        let mut sql = Sql::new(
            "UPDATE webhook_deliveries SET state = 'sending', lease_owner = $1, lease_until = $2,
                attempts = attempts + 1 WHERE (organization_id, id) IN (",
            [owner.into(), until.into()],
        );
        for (nth, (endpoint, limit)) in room.iter().enumerate() {
            sql.push(if nth == 0 { "" } else { " UNION ALL " });
            sql.push("SELECT organization_id, id FROM (SELECT organization_id, id FROM webhook_deliveries WHERE state = 'queued' AND endpoint_id = ");
            sql.bind(endpoint.as_uuid()).push(" ORDER BY id LIMIT ");
            sql.bind(i64::from(*limit))
                .push(skip_locked)
                .push(&format!(") AS of_{nth}"));
        }
        sql.push(") RETURNING id, organization_id, endpoint_id, event_id, body, attempts");
        let mut claimed = self
            .0
            .rows(sql, |row| {
                Ok(ClaimedDelivery {
                    id: Id::from_uuid(at(row, 0)?),
                    organization: Id::from_uuid(at(row, 1)?),
                    endpoint: Id::from_uuid(at(row, 2)?),
                    event: Id::from_uuid(at(row, 3)?),
                    body: at(row, 4)?,
                    attempt: count(i64::from(at::<i32>(row, 5)?), "webhook_deliveries.attempts")?,
                    lease_until: until,
                    owner,
                })
            })
            .await?;
        claimed.sort_unstable_by_key(|delivery| delivery.id.as_uuid());
        if claimed.is_empty() {
            return Ok((claimed, Vec::new()));
        }
        let mut sql = Sql::new(
            format!("SELECT {COLUMNS} FROM webhook_endpoints e WHERE (e.organization_id, e.id) IN ("),
            [],
        );
        let mut pairs: Vec<_> = claimed
            .iter()
            .map(|one| (one.organization, one.endpoint))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (nth, (organization, endpoint)) in pairs.iter().enumerate() {
            sql.push(if nth == 0 { "(" } else { ", (" });
            sql.bind(organization.as_uuid()).push(", ");
            sql.bind(endpoint.as_uuid()).push(")");
        }
        sql.push(")").push(ALIVE);
        let endpoints = self.0.rows(sql, endpoint).await?;
        Ok((claimed, endpoints))
    }

    /// Stores what became of tries that ended at `now`. What another sender has taken meanwhile stays as it is.
    ///
    /// # Errors
    /// The database's.
    pub async fn complete(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        tried: &[(ClaimedDelivery, Tried)],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        for rows in tried.chunks(ROWS) {
            let mut sql = Sql::new(
                "UPDATE webhook_deliveries AS d SET state = v.column5, run_at = COALESCE(v.column6, d.run_at),
                    last_status = v.column7, last_error = v.column8, last_duration_ms = v.column9,
                    last_attempt_at = $1, finished_at = CASE WHEN v.column6 IS NULL THEN $1 END,
                    lease_owner = NULL, lease_until = NULL
                 FROM (VALUES ",
                [now.into()],
            );
            for (nth, (delivery, tried)) in rows.iter().enumerate() {
                sql.push(if nth == 0 { "(" } else { ", (" });
                for (column, value) in columns(delivery, tried).into_iter().enumerate() {
                    sql.push(if column == 0 { "" } else { ", " }).bind(value);
                }
                sql.push(")");
            }
            sql.push(
                ") AS v WHERE d.organization_id = v.column1 AND d.id = v.column2 AND d.lease_owner = v.column3
                    AND d.attempts = v.column4 AND d.state = 'sending'",
            );
            self.0.run(sql).await?;
        }
        Ok(())
    }

    /// Puts everything that `owner` still has back at once, as if it had never been claimed: for shutting down.
    ///
    /// # Errors
    /// The database's.
    pub async fn hand_back(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        owner: Uuid,
    ) -> Result<u64, StorageError> {
        const BACK: &str =
            "UPDATE webhook_deliveries SET state = 'queued', lease_owner = NULL, lease_until = NULL,
            attempts = attempts - 1 WHERE state = 'sending' AND lease_owner = $1";
        self.0.execute(BACK, [owner.into()]).await
    }

    /// Notes how an endpoint fares; since when it has only failed.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_health(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        endpoint: &WebhookEndpoint,
        health: EndpointHealth,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StorageError> {
        const WELL: &str =
            "UPDATE webhook_endpoints SET failing_since = NULL WHERE organization_id = $1 AND id = $2
            RETURNING failing_since";
        const ILL: &str = "UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, $3)
            WHERE organization_id = $1 AND id = $2 RETURNING failing_since";
        let mut values: Vec<Value> = address(endpoint).to_vec();
        let sql = match health {
            EndpointHealth::Succeeded => WELL,
            EndpointHealth::Failed => {
                values.push(now.into());
                ILL
            }
        };
        let since = self.0.row(Sql::new(sql, values), |row| at(row, 0)).await?;
        Ok(since.flatten())
    }

    /// Switches an endpoint off. `false` if it was off already, or has succeeded since it was looked at.
    ///
    /// # Errors
    /// The database's.
    pub async fn disable(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        endpoint: &WebhookEndpoint,
        reason: WebhookDisabled,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const DISABLE: &str =
            "UPDATE webhook_endpoints SET enabled = FALSE, disabled_reason = $3, updated_at = $4
            WHERE organization_id = $1 AND id = $2 AND enabled AND deleted_at IS NULL AND url = $5
              AND (failing_since IS NOT NULL OR $3 = 'gone')";
        let [organization, id] = address(endpoint);
        let values = [
            organization,
            id,
            reason.as_str().into(),
            now.into(),
            endpoint.url.as_str().into(),
        ];
        Ok(self.0.execute(DISABLE, values).await? > 0)
    }

    /// The admins of an organization, to be told.
    ///
    /// # Errors
    /// The database's.
    pub async fn admins(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        organization: OrganizationId,
    ) -> Result<Vec<UserId>, StorageError> {
        const FIND: &str =
            "SELECT user_id FROM memberships WHERE organization_id = $1 AND role = 'org:admin'";
        self.0
            .all(FIND, [organization.as_uuid().into()], |row| {
                Ok(UserId::from_uuid(row.try_get_by_index(0)?))
            })
            .await
    }

    /// Removes up to `limit` deliveries that were over before `before`, or else of deleted endpoints, or else deleted
    /// endpoints of which nothing is left; how many rows. Nothing is left to remove when the answer is 0.
    ///
    /// # Errors
    /// The database's.
    pub async fn tidy(
        self,
        _grant: &SystemGrant<SendWebhooks>,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StorageError> {
        const OVER: &str = "DELETE FROM webhook_deliveries WHERE (organization_id, id) IN
            (SELECT organization_id, id FROM webhook_deliveries WHERE finished_at < $2 LIMIT $1)";
        const ORPHANED: &str = "DELETE FROM webhook_deliveries WHERE (organization_id, id) IN
            (SELECT d.organization_id, d.id FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id
             WHERE e.deleted_at IS NOT NULL LIMIT $1)";
        const BARE: &str = "DELETE FROM webhook_endpoints WHERE (organization_id, id) IN
            (SELECT e.organization_id, e.id FROM webhook_endpoints e WHERE e.deleted_at IS NOT NULL AND NOT EXISTS
                (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id) LIMIT $1)";
        let limit = i64::from(limit);
        let over: [Value; 2] = [limit.into(), before.into()];
        for (step, values) in [
            (OVER, over.to_vec()),
            (ORPHANED, vec![limit.into()]),
            (BARE, vec![limit.into()]),
        ] {
            let removed = self.0.execute(step, values).await?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        Ok(0)
    }
}

fn address(endpoint: &WebhookEndpoint) -> [Value; 2] {
    [
        endpoint.organization.as_uuid().into(),
        endpoint.id.as_uuid().into(),
    ]
}

/// The values of one try, in the order in which [`WebhookSending::complete`] reads them.
fn columns(delivery: &ClaimedDelivery, tried: &Tried) -> [Value; 9] {
    let state = match (tried.error, tried.retry_at) {
        (None, _) => "succeeded",
        (Some(_), Some(_)) => "waiting",
        (Some(_), None) => "failed",
    };
    let small = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    [
        delivery.organization.as_uuid().into(),
        delivery.id.as_uuid().into(),
        delivery.owner.into(),
        small(delivery.attempt).into(),
        state.into(),
        tried.retry_at.into(),
        tried.status.map(|status| small(u32::from(status))).into(),
        tried.error.map(DeliveryError::as_str).into(),
        small(tried.duration_ms).into(),
    ]
}
