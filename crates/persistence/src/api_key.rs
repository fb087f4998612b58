//! API keys.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Denied, Grant, Implies, KeyHolder, KeyStanding, ManageApiKeys, ReadApiKeys, RolePermissions, StandError,
    SystemGrant, system::Authenticate,
};
use resonance_domain::{
    ApiKey, ApiKeyId, ApiKeyVoices, BudgetHolder, Id, OrganizationId, PageRequest, UserId,
};
use sea_orm::{QueryResult, Value};
use serde_json::json;
use uuid::Uuid;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
    spending::forget_alerts,
};

/// The API keys. Tokens are looked up by their hash and never stored.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a>(pub(crate) Executor<'a>);

/// A key that opens something now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenKey {
    /// The key.
    pub key: ApiKey,
    /// What it opens.
    pub standing: KeyStanding,
}

/// Read by [`key`], in this order.
const COLUMNS: &str = "k.id, k.organization_id, k.name, k.hint, k.permissions, k.voices, k.character_budget, \
    k.expires_at, k.revoked_at, k.last_used_at, k.created_by, k.created_at, k.updated_at";
/// What makes a key `k` open something at the time `$1`.
const OPEN: &str = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
    AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = k.organization_id AND o.deleted_at IS NULL)";

impl ApiKeys<'_> {
    /// The key with this token's hash, if it opens anything. One statement, as every request with a key pays for it.
    ///
    /// # Errors
    /// The database's.
    pub async fn authenticate(
        self,
        _grant: &SystemGrant<Authenticate>,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<OpenKey>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys k WHERE k.token_hash = $2 AND {OPEN}");
        let values = [now.into(), token_hash.to_vec().into()];
        self.0.row(Sql::new(sql, values), open).await
    }

    /// The key of a request, as this unit of work sees it. One statement.
    ///
    /// # Errors
    /// [`Denied::NotVisible`] if it opens nothing any more, or the database's error.
    pub async fn of(
        self,
        holder: KeyHolder,
        now: DateTime<Utc>,
    ) -> Result<OpenKey, StandError<StorageError>> {
        let sql =
            format!("SELECT {COLUMNS} FROM api_keys k WHERE k.organization_id = $2 AND k.id = $3 AND {OPEN}");
        let values = [
            now.into(),
            holder.organization.as_uuid().into(),
            holder.key.as_uuid().into(),
        ];
        let found = self.0.row(Sql::new(sql, values), open).await;
        found
            .map_err(StandError::Source)?
            .ok_or(StandError::Denied(Denied::NotVisible))
    }

    /// Notes that a key was used, unless that was noted at `unless_since` or after it.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch(
        self,
        _grant: &SystemGrant<Authenticate>,
        holder: KeyHolder,
        now: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const TOUCH: &str = "UPDATE api_keys SET last_used_at = $3 WHERE organization_id = $1 AND id = $2
            AND (last_used_at IS NULL OR last_used_at < $4)";
        let values = [
            holder.organization.as_uuid().into(),
            holder.key.as_uuid().into(),
            now.into(),
            unless_since.into(),
        ];
        self.0.execute(TOUCH, values).await?;
        Ok(())
    }

    /// Stores a new key.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        grant: &Grant<ManageApiKeys>,
        key: &ApiKey,
        token_hash: &[u8; 32],
    ) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO api_keys (organization_id, id, name, hint, token_hash, permissions, voices,
            character_budget, expires_at, created_by, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
        let values = [
            grant.organization().as_uuid().into(),
            key.id.as_uuid().into(),
            key.name.as_str().into(),
            key.hint.as_str().into(),
            token_hash.to_vec().into(),
            key.permissions.join(" ").into(),
            stored_voices(&key.voices),
            budget(key),
            key.expires_at.into(),
            grant.user().map(|user| user.as_uuid()).into(),
            key.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Stores what is changed about a key: name, permissions, voices, budget, expiry, and that it is revoked. People are
    /// told anew how far the budget is spent.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(self, grant: &Grant<ManageApiKeys>, key: &ApiKey) -> Result<(), StorageError> {
        const STORE: &str =
            "UPDATE api_keys SET name = $3, permissions = $4, voices = $5, character_budget = $6,
            expires_at = $7, revoked_at = $8, updated_at = $9 WHERE organization_id = $1 AND id = $2";
        let values = [
            grant.organization().as_uuid().into(),
            key.id.as_uuid().into(),
            key.name.as_str().into(),
            key.permissions.join(" ").into(),
            stored_voices(&key.voices),
            budget(key),
            key.expires_at.into(),
            key.revoked_at.into(),
            key.updated_at.into(),
        ];
        self.0.execute(STORE, values).await?;
        forget_alerts(self.0, grant.organization(), BudgetHolder::ApiKey(key.id)).await
    }

    /// One key.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<impl Implies<ReadApiKeys>>,
        id: ApiKeyId,
    ) -> Result<Option<ApiKey>, StorageError> {
        let mut sql = keys(grant.organization());
        sql.push(" AND k.id = ").bind(id.as_uuid());
        self.0.row(sql, key).await
    }

    /// Those of `ids` that there are, in no order.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<impl Implies<ReadApiKeys>>,
        ids: &[ApiKeyId],
    ) -> Result<Vec<ApiKey>, StorageError> {
        let mut sql = keys(grant.organization());
        sql.push(" AND k.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, key).await
    }

    /// A page of them, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadApiKeys>>,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<ApiKey>, StorageError> {
        let mut sql = keys(grant.organization());
        sql.page_by_id("k.id", true, page);
        self.0.rows(sql, key).await
    }

    /// How many there are, those that open nothing any more included.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, grant: &Grant<impl Implies<ReadApiKeys>>) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM api_keys WHERE organization_id = $1";
        self.number(COUNT, [grant.organization().as_uuid().into()]).await
    }

    /// How many of them open something at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_active(
        self,
        grant: &Grant<ManageApiKeys>,
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM api_keys
            WHERE organization_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
        let values = [grant.organization().as_uuid().into(), now.into()];
        self.number(COUNT, values).await
    }

    async fn number<const N: usize>(
        self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<u64, StorageError> {
        let found = self.0.row(Sql::new(sql, values), |row| at::<i64>(row, 0)).await?;
        Ok(found.unwrap_or_default().unsigned_abs())
    }
}

fn keys(organization: OrganizationId) -> Sql {
    Sql::new(
        format!("SELECT {COLUMNS} FROM api_keys k WHERE k.organization_id = $1"),
        [organization.as_uuid().into()],
    )
}

fn stored_voices(voices: &ApiKeyVoices) -> Value {
    let voices = voices
        .as_ref()
        .map(|voices| json!(voices.iter().map(|voice| voice.global_id()).collect::<Vec<_>>()));
    voices.into()
}

fn budget(key: &ApiKey) -> Value {
    key.character_budget
        .map(|budget| i64::try_from(budget).unwrap_or(i64::MAX))
        .into()
}

fn open(row: &QueryResult) -> Result<OpenKey, StorageError> {
    let key = key(row)?;
    let permissions = RolePermissions::from_stored(&key.permissions.join(" "));
    Ok(OpenKey {
        standing: KeyStanding::of_record(key.organization, key.id, permissions),
        key,
    })
}

fn key(row: &QueryResult) -> Result<ApiKey, StorageError> {
    let permissions: String = at(row, 4)?;
    let voices = at::<Option<serde_json::Value>>(row, 5)?
        .map(|voices| {
            let texts: Option<Vec<String>> = serde_json::from_value(voices).ok();
            let voices = texts.and_then(|texts| texts.iter().map(|text| text.parse().ok()).collect());
            known(voices, "api_keys.voices")
        })
        .transpose()?;
    Ok(ApiKey {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        name: at(row, 2)?,
        hint: at(row, 3)?,
        permissions: permissions.split_whitespace().map(str::to_owned).collect(),
        voices,
        character_budget: at::<Option<i64>>(row, 6)?
            .map(|budget| count(budget, "api_keys.character_budget"))
            .transpose()?,
        expires_at: at(row, 7)?,
        revoked_at: at(row, 8)?,
        last_used_at: at(row, 9)?,
        created_by: at::<Option<Uuid>>(row, 10)?.map(UserId::from_uuid),
        created_at: at(row, 11)?,
        updated_at: at(row, 12)?,
    })
}
