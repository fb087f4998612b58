//! Telling the billing provider what was used.
//!
//! A line that is to be told of waits in `usage_exports` from the transaction that settled it until the provider has
//! answered. It may be told twice, as an answer may be lost: the provider knows a line by its id.

use chrono::{DateTime, Utc};
use resonance_authz::{
    SystemGrant,
    system::{Bill, Purge, Reconcile},
};
use resonance_domain::{Author, Id, OrganizationId, UsageEntryId, UsageMetric, VoiceId};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
};

/// Lines on their way to the billing provider.
#[derive(Debug, Clone, Copy)]
pub struct UsageExports<'a>(pub(crate) Executor<'a>);

/// A settled line that the provider is to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// Its identity.
    pub id: UsageEntryId,
    /// Whose usage.
    pub organization: OrganizationId,
    /// What is metered.
    pub metric: UsageMetric,
    /// How much.
    pub quantity: u64,
    /// When it was held.
    pub used_at: DateTime<Utc>,
    /// Whose doing it was.
    pub author: Option<Author>,
    /// The voice that spoke or was made.
    pub voice: Option<VoiceId>,
    /// The engine that spoke.
    pub engine: Option<String>,
}

/// How far the provider has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportState {
    /// Lines that wait.
    pub waiting: u64,
    /// Lines that the provider never takes.
    pub refused: u64,
}

impl UsageExports<'_> {
    /// Whether any line waits.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_waiting(self) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 FROM usage_exports WHERE exported_at IS NULL AND refused IS NULL LIMIT 1";
        Ok(self.0.one(ANY, [], |_| Ok(())).await?.is_some())
    }

    /// Whether any line of an organization waits.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_waiting_of(
        self,
        _grant: &SystemGrant<Bill>,
        organization: OrganizationId,
    ) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 FROM usage_exports
            WHERE organization_id = $1 AND exported_at IS NULL AND refused IS NULL LIMIT 1";
        let values = [organization.as_uuid().into()];
        Ok(self.0.one(ANY, values, |_| Ok(())).await?.is_some())
    }

    /// Puts lines on their way that were settled after an organization's first one that was, by a node that knew of no
    /// provider; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn catch_up(
        self,
        _grant: &SystemGrant<Reconcile>,
        organization: OrganizationId,
    ) -> Result<u64, StorageError> {
        const CATCH_UP: &str = "INSERT INTO usage_exports (organization_id, id)
            SELECT e.organization_id, e.id FROM usage_entries e
            WHERE e.organization_id = $1 AND e.kind = 'settle'
                AND e.id > (SELECT x.id FROM usage_exports x WHERE x.organization_id = $1 ORDER BY x.id LIMIT 1)
                AND NOT EXISTS (SELECT 1 FROM usage_exports x WHERE x.organization_id = $1 AND x.id = e.id)
            ON CONFLICT DO NOTHING";
        self.0.execute(CATCH_UP, [organization.as_uuid().into()]).await
    }

    /// Up to `limit` lines that wait, the earliest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting(
        self,
        _grant: &SystemGrant<Bill>,
        limit: u32,
    ) -> Result<Vec<UsageLine>, StorageError> {
        const WAITING: &str =
            "SELECT e.id, e.organization_id, e.metric, e.quantity, COALESCE(h.created_at, e.created_at),
                e.user_id, e.api_key_id, e.voice_id, e.engine
            FROM usage_exports x
            JOIN usage_entries e ON e.organization_id = x.organization_id AND e.id = x.id
            LEFT JOIN usage_entries h ON h.organization_id = e.organization_id AND h.metric = e.metric
                AND h.reference_id = e.reference_id AND h.kind = 'hold'
            WHERE x.exported_at IS NULL AND x.refused IS NULL ORDER BY x.id LIMIT $1";
        self.0
            .rows(Sql::new(WAITING, [i64::from(limit).into()]), line)
            .await
    }

    /// Notes that the provider has these lines.
    ///
    /// # Errors
    /// The database's.
    pub async fn exported(
        self,
        _grant: &SystemGrant<Bill>,
        lines: &[UsageLine],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let mut sql = Sql::new(
            "UPDATE usage_exports SET exported_at = $1 WHERE id IN ",
            [now.into()],
        );
        sql.list(lines.iter().map(|line| line.id.as_uuid()));
        // Both conditions of the index that knows lines by their id alone.
        sql.push(" AND exported_at IS NULL AND refused IS NULL");
        self.0.run(sql).await?;
        Ok(())
    }

    /// Notes that the provider will never take a line, and why.
    ///
    /// # Errors
    /// The database's.
    pub async fn refused(
        self,
        _grant: &SystemGrant<Bill>,
        line: &UsageLine,
        reason: &str,
    ) -> Result<(), StorageError> {
        const REFUSED: &str = "UPDATE usage_exports SET refused = $3
            WHERE organization_id = $1 AND id = $2 AND exported_at IS NULL";
        let values = [
            line.organization.as_uuid().into(),
            line.id.as_uuid().into(),
            reason.into(),
        ];
        self.0.execute(REFUSED, values).await?;
        Ok(())
    }

    /// Notes that nobody is there any more to be told of the lines of a deleted organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn give_up(
        self,
        _grant: &SystemGrant<Purge>,
        organization: OrganizationId,
    ) -> Result<(), StorageError> {
        const GIVE_UP: &str = "UPDATE usage_exports SET refused = 'nobody is paid any more'
            WHERE organization_id = $1 AND exported_at IS NULL AND refused IS NULL
            AND EXISTS (SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NOT NULL)";
        self.0.execute(GIVE_UP, [organization.as_uuid().into()]).await?;
        Ok(())
    }

    /// How far the provider has been told: for metrics.
    ///
    /// # Errors
    /// The database's.
    pub async fn state(self) -> Result<ExportState, StorageError> {
        const STATE: &str =
            "SELECT (SELECT COUNT(*) FROM usage_exports WHERE exported_at IS NULL AND refused IS NULL),
                (SELECT COUNT(*) FROM usage_exports WHERE refused IS NOT NULL)";
        let state = self
            .0
            .one(STATE, [], |row| {
                let (waiting, refused): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                Ok(ExportState {
                    waiting: waiting.unsigned_abs(),
                    refused: refused.unsigned_abs(),
                })
            })
            .await?;
        Ok(state.unwrap_or_default())
    }
}

fn line(row: &QueryResult) -> Result<UsageLine, StorageError> {
    let metric: String = at(row, 2)?;
    let (user, key): (Option<Uuid>, Option<Uuid>) = (at(row, 5)?, at(row, 6)?);
    Ok(UsageLine {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        metric: known(UsageMetric::from_stored(&metric), "usage_entries.metric")?,
        quantity: count(at(row, 3)?, "usage_entries.quantity")?,
        used_at: at(row, 4)?,
        author: match (key, user) {
            (Some(key), _) => Some(Author::ApiKey(Id::from_uuid(key))),
            (None, Some(user)) => Some(Author::User(Id::from_uuid(user))),
            (None, None) => None,
        },
        voice: at::<Option<Uuid>>(row, 7)?.map(Id::from_uuid),
        engine: at(row, 8)?,
    })
}
