//! Generations, as members read, make and stop them. What the speech worker does with them is in `speaking`.
//!
//! Written by hand: the history is the hottest list, and its rows are wide, so every statement names the columns that
//! it needs, in the order in which they are read.

mod filter;
mod row;
mod search;
mod time_marks;
mod voices;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use resonance_authz::{
    CancelGenerations, CreateGenerations, DeleteGenerations, Grant, Implies, ReadGenerations, SystemGrant,
    system::Deliver,
};
use resonance_domain::{
    Generation, GenerationFilter, GenerationId, GenerationOrder, GenerationState, Id, InOrg, Page,
    PageRequest,
};
use sea_orm::Value;

use self::{
    filter::{narrow, within_reach},
    row::{COLUMNS, read, scope},
};
pub(crate) use self::{
    row::{read_format, read_mastering, read_scope, read_settings},
    search::marked,
    time_marks::stored as stored_marks,
};
use crate::{IdCursor, StorageError, executor::Executor, raw::Sql, read_rows::count};

/// What a generation needs to know of a voice.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeakingVoice {
    /// Its name now.
    pub name: String,
    /// The engine that speaks it.
    pub engine: String,
    /// What the engine needs to know; opaque to everyone else.
    pub engine_voice: serde_json::Value,
}

/// What is stored of a new generation beside what its readers see.
#[derive(Debug, Clone, Copy)]
pub struct NewGeneration<'a> {
    /// What its readers see.
    pub generation: &'a Generation,
    /// What the engine needs to know of the voice.
    pub engine_voice: &'a serde_json::Value,
    /// The hash of everything that the audio depends on.
    pub reuse_key: [u8; 32],
}

/// The table of generations.
#[derive(Debug, Clone, Copy)]
pub struct Generations<'a>(pub(crate) Executor<'a>);

impl Generations<'_> {
    /// One generation.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        id: GenerationId,
    ) -> Result<Option<Generation>, StorageError> {
        self.by_address(InOrg::new(grant.organization(), id)).await
    }

    /// Those of `ids` that there are, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        ids: &[GenerationId],
    ) -> Result<Vec<Generation>, StorageError> {
        let organization = grant.organization();
        let mut sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1 AND id IN "),
            [organization.as_uuid().into()],
        );
        sql.list(ids.iter().map(GenerationId::as_uuid));
        self.0.rows(sql, |row| read(row, organization)).await
    }

    /// One generation, for whoever holds a signed URL that names it.
    ///
    /// # Errors
    /// The database's.
    pub async fn for_delivery(
        self,
        _grant: &SystemGrant<Deliver>,
        address: InOrg<GenerationId>,
    ) -> Result<Option<Generation>, StorageError> {
        self.by_address(address).await
    }

    /// A page of the history.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        filter: &GenerationFilter,
        order: GenerationOrder,
        page: &PageRequest<IdCursor>,
    ) -> Result<Page<Generation>, StorageError> {
        let organization = grant.organization();
        let mut sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1"),
            [organization.as_uuid().into()],
        );
        narrow(&mut sql, organization, filter, self.0.is_postgres());
        sql.page_by_id("id", order == GenerationOrder::Newest, page);
        let rows = self.0.rows(sql, |row| read(row, organization)).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many generations the filter finds. Without a filter the organization knows; with one they are counted.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        filter: &GenerationFilter,
    ) -> Result<u64, StorageError> {
        let organization = grant.organization();
        let value: Value = organization.as_uuid().into();
        let sql = if *filter == GenerationFilter::default() {
            Sql::new(
                "SELECT generation_count FROM organizations WHERE id = $1",
                [value],
            )
        } else {
            let mut sql = Sql::new(
                "SELECT COUNT(*) FROM generations WHERE organization_id = $1",
                [value],
            );
            narrow(&mut sql, organization, filter, self.0.is_postgres());
            sql
        };
        let found = self.0.row(sql, |row| Ok(row.try_get_by_index::<i64>(0)?)).await?;
        count(found.unwrap_or(0), "organizations.generation_count")
    }

    /// The waveform peaks of those of `ids` that have their audio.
    ///
    /// # Errors
    /// The database's.
    pub async fn peaks(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        ids: &[GenerationId],
    ) -> Result<Vec<(GenerationId, Vec<u8>)>, StorageError> {
        let mut sql = Sql::new(
            "SELECT id, peaks FROM generations WHERE organization_id = $1 AND peaks IS NOT NULL AND id IN ",
            [grant.organization().as_uuid().into()],
        );
        sql.list(ids.iter().map(Id::as_uuid));
        self.0
            .rows(sql, |row| {
                Ok((Id::from_uuid(row.try_get_by_index(0)?), row.try_get_by_index(1)?))
            })
            .await
    }

    /// Stores generations, queued and by whoever acts, that same input will give back from now on; which of them. Not
    /// those for whose input there is one already, be it among them. Waits for whoever is storing such a one just now.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        new: &[(&Grant<CreateGenerations>, NewGeneration<'_>)],
    ) -> Result<HashSet<GenerationId>, StorageError> {
        let mut inserted = HashSet::new();
        let mut rest = new;
        // By so many at a time that there are few different statements to prepare.
        while let Some(power) = rest.len().checked_ilog2() {
            let (some, others) = rest.split_at(1 << power);
            inserted.extend(self.insert_some(some).await?);
            rest = others;
        }
        Ok(inserted)
    }

    async fn insert_some(
        self,
        new: &[(&Grant<CreateGenerations>, NewGeneration<'_>)],
    ) -> Result<Vec<GenerationId>, StorageError> {
        let mut sql = Sql::new(
            "INSERT INTO generations (organization_id, id, created_by, created_by_key, voice_id, voice_scope, voice_name,
                text, characters, temperature, top_p, top_k, repetition_penalty, speed, format,
                engine, engine_voice, reuse_key, state, progress, created_at,
                instructions, output_rate, output_loudness) VALUES ",
            [],
        );
        for (place, (grant, new)) in new.iter().enumerate() {
            sql.push(if place == 0 { "" } else { ", " });
            sql.list(stored(grant, new));
        }
        sql.push(
            " ON CONFLICT (organization_id, reuse_key) WHERE reuse_key IS NOT NULL DO NOTHING
            RETURNING organization_id, id",
        );
        let texts = new.iter().map(|(grant, new)| search::Text {
            address: InOrg::new(grant.organization(), new.generation.id),
            text: &new.generation.text,
        });
        search::insert(self.0, sql, &texts.collect::<Vec<_>>()).await
    }

    /// The generation that the same input gives back.
    ///
    /// # Errors
    /// The database's.
    pub async fn reusable(
        self,
        grant: &Grant<CreateGenerations>,
        reuse_key: &[u8; 32],
    ) -> Result<Option<Generation>, StorageError> {
        let organization = grant.organization();
        let sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1 AND reuse_key = $2"),
            [organization.as_uuid().into(), reuse_key.to_vec().into()],
        );
        self.0.row(sql, |row| read(row, organization)).await
    }

    /// Makes room for a fresh take: the same input gives nothing back from now on.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_reusable(
        self,
        grant: &Grant<CreateGenerations>,
        reuse_key: &[u8; 32],
    ) -> Result<(), StorageError> {
        const FORGET: &str =
            "UPDATE generations SET reuse_key = NULL WHERE organization_id = $1 AND reuse_key = $2";
        let values = [grant.organization().as_uuid().into(), reuse_key.to_vec().into()];
        self.0.execute(FORGET, values).await.map(drop)
    }

    /// Stops a generation that is queued or running, if the grant reaches it. `false` if it is not so.
    ///
    /// # Errors
    /// The database's.
    pub async fn cancel(
        self,
        grant: &Grant<CancelGenerations>,
        id: GenerationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let mut sql = Sql::new(
            "UPDATE generations SET state = 'cancelled', reuse_key = NULL, finished_at = $3
            WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running')",
            [
                grant.organization().as_uuid().into(),
                id.as_uuid().into(),
                now.into(),
            ],
        );
        within_reach(&mut sql, grant.only_of());
        Ok(self.0.run(sql).await? > 0)
    }

    /// Removes those of `ids` that are final from the history, as far as the grant reaches; how many those were. One
    /// statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_many(
        self,
        grant: &Grant<DeleteGenerations>,
        ids: &[GenerationId],
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "DELETE FROM generations WHERE organization_id = $1
            AND state IN ('succeeded', 'failed', 'cancelled') AND id IN ",
            [grant.organization().as_uuid().into()],
        );
        sql.list(ids.iter().map(GenerationId::as_uuid));
        within_reach(&mut sql, grant.only_of());
        self.0.run(sql).await
    }

    /// Counts one generation more in the organization. `false` if the organization was deleted meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_up(self, grant: &Grant<CreateGenerations>, by: usize) -> Result<bool, StorageError> {
        const UP: &str = "UPDATE organizations SET generation_count = generation_count + $2
            WHERE id = $1 AND deleted_at IS NULL RETURNING 1";
        let by = i64::try_from(by).unwrap_or(i64::MAX);
        let values = [grant.organization().as_uuid().into(), by.into()];
        Ok(self.0.one(UP, values, |_| Ok(())).await?.is_some())
    }

    /// Counts so many generations less.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_down(self, grant: &Grant<DeleteGenerations>, by: u64) -> Result<(), StorageError> {
        const DOWN: &str = "UPDATE organizations SET generation_count = generation_count - $2 WHERE id = $1";
        let by = i64::try_from(by).unwrap_or(i64::MAX);
        let values = [grant.organization().as_uuid().into(), by.into()];
        self.0.execute(DOWN, values).await.map(drop)
    }

    pub(crate) async fn by_address(
        self,
        address: InOrg<GenerationId>,
    ) -> Result<Option<Generation>, StorageError> {
        let sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1 AND id = $2"),
            [address.organization.as_uuid().into(), address.id.as_uuid().into()],
        );
        self.0.row(sql, |row| read(row, address.organization)).await
    }
}

/// What is stored of a new generation, in the order of the columns.
fn stored(grant: &Grant<CreateGenerations>, new: &NewGeneration<'_>) -> [Value; 24] {
    let NewGeneration {
        generation,
        engine_voice,
        reuse_key,
    } = new;
    let settings = &generation.settings;
    [
        grant.organization().as_uuid().into(),
        generation.id.as_uuid().into(),
        grant.user().map(|user| user.as_uuid()).into(),
        grant.api_key().map(|key| key.as_uuid()).into(),
        generation.voice.id.as_uuid().into(),
        scope(generation.voice.scope).into(),
        generation.voice.name.as_str().into(),
        generation.text.as_str().into(),
        i64::try_from(generation.characters).unwrap_or(i64::MAX).into(),
        settings.temperature.into(),
        settings.top_p.into(),
        i32::try_from(settings.top_k).unwrap_or(i32::MAX).into(),
        settings.repetition_penalty.into(),
        settings.speed.into(),
        generation.format.extension().into(),
        generation.engine.as_str().into(),
        (*engine_voice).clone().into(),
        reuse_key.to_vec().into(),
        GenerationState::Queued.as_str().into(),
        0.0.into(),
        generation.created_at.into(),
        generation.instructions.clone().into(),
        generation.mastering.sample_rate.map(u32::cast_signed).into(),
        generation.mastering.loudness.into(),
    ]
}
