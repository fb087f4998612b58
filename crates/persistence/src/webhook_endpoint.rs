//! Webhook endpoints, for those who manage them.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, ManageWebhooks};
use resonance_domain::{
    EventFilter, Id, PageRequest, UserId, WebhookDisabled, WebhookEndpoint, WebhookEndpointId,
};
use sea_orm::QueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
};

/// The webhook endpoints. Deleted ones are not seen.
#[derive(Debug, Clone, Copy)]
pub struct WebhookEndpoints<'a>(pub(crate) Executor<'a>);

/// Read by [`endpoint`], in this order.
pub(crate) const COLUMNS: &str = "e.id, e.organization_id, e.url, e.description, e.events, e.enabled, \
    e.disabled_reason, e.secret_generation, e.previous_secret_until, e.failing_since, e.created_by, e.created_at, \
    e.updated_at";

impl WebhookEndpoints<'_> {
    /// Stores a new endpoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        grant: &Grant<ManageWebhooks>,
        endpoint: &WebhookEndpoint,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO webhook_endpoints (organization_id, id, url, description, events, enabled,
            secret_generation, created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
        let values = [
            grant.organization().as_uuid().into(),
            endpoint.id.as_uuid().into(),
            endpoint.url.as_str().into(),
            endpoint.description.as_str().into(),
            json!(endpoint.events.entries()).into(),
            endpoint.enabled.into(),
            generation(endpoint).into(),
            grant.user().map(|user| user.as_uuid()).into(),
            endpoint.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Stores what its owners change: URL, description, filter, whether it is on and why it is not, the secrets.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(
        self,
        grant: &Grant<ManageWebhooks>,
        endpoint: &WebhookEndpoint,
    ) -> Result<(), StorageError> {
        const STORE: &str =
            "UPDATE webhook_endpoints SET url = $3, description = $4, events = $5, enabled = $6,
            disabled_reason = $7, secret_generation = $8, previous_secret_until = $9, failing_since = $10,
            updated_at = $11 WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL";
        let values = [
            grant.organization().as_uuid().into(),
            endpoint.id.as_uuid().into(),
            endpoint.url.as_str().into(),
            endpoint.description.as_str().into(),
            json!(endpoint.events.entries()).into(),
            endpoint.enabled.into(),
            endpoint.disabled.map(WebhookDisabled::as_str).into(),
            generation(endpoint).into(),
            endpoint.previous_secret_until.into(),
            endpoint.failing_since.into(),
            endpoint.updated_at.into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Deletes an endpoint: nobody sees it any more, and it gets nothing any more.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(
        self,
        grant: &Grant<ManageWebhooks>,
        id: WebhookEndpointId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const DELETE: &str =
            "UPDATE webhook_endpoints SET deleted_at = $3, enabled = FALSE, url = '', description = ''
            WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL";
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            now.into(),
        ];
        self.0.execute(DELETE, values).await?;
        Ok(())
    }

    /// One endpoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<ManageWebhooks>,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, StorageError> {
        let mut sql = endpoints(grant);
        sql.push(" AND e.id = ").bind(id.as_uuid());
        self.0.row(sql, endpoint).await
    }

    /// Those of `ids` that there are, in no order.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<ManageWebhooks>,
        ids: &[WebhookEndpointId],
    ) -> Result<Vec<WebhookEndpoint>, StorageError> {
        let mut sql = endpoints(grant);
        sql.push(" AND e.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, endpoint).await
    }

    /// A page of them, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<ManageWebhooks>,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<WebhookEndpoint>, StorageError> {
        let mut sql = endpoints(grant);
        sql.page_by_id("e.id", false, page);
        self.0.rows(sql, endpoint).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, grant: &Grant<ManageWebhooks>) -> Result<u64, StorageError> {
        const COUNT: &str =
            "SELECT COUNT(*) FROM webhook_endpoints WHERE organization_id = $1 AND deleted_at IS NULL";
        let values = [grant.organization().as_uuid().into()];
        let counted = self
            .0
            .row(Sql::new(COUNT, values), |row| at::<i64>(row, 0))
            .await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }
}

fn endpoints(grant: &Grant<ManageWebhooks>) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS} FROM webhook_endpoints e WHERE e.organization_id = $1 AND e.deleted_at IS NULL"
        ),
        [grant.organization().as_uuid().into()],
    )
}

fn generation(endpoint: &WebhookEndpoint) -> i32 {
    i32::try_from(endpoint.secret_generation).unwrap_or(i32::MAX)
}

pub(crate) fn endpoint(row: &QueryResult) -> Result<WebhookEndpoint, StorageError> {
    let events = serde_json::from_value(at::<Value>(row, 4)?).ok();
    let disabled = at::<Option<String>>(row, 6)?
        .map(|text| {
            known(
                WebhookDisabled::from_stored(&text),
                "webhook_endpoints.disabled_reason",
            )
        })
        .transpose()?;
    Ok(WebhookEndpoint {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        url: at(row, 2)?,
        description: at(row, 3)?,
        events: EventFilter::from_stored(known(events, "webhook_endpoints.events")?),
        enabled: at(row, 5)?,
        disabled,
        secret_generation: count(
            i64::from(at::<i32>(row, 7)?),
            "webhook_endpoints.secret_generation",
        )?,
        previous_secret_until: at(row, 8)?,
        failing_since: at(row, 9)?,
        created_by: at::<Option<Uuid>>(row, 10)?.map(UserId::from_uuid),
        created_at: at(row, 11)?,
        updated_at: at(row, 12)?,
    })
}
