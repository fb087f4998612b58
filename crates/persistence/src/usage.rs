//! The usage ledger.
//!
//! Lines are only ever added. The unique indexes decide what may be added: for each generation one hold and one end
//! of it (settled or released), for each custom voice one line. Adding a line a second time does nothing and says so,
//! so that a step that is done again after a crash counts once.
//!
//! Whatever settles a line adds it to the sums ([`crate::UsageTotals`]) in the same transaction. A line counts in the
//! hour, the day and the period in which its characters were held.

use chrono::{DateTime, Utc};
use resonance_authz::{
    CancelGenerations, CreateGenerations, CreateVoices, Grant, SystemGrant, system::Speak,
};
use resonance_domain::{
    Author, GenerationId, InOrg, OrganizationId, UsageEntryId, UsageEntryKind, UsageMetric, VoiceId,
};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, raw::Sql, usage_totals};

/// The ledger.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a>(pub(crate) Executor<'a>);

/// What is set aside for a generation.
#[derive(Debug, Clone, Copy)]
pub struct NewHold<'a> {
    /// The line's identity.
    pub id: UsageEntryId,
    /// For what.
    pub generation: GenerationId,
    /// The voice that is to speak.
    pub voice: VoiceId,
    /// The engine that is to speak.
    pub engine: &'a str,
    /// How many.
    pub characters: u64,
    /// The period in which they count; see [`crate::Spent::period`].
    pub period: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl Usage<'_> {
    /// Sets a generation's characters aside for whoever acts; does nothing if that was done before.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold(self, grant: &Grant<CreateGenerations>, hold: NewHold<'_>) -> Result<(), StorageError> {
        let line = Line {
            id: hold.id,
            metric: UsageMetric::Characters,
            kind: UsageEntryKind::Hold,
            reference: hold.generation.as_uuid(),
            quantity: hold.characters,
            voice: hold.voice,
            engine: Some(hold.engine),
            author: grant.author(),
            period: hold.period,
            now: hold.now,
        };
        self.0.run_along(line.insert(grant.organization())).await
    }

    /// Counts a custom voice that the acting member made, and leaves the line for the billing provider if it is to be
    /// `exported`. `false` if that was done before.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_voice(
        self,
        grant: &Grant<CreateVoices>,
        id: UsageEntryId,
        voice: VoiceId,
        period: &str,
        exported: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let line = Line {
            id,
            metric: UsageMetric::CustomVoices,
            kind: UsageEntryKind::Settle,
            reference: voice.as_uuid(),
            quantity: 1,
            voice,
            engine: None,
            author: grant.author(),
            period,
            now,
        };
        let counted = self.0.run(line.insert(grant.organization())).await? > 0;
        if counted {
            self.follow(&[(grant.organization(), id)], exported).await?;
        }
        Ok(counted)
    }

    /// Charges what was held for generations, each by a line of its own, and leaves the lines for the billing provider if
    /// they are to be `exported`. `false` if nothing was held for one of them, or the hold has ended already.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(
        self,
        _grant: &SystemGrant<Speak>,
        generations: &[(InOrg<GenerationId>, UsageEntryId)],
        exported: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        if !self.end(generations, UsageEntryKind::Settle, now).await? {
            return Ok(false);
        }
        let lines: Vec<_> = generations
            .iter()
            .map(|(generation, line)| (generation.organization, *line))
            .collect();
        self.follow(&lines, exported).await?;
        Ok(true)
    }

    /// Gives back what was held for a generation that failed, to the ledger and to the budgets. `false` if nothing was held,
    /// or the hold has ended already.
    ///
    /// # Errors
    /// The database's.
    pub async fn release_failed(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
        id: UsageEntryId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.release_held(generation, id, now).await
    }

    /// Gives back what was held for a generation that a member stopped, to the ledger and to the budgets. `false` as in
    /// [`Usage::release_failed`].
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
        let generation = InOrg::new(grant.organization(), generation);
        self.release_held(generation, id, now).await
    }

    async fn release_held(
        self,
        generation: InOrg<GenerationId>,
        id: UsageEntryId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let released = self
            .end(&[(generation, id)], UsageEntryKind::Release, now)
            .await?;
        if released {
            self.give_back(generation).await?;
        }
        Ok(released)
    }

    /// Takes what was held off what the organization and the author spent in the period of the hold.
    async fn give_back(self, generation: InOrg<GenerationId>) -> Result<(), StorageError> {
        // In the order in which spending takes the rows, so that none waits for the other in a circle.
        const BACK: &str = "INSERT INTO spending (organization_id, id, period, characters, alerted)
            SELECT s.organization_id, s.id, s.period, h.quantity, 0 FROM usage_entries h
                CROSS JOIN (SELECT 1 AS rank UNION ALL SELECT 2) AS who
                JOIN spending s ON s.organization_id = h.organization_id
                    AND s.id = CASE who.rank WHEN 1 THEN h.organization_id ELSE COALESCE(h.api_key_id, h.user_id) END
                    AND s.period = COALESCE(h.period, substr(h.day, 1, 7) || '-01T00:00:00Z')
                WHERE h.organization_id = $1 AND h.metric = 'characters' AND h.reference_id = $2 AND h.kind = 'hold'
                ORDER BY who.rank
            ON CONFLICT (organization_id, id, period) DO UPDATE SET characters = spending.characters - excluded.characters";
        let values = [
            generation.organization.as_uuid().into(),
            generation.id.as_uuid().into(),
        ];
        self.0.execute(BACK, values).await?;
        Ok(())
    }

    /// What belongs to settled lines beside themselves.
    async fn follow(
        self,
        lines: &[(OrganizationId, UsageEntryId)],
        exported: bool,
    ) -> Result<(), StorageError> {
        usage_totals::add(self.0, lines).await?;
        if exported && !lines.is_empty() {
            let mut sql = Sql::new("INSERT INTO usage_exports (organization_id, id) ", []);
            sql.values(lines.iter().copied().map(usage_totals::line).collect())
                .push(" ON CONFLICT DO NOTHING");
            self.0.run_along(sql).await?;
        }
        Ok(())
    }

    /// Ends holds: each new line says of the same quantity, voice, member and time what became of it. `false` if one of
    /// them was not there, or had ended already.
    async fn end(
        self,
        generations: &[(InOrg<GenerationId>, UsageEntryId)],
        kind: UsageEntryKind,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        if generations.is_empty() {
            return Ok(true);
        }
        let mut sql = Sql::new(
            "INSERT INTO usage_entries
            (organization_id, id, metric, kind, reference_id, quantity, voice_id, engine, user_id, api_key_id,
             period, hour, day, created_at)
            SELECT h.organization_id, v.column3, h.metric, $1, h.reference_id, h.quantity, h.voice_id, h.engine, h.user_id,
                h.api_key_id, h.period, h.hour, h.day, $2
            FROM (",
            [kind.as_str().into(), now.into()],
        );
        let rows = generations.iter().map(|(generation, line)| {
            [
                generation.organization.as_uuid().into(),
                generation.id.as_uuid().into(),
                line.as_uuid().into(),
            ]
        });
        sql.values::<3>(rows.collect())
            .push(") AS v CROSS JOIN ")
            // Each hold is looked for by itself, whatever PostgreSQL believes of the size of the table.
            .push(self.0.on_postgres("LATERAL (SELECT * FROM "))
            .push("usage_entries h WHERE h.organization_id = v.column1 AND h.metric = 'characters'")
            .push(" AND h.reference_id = v.column2 AND h.kind = 'hold'")
            .push(self.0.on_postgres(" LIMIT 1) AS h"))
            .push(" ON CONFLICT DO NOTHING");
        Ok(self.0.run(sql).await? == generations.len() as u64)
    }
}

/// A line that is about to be added.
struct Line<'a> {
    id: UsageEntryId,
    metric: UsageMetric,
    kind: UsageEntryKind,
    reference: Uuid,
    quantity: u64,
    voice: VoiceId,
    engine: Option<&'a str>,
    author: Author,
    period: &'a str,
    now: DateTime<Utc>,
}

impl Line<'_> {
    /// The statement that adds it, unless it is there.
    fn insert(&self, organization: OrganizationId) -> Sql {
        const ADD: &str = "INSERT INTO usage_entries
            (organization_id, id, metric, kind, reference_id, quantity, voice_id, engine, user_id, api_key_id,
             period, hour, day, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";
        let values = [
            organization.as_uuid().into(),
            self.id.as_uuid().into(),
            self.metric.as_str().into(),
            self.kind.as_str().into(),
            self.reference.into(),
            i64::try_from(self.quantity).unwrap_or(i64::MAX).into(),
            self.voice.as_uuid().into(),
            self.engine.into(),
            self.author.user().map(|user| user.as_uuid()).into(),
            self.author.api_key().map(|key| key.as_uuid()).into(),
            self.period.into(),
            usage_totals::hour(self.now).into(),
            self.now.date_naive().to_string().into(),
            self.now.into(),
        ];
        Sql::new(ADD, values)
    }
}
