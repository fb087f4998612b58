//! Reading the sums.

use resonance_authz::{Grant, Implies, ReadUsage};
use resonance_domain::{Id, UsageGrain, UsageMetric, UsagePoint, UsageSubject};
use uuid::Uuid;

use super::{
    EngineUsage, KeyUsage, MemberUsage, UsageCell, UsageDimension, UsagePeriod, UsageTotals, VoiceUsage,
    WITHIN, begins, by_slot, merged, restrict, within,
};
use crate::{StorageError, generation::read_scope, organization::at, raw::Sql, read_rows::count};

impl UsageTotals<'_> {
    /// How much of `metric` was settled in the period.
    ///
    /// # Errors
    /// The database's.
    pub async fn settled(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<u64, StorageError> {
        let sql = format!("SELECT CAST(COALESCE(SUM(quantity), 0) AS bigint) FROM {WITHIN}");
        let values = within(grant, metric, UsageDimension::Total, period);
        let sum = self
            .0
            .one(&sql, values, |row| row.try_get_by_index::<i64>(0))
            .await?;
        count(sum.unwrap_or(0), "usage_totals.quantity")
    }

    /// How much of `metric` was settled in each hour, day or month of the period in which something was, earliest
    /// first: of everybody, or of one subject.
    ///
    /// # Errors
    /// The database's.
    pub async fn series(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        grain: UsageGrain,
        subject: &UsageSubject,
        period: UsagePeriod,
    ) -> Result<Vec<UsagePoint>, StorageError> {
        let (dimension, id, engine) = match subject {
            UsageSubject::Organization => (UsageDimension::Total, grant.organization().as_uuid(), ""),
            UsageSubject::Member(user) => (UsageDimension::Member, user.as_uuid(), ""),
            UsageSubject::ApiKey(key) => (UsageDimension::ApiKey, key.as_uuid(), ""),
            UsageSubject::Voice(voice) => (UsageDimension::Voice, voice.as_uuid(), ""),
            UsageSubject::Engine(name) => (
                UsageDimension::Engine,
                grant.organization().as_uuid(),
                name.as_str(),
            ),
        };
        let mut sql = by_slot("t.slot, CAST(SUM(t.quantity) AS bigint)", grant, metric);
        restrict(&mut sql, dimension, grain, period);
        sql.push(" AND t.id = ")
            .bind(id)
            .push(" AND t.engine = ")
            .bind(engine);
        sql.push(" GROUP BY t.slot ORDER BY t.slot");
        let mut points: Vec<UsagePoint> = Vec::new();
        for (slot, quantity) in self
            .0
            .rows(sql, |row| Ok((at::<String>(row, 0)?, at(row, 1)?)))
            .await?
        {
            let start = begins(&slot, grain)?;
            let quantity: u64 = count(quantity, "usage_totals.quantity")?;
            match points.last_mut().filter(|last| last.start == start) {
                Some(last) => last.quantity += quantity,
                None => points.push(UsagePoint { start, quantity }),
            }
        }
        Ok(points)
    }

    /// How much of `metric` was settled in each hour, day or month of the period, divided by `dimension`: earliest
    /// first, then by who or what.
    ///
    /// # Errors
    /// The database's.
    pub async fn table(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        grain: UsageGrain,
        dimension: UsageDimension,
        period: UsagePeriod,
    ) -> Result<Vec<UsageCell>, StorageError> {
        const COLUMNS: &str = "t.slot, t.id, t.engine, t.quantity, CASE t.dimension
            WHEN 'member' THEN (SELECT name FROM users WHERE id = t.id)
            WHEN 'key' THEN (SELECT name FROM api_keys WHERE organization_id = t.organization_id AND id = t.id)
            WHEN 'voice' THEN COALESCE(
                (SELECT name FROM voices WHERE organization_id = t.organization_id AND id = t.id),
                (SELECT name FROM system_voices WHERE id = t.id)) END";
        let mut sql = by_slot(COLUMNS, grant, metric);
        restrict(&mut sql, dimension, grain, period);
        sql.push(" ORDER BY t.slot, t.engine, t.id");
        let cells = self
            .0
            .rows(sql, |row| {
                let (id, engine): (Uuid, String) = (at(row, 1)?, at(row, 2)?);
                let subject = match dimension {
                    UsageDimension::Total => UsageSubject::Organization,
                    UsageDimension::Member => UsageSubject::Member(Id::from_uuid(id)),
                    UsageDimension::ApiKey => UsageSubject::ApiKey(Id::from_uuid(id)),
                    UsageDimension::Voice => UsageSubject::Voice(Id::from_uuid(id)),
                    UsageDimension::Engine => UsageSubject::Engine(engine),
                };
                Ok(UsageCell {
                    start: begins(&at::<String>(row, 0)?, grain)?,
                    subject,
                    name: at(row, 4)?,
                    quantity: count(at(row, 3)?, "usage_totals.quantity")?,
                })
            })
            .await?;
        Ok(merged(cells))
    }

    /// How much of `metric` each API key used in the period, the greatest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_key(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<Vec<KeyUsage>, StorageError> {
        let sql = format!(
            "SELECT k.id, k.name, CAST(SUM(u.quantity) AS bigint) AS used FROM {WITHIN}
             JOIN api_keys k ON k.organization_id = $1 AND k.id = u.id
             GROUP BY k.id, k.name ORDER BY used DESC, k.id"
        );
        let values = within(grant, metric, UsageDimension::ApiKey, period);
        self.0
            .rows(Sql::new(sql, values), |row| {
                Ok(KeyUsage {
                    key: Id::from_uuid(at(row, 0)?),
                    name: at(row, 1)?,
                    quantity: count(at(row, 2)?, "usage_totals.quantity")?,
                })
            })
            .await
    }

    /// How much of `metric` each member used in the period, the greatest first; what keys used is no member's.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_member(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<Vec<MemberUsage>, StorageError> {
        let sql = format!(
            "SELECT u.id, CAST(SUM(u.quantity) AS bigint) AS used FROM {WITHIN}
             GROUP BY u.id ORDER BY used DESC, u.id"
        );
        let values = within(grant, metric, UsageDimension::Member, period);
        self.0
            .rows(Sql::new(sql, values), |row| {
                Ok(MemberUsage {
                    user: Some(Id::from_uuid(at(row, 0)?)),
                    quantity: count(at(row, 1)?, "usage_totals.quantity")?,
                })
            })
            .await
    }

    /// How much of `metric` each engine accounts for in the period, the greatest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_engine(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<Vec<EngineUsage>, StorageError> {
        let sql = format!(
            "SELECT u.engine, CAST(SUM(u.quantity) AS bigint) AS used FROM {WITHIN}
             GROUP BY u.engine ORDER BY used DESC, u.engine"
        );
        let values = within(grant, metric, UsageDimension::Engine, period);
        self.0
            .rows(Sql::new(sql, values), |row| {
                Ok(EngineUsage {
                    engine: at(row, 0)?,
                    quantity: count(at(row, 1)?, "usage_totals.quantity")?,
                })
            })
            .await
    }

    /// How much of `metric` each voice accounts for in the period, the greatest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_voice(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<Vec<VoiceUsage>, StorageError> {
        let sql = format!(
            "SELECT voice_id, used,
                COALESCE((SELECT 'custom' FROM voices WHERE organization_id = $1 AND id = voice_id),
                    (SELECT 'system' FROM system_voices WHERE id = voice_id),
                    (SELECT voice_scope FROM generations WHERE organization_id = $1
                        AND generations.voice_id = sums.voice_id ORDER BY id DESC LIMIT 1)),
                COALESCE((SELECT name FROM voices WHERE organization_id = $1 AND id = voice_id),
                    (SELECT name FROM system_voices WHERE id = voice_id),
                    (SELECT voice_name FROM generations WHERE organization_id = $1
                        AND generations.voice_id = sums.voice_id ORDER BY id DESC LIMIT 1))
             FROM (SELECT u.id AS voice_id, CAST(SUM(u.quantity) AS bigint) AS used FROM {WITHIN} GROUP BY u.id) AS sums
             ORDER BY used DESC, voice_id"
        );
        let values = within(grant, metric, UsageDimension::Voice, period);
        self.0
            .rows(Sql::new(sql, values), |row| {
                let scope: Option<String> = at(row, 2)?;
                Ok(VoiceUsage {
                    voice: Some(Id::from_uuid(at(row, 0)?)),
                    scope: scope.as_deref().map(read_scope).transpose()?,
                    name: at(row, 3)?,
                    quantity: count(at(row, 1)?, "usage_totals.quantity")?,
                })
            })
            .await
    }

    /// How many characters are held now: set aside, and neither charged nor given back yet.
    ///
    /// Read from the generations at work, which are few, and not from the ledger, which grows for ever: every
    /// change of a generation into a final state ends its hold in the same transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn held(self, grant: &Grant<impl Implies<ReadUsage>>) -> Result<u64, StorageError> {
        const HELD: &str = "SELECT CAST(COALESCE(SUM(characters), 0) AS bigint) FROM generations
            WHERE organization_id = $1 AND state IN ('queued', 'running')";
        let held = self
            .0
            .one(HELD, [grant.organization().as_uuid().into()], |row| {
                row.try_get_by_index::<i64>(0)
            })
            .await?;
        count(held.unwrap_or(0), "generations.characters")
    }
}
