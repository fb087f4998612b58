//! Generations, as members read, make and stop them. What the speech worker does with them is in `speaking`.
//!
//! Written by hand: the history is the hottest list, and its rows are wide, so every statement names the columns that
//! it needs, in the order in which they are read.

mod row;
mod time_marks;
mod voices;

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{
    CancelGenerations, CreateGenerations, DeleteGenerations, Grant, Implies, ReadGenerations, SystemGrant,
    system::Deliver,
};
use resonance_domain::{
    Author, Generation, GenerationFilter, GenerationId, GenerationState, Id, InOrg, Page, PageRequest,
};
use sea_orm::Value;
use uuid::Uuid;

use self::row::{COLUMNS, read, scope};
pub(crate) use self::{
    row::{read_format, read_mastering, read_scope, read_settings},
    time_marks::stored as stored_marks,
};
use crate::{
    IdCursor, StorageError,
    executor::Executor,
    page::{contains_pattern, folded},
    raw::Sql,
    read_rows::count,
};

/// How far the time in a generation's id may be from the time at which it was made, which another statement of the
/// same use case tells.
const ID_SLACK: TimeDelta = TimeDelta::minutes(1);

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

    /// A page of the history, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        filter: &GenerationFilter,
        page: &PageRequest<IdCursor>,
    ) -> Result<Page<Generation>, StorageError> {
        let organization = grant.organization();
        let mut sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1"),
            [organization.as_uuid().into()],
        );
        narrow(&mut sql, filter);
        sql.page_by_id("id", true, page);
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
        let organization: Value = grant.organization().as_uuid().into();
        let sql = if *filter == GenerationFilter::default() {
            Sql::new(
                "SELECT generation_count FROM organizations WHERE id = $1",
                [organization],
            )
        } else {
            let mut sql = Sql::new(
                "SELECT COUNT(*) FROM generations WHERE organization_id = $1",
                [organization],
            );
            narrow(&mut sql, filter);
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

    /// Stores a generation, queued and by the member who acts, that same input will give back from now on. `false`,
    /// and nothing is stored, if there is one that it gives back already. Waits for whoever is storing one just now.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        grant: &Grant<CreateGenerations>,
        new: &NewGeneration<'_>,
    ) -> Result<bool, StorageError> {
        let NewGeneration {
            generation,
            engine_voice,
            reuse_key,
        } = new;
        let settings = &generation.settings;
        let mut sql = Sql::new(
            "INSERT INTO generations (organization_id, id, created_by, created_by_key, voice_id, voice_scope, voice_name,
                text, search_text, characters, temperature, top_p, top_k, repetition_penalty, speed, format,
                engine, engine_voice, reuse_key, state, progress, created_at,
                instructions, output_rate, output_loudness) VALUES ",
            [],
        );
        sql.list::<Value>([
            grant.organization().as_uuid().into(),
            generation.id.as_uuid().into(),
            grant.user().map(|user| user.as_uuid()).into(),
            grant.api_key().map(|key| key.as_uuid()).into(),
            generation.voice.id.as_uuid().into(),
            scope(generation.voice.scope).into(),
            generation.voice.name.as_str().into(),
            generation.text.as_str().into(),
            folded(&generation.text).into(),
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
        ]);
        sql.push(" ON CONFLICT (organization_id, reuse_key) WHERE reuse_key IS NOT NULL DO NOTHING");
        Ok(self.0.run(sql).await? > 0)
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

    /// Removes a generation that is final from the history, if the grant reaches it. `false` if it is not so.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(
        self,
        grant: &Grant<DeleteGenerations>,
        id: GenerationId,
    ) -> Result<bool, StorageError> {
        let mut sql = Sql::new(
            "DELETE FROM generations WHERE organization_id = $1 AND id = $2
            AND state IN ('succeeded', 'failed', 'cancelled')",
            [grant.organization().as_uuid().into(), id.as_uuid().into()],
        );
        within_reach(&mut sql, grant.only_of());
        Ok(self.0.run(sql).await? > 0)
    }

    /// Counts one generation more in the organization. `false` if the organization was deleted meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_up(self, grant: &Grant<CreateGenerations>) -> Result<bool, StorageError> {
        const UP: &str = "UPDATE organizations SET generation_count = generation_count + 1
            WHERE id = $1 AND deleted_at IS NULL";
        let counted = self
            .0
            .execute(UP, [grant.organization().as_uuid().into()])
            .await?;
        Ok(counted > 0)
    }

    /// Counts one generation less.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_down(self, grant: &Grant<DeleteGenerations>) -> Result<(), StorageError> {
        const DOWN: &str = "UPDATE organizations SET generation_count = generation_count - 1 WHERE id = $1";
        self.0
            .execute(DOWN, [grant.organization().as_uuid().into()])
            .await
            .map(drop)
    }

    async fn by_address(self, address: InOrg<GenerationId>) -> Result<Option<Generation>, StorageError> {
        let sql = Sql::new(
            format!("SELECT {COLUMNS} FROM generations WHERE organization_id = $1 AND id = $2"),
            [address.organization.as_uuid().into(), address.id.as_uuid().into()],
        );
        self.0.row(sql, |row| read(row, address.organization)).await
    }
}

fn narrow(sql: &mut Sql, filter: &GenerationFilter) {
    let GenerationFilter {
        search,
        voice,
        author,
        states,
        from,
        until,
    } = filter;
    if let Some(search) = search {
        sql.push(" AND search_text LIKE ")
            .bind(contains_pattern(search))
            .push(r" ESCAPE '\'");
    }
    if let Some(voice) = voice {
        sql.push(" AND voice_id = ").bind(voice.as_uuid());
    }
    if let Some(author) = author {
        sql.push(" AND created_by = ").bind(author.as_uuid());
    }
    if !states.is_empty() {
        sql.push(" AND state IN ")
            .list(states.iter().map(|state| state.as_str()));
    }
    // Ids sort by time: their range finds the place in the primary key, and the time itself decides.
    if let Some(from) = from {
        sql.push(" AND created_at >= ")
            .bind(*from)
            .push(" AND id >= ")
            .bind(first_uuid_of(*from - ID_SLACK));
    }
    if let Some(until) = until {
        sql.push(" AND created_at < ")
            .bind(*until)
            .push(" AND id < ")
            .bind(first_uuid_of(*until + ID_SLACK));
    }
}

fn within_reach(sql: &mut Sql, only_of: Option<Author>) {
    match only_of {
        None => {}
        Some(Author::User(user)) => {
            sql.push(" AND created_by = ").bind(user.as_uuid());
        }
        Some(Author::ApiKey(key)) => {
            sql.push(" AND created_by_key = ").bind(key.as_uuid());
        }
    }
}

/// The least UUIDv7 (RFC 9562, 5.7) of a millisecond.
fn first_uuid_of(time: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128((millis << 80) | (7 << 76) | (0b10 << 62))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_of_a_time_sorts_before_all_ids_of_it_and_after_all_earlier_ones() {
        let time = DateTime::from_timestamp_millis(1_795_000_000_123).unwrap();
        let id = |time: DateTime<Utc>| {
            let (seconds, nanos) = (time.timestamp().unsigned_abs(), time.timestamp_subsec_nanos());
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
        };
        for _ in 0..100 {
            assert!(first_uuid_of(time) <= id(time));
            assert!(first_uuid_of(time) > id(time - TimeDelta::milliseconds(1)));
        }
    }
}
