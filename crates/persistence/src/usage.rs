//! The usage ledger.
//!
//! Lines are only ever added. The unique indexes decide what may be added: for each generation one hold and one end
//! of it (settled or released), for each custom voice one line. Adding a line a second time does nothing and says so,
//! so that a step that is done again after a crash counts once.

use chrono::{DateTime, NaiveDate, Utc};
use resonance_authz::{
    Action, CancelGenerations, CreateGenerations, CreateVoices, Grant, Implies, ReadUsage, SystemGrant,
    system::Speak,
};
use resonance_domain::{
    ApiKeyId, Author, GenerationId, OrganizationId, UsageDay, UsageEntryId, UsageEntryKind, UsageMetric,
    UserId, VoiceId, VoiceScope,
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    StorageError,
    executor::Executor,
    generation::read_scope,
    read_rows::{count, known},
};

/// Days (UTC) from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePeriod {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
}

/// Settled usage of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUsage {
    /// Whose doing it was; the account may be gone.
    pub user: Option<UserId>,
    /// How much.
    pub quantity: u64,
}

/// Settled usage by one API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// The key.
    pub key: ApiKeyId,
    /// Its name now.
    pub name: String,
    /// How much.
    pub quantity: u64,
}

/// Settled usage of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceUsage {
    /// The voice; it may be gone.
    pub voice: Option<VoiceId>,
    /// Whose it is or was; `None` if it is gone and nothing of it is left in the history.
    pub scope: Option<VoiceScope>,
    /// Its name, or the last one that it had in the history; `None` likewise.
    pub name: Option<String>,
    /// How much.
    pub quantity: u64,
}

/// The ledger.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a>(pub(crate) Executor<'a>);

impl Usage<'_> {
    /// Sets a generation's characters aside for the member who acts. `false` if that was done before.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold(
        self,
        grant: &Grant<CreateGenerations>,
        id: UsageEntryId,
        generation: GenerationId,
        voice: VoiceId,
        characters: u64,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let line = Line {
            id,
            metric: UsageMetric::Characters,
            kind: UsageEntryKind::Hold,
            reference: generation.as_uuid(),
            quantity: characters,
            voice,
            author: grant.author(),
            now,
        };
        self.add(grant.organization(), line).await
    }

    /// Counts a custom voice that the acting member made. `false` if that was done before.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_voice(
        self,
        grant: &Grant<CreateVoices>,
        id: UsageEntryId,
        voice: VoiceId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let line = Line {
            id,
            metric: UsageMetric::CustomVoices,
            kind: UsageEntryKind::Settle,
            reference: voice.as_uuid(),
            quantity: 1,
            voice,
            author: grant.author(),
            now,
        };
        self.add(grant.organization(), line).await
    }

    /// Charges what was held for a generation. `false` if nothing was held, or the hold has ended already.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(
        self,
        _grant: &SystemGrant<Speak>,
        organization: OrganizationId,
        id: UsageEntryId,
        generation: GenerationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.end(organization, id, UsageEntryKind::Settle, generation, now)
            .await
    }

    /// Gives back what was held for a generation that failed. `false` as in [`Usage::settle`].
    ///
    /// # Errors
    /// The database's.
    pub async fn release_failed(
        self,
        _grant: &SystemGrant<Speak>,
        organization: OrganizationId,
        id: UsageEntryId,
        generation: GenerationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.end(organization, id, UsageEntryKind::Release, generation, now)
            .await
    }

    /// Gives back what was held for a generation that a member stopped. `false` as in [`Usage::settle`].
    ///
    /// # Errors
    /// The database's.
    pub async fn release(
        self,
        grant: &Grant<CancelGenerations>,
        id: UsageEntryId,
        generation: GenerationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.end(grant.organization(), id, UsageEntryKind::Release, generation, now)
            .await
    }

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
        const SUM: &str = "SELECT CAST(COALESCE(SUM(quantity), 0) AS bigint) FROM usage_entries
            WHERE organization_id = $1 AND metric = $2 AND kind = 'settle' AND day BETWEEN $3 AND $4";
        let sum = self
            .0
            .one(SUM, settled(grant, metric, period), |row| {
                row.try_get_by_index::<i64>(0)
            })
            .await?;
        count(sum.unwrap_or(0), "usage_entries.quantity")
    }

    /// How much of `metric` was settled on each day of the period on which something was, earliest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_day(
        self,
        grant: &Grant<impl Implies<ReadUsage>>,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Result<Vec<UsageDay>, StorageError> {
        const DAYS: &str = "SELECT day, CAST(SUM(quantity) AS bigint) FROM usage_entries
            WHERE organization_id = $1 AND metric = $2 AND kind = 'settle' AND day BETWEEN $3 AND $4
            GROUP BY day ORDER BY day";
        let rows = self
            .0
            .all(DAYS, settled(grant, metric, period), |row| {
                Ok((row.try_get_by_index::<String>(0)?, row.try_get_by_index(1)?))
            })
            .await?;
        rows.into_iter()
            .map(|(day, quantity)| {
                Ok(UsageDay {
                    day: known(day.parse().ok(), "usage_entries.day")?,
                    quantity: count(quantity, "usage_entries.quantity")?,
                })
            })
            .collect()
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
        const KEYS: &str = "SELECT k.id, k.name, CAST(SUM(u.quantity) AS bigint) AS used FROM usage_entries u
            JOIN api_keys k ON k.organization_id = u.organization_id AND k.id = u.api_key_id
            WHERE u.organization_id = $1 AND u.metric = $2 AND u.kind = 'settle' AND u.day BETWEEN $3 AND $4
            GROUP BY k.id, k.name ORDER BY used DESC, k.id";
        let rows = self
            .0
            .all(KEYS, settled(grant, metric, period), |row| {
                Ok((
                    row.try_get_by_index::<Uuid>(0)?,
                    row.try_get_by_index(1)?,
                    row.try_get_by_index(2)?,
                ))
            })
            .await?;
        rows.into_iter()
            .map(|(key, name, quantity)| {
                Ok(KeyUsage {
                    key: ApiKeyId::from_uuid(key),
                    name,
                    quantity: count(quantity, "usage_entries.quantity")?,
                })
            })
            .collect()
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
        const MEMBERS: &str = "SELECT user_id, CAST(SUM(quantity) AS bigint) AS used FROM usage_entries
            WHERE organization_id = $1 AND metric = $2 AND kind = 'settle' AND day BETWEEN $3 AND $4
              AND api_key_id IS NULL
            GROUP BY user_id ORDER BY used DESC, user_id";
        let rows = self
            .0
            .all(MEMBERS, settled(grant, metric, period), |row| {
                Ok((row.try_get_by_index::<Option<Uuid>>(0)?, row.try_get_by_index(1)?))
            })
            .await?;
        rows.into_iter()
            .map(|(user, quantity)| {
                Ok(MemberUsage {
                    user: user.map(UserId::from_uuid),
                    quantity: count(quantity, "usage_entries.quantity")?,
                })
            })
            .collect()
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
        const VOICES: &str = "SELECT voice_id, used,
                COALESCE((SELECT 'custom' FROM voices WHERE organization_id = $1 AND id = voice_id),
                    (SELECT 'system' FROM system_voices WHERE id = voice_id),
                    (SELECT voice_scope FROM generations WHERE organization_id = $1
                        AND generations.voice_id = sums.voice_id ORDER BY id DESC LIMIT 1)),
                COALESCE((SELECT name FROM voices WHERE organization_id = $1 AND id = voice_id),
                    (SELECT name FROM system_voices WHERE id = voice_id),
                    (SELECT voice_name FROM generations WHERE organization_id = $1
                        AND generations.voice_id = sums.voice_id ORDER BY id DESC LIMIT 1))
            FROM (SELECT voice_id, CAST(SUM(quantity) AS bigint) AS used FROM usage_entries
                WHERE organization_id = $1 AND metric = $2 AND kind = 'settle' AND day BETWEEN $3 AND $4
                GROUP BY voice_id) AS sums
            ORDER BY used DESC, voice_id";
        let rows = self
            .0
            .all(VOICES, settled(grant, metric, period), |row| {
                Ok((
                    row.try_get_by_index::<Option<Uuid>>(0)?,
                    row.try_get_by_index(1)?,
                    row.try_get_by_index::<Option<String>>(2)?,
                    row.try_get_by_index(3)?,
                ))
            })
            .await?;
        rows.into_iter()
            .map(|(voice, quantity, scope, name)| {
                Ok(VoiceUsage {
                    voice: voice.map(VoiceId::from_uuid),
                    scope: scope.as_deref().map(read_scope).transpose()?,
                    name,
                    quantity: count(quantity, "usage_entries.quantity")?,
                })
            })
            .collect()
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

    async fn add(self, organization: OrganizationId, line: Line) -> Result<bool, StorageError> {
        const ADD: &str = "INSERT INTO usage_entries
            (organization_id, id, metric, kind, reference_id, quantity, voice_id, user_id, api_key_id, day, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        let values = [
            organization.as_uuid().into(),
            line.id.as_uuid().into(),
            line.metric.as_str().into(),
            line.kind.as_str().into(),
            line.reference.into(),
            i64::try_from(line.quantity).unwrap_or(i64::MAX).into(),
            line.voice.as_uuid().into(),
            line.author.user().map(|user| user.as_uuid()).into(),
            line.author.api_key().map(|key| key.as_uuid()).into(),
            day(line.now.date_naive()),
            line.now.into(),
        ];
        Ok(self.0.execute(ADD, values).await? > 0)
    }

    /// Ends a hold: the new line says of the same quantity, voice and member what became of it.
    async fn end(
        self,
        organization: OrganizationId,
        id: UsageEntryId,
        kind: UsageEntryKind,
        generation: GenerationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const END: &str = "INSERT INTO usage_entries
            (organization_id, id, metric, kind, reference_id, quantity, voice_id, user_id, api_key_id, day, created_at)
            SELECT organization_id, $2, metric, $3, reference_id, quantity, voice_id, user_id, api_key_id, $4, $5
            FROM usage_entries
            WHERE organization_id = $1 AND metric = 'characters' AND reference_id = $6 AND kind = 'hold'
            ON CONFLICT DO NOTHING";
        let values = [
            organization.as_uuid().into(),
            id.as_uuid().into(),
            kind.as_str().into(),
            day(now.date_naive()),
            now.into(),
            generation.as_uuid().into(),
        ];
        Ok(self.0.execute(END, values).await? > 0)
    }
}

/// A line that is about to be added.
struct Line {
    id: UsageEntryId,
    metric: UsageMetric,
    kind: UsageEntryKind,
    reference: Uuid,
    quantity: u64,
    voice: VoiceId,
    author: Author,
    now: DateTime<Utc>,
}

/// Days are stored as ISO 8601, which sorts as it reads.
fn day(day: NaiveDate) -> Value {
    day.to_string().into()
}

fn settled(grant: &Grant<impl Action>, metric: UsageMetric, period: UsagePeriod) -> [Value; 4] {
    [
        grant.organization().as_uuid().into(),
        metric.as_str().into(),
        day(period.from),
        day(period.until),
    ]
}
