//! The instance's catalogue of voices, which everybody may read.

use resonance_authz::{
    SystemGrant,
    system::{Catalogue, Deliver},
};
use resonance_domain::{
    Id, Page, PageRequest, SystemVoice, Voice, VoiceCategory, VoiceFilter, VoiceId, VoiceSort,
};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Select, UpdateMany, Value, sea_query::Expr,
};

use crate::{
    StorageError, Voices,
    entity::system_voice::{Column, Entity, Model},
    page::TextCursor,
    read_rows::{known, language},
    voice_list::{self, Listed, name_key, search_text},
};

/// Columns of the table that seeding writes.
const SEEDED: usize = 12;
/// Rows that one statement seeds: SQLite takes 32,766 values at most.
const BATCH: usize = 1_000;

impl Voices<'_> {
    /// A voice of the instance.
    ///
    /// # Errors
    /// The database's.
    pub async fn system_voice(self, id: VoiceId) -> Result<Option<SystemVoice>, StorageError> {
        let row = find()
            .filter(Column::Id.eq(id.as_uuid()))
            .one(&self.0.get())
            .await?;
        row.map(SystemVoice::try_from).transpose()
    }

    /// Those of the voices that the instance has, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn system_voices(self, ids: &[VoiceId]) -> Result<Vec<SystemVoice>, StorageError> {
        let ids = ids.iter().map(|id| id.as_uuid());
        let rows = find().filter(Column::Id.is_in(ids)).all(&self.0.get()).await?;
        rows.into_iter().map(SystemVoice::try_from).collect()
    }

    /// A page of the instance's voices; the filter's scope is passed over. Cursors as in [`Voices::page`].
    ///
    /// # Errors
    /// The database's.
    pub async fn catalogue(
        self,
        filter: &VoiceFilter,
        sort: VoiceSort,
        page: &PageRequest<TextCursor>,
    ) -> Result<Page<Voice>, StorageError> {
        let rows = self.catalogue_rows(filter, sort, page).await?;
        Ok(voice_list::merge(rows, sort, page))
    }

    /// How many voices of the instance there are; the filter's scope is passed over.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_catalogue(self, filter: &VoiceFilter) -> Result<u64, StorageError> {
        Ok(voice_list::filtered(find(), filter).count(&self.0.get()).await?)
    }

    /// Adds voices to the catalogue, and brings those up to date that were changed since. Voices are recognised by
    /// engine and key and keep the id that they have. How many rows were written.
    ///
    /// A voice that now sounds different loses its preview.
    ///
    /// # Errors
    /// The database's.
    pub async fn seed(
        self,
        _grant: &SystemGrant<Catalogue>,
        voices: &[SystemVoice],
    ) -> Result<u64, StorageError> {
        if self.0.is_postgres() {
            // Of two nodes that seed at once, the second would collide with the first one's ids, which `ON CONFLICT`
            // by engine and key does not cover.
            self.0
                .execute("LOCK TABLE system_voices IN SHARE ROW EXCLUSIVE MODE", [])
                .await?;
        }
        let mut written = 0;
        for batch in voices.chunks(BATCH) {
            written += self
                .0
                .execute(&seed_statement(batch.len()), batch.iter().flat_map(seeded))
                .await?;
        }
        Ok(written)
    }

    /// Notes where the preview of a voice of the instance lies.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_system_preview(
        self,
        _grant: &SystemGrant<Deliver>,
        id: VoiceId,
        key: &str,
    ) -> Result<(), StorageError> {
        update()
            .filter(Column::Id.eq(id.as_uuid()))
            .col_expr(Column::PreviewKey, Expr::value(key))
            .exec(&self.0.get())
            .await?;
        Ok(())
    }

    pub(crate) async fn catalogue_rows(
        self,
        filter: &VoiceFilter,
        sort: VoiceSort,
        page: &PageRequest<TextCursor>,
    ) -> Result<Vec<Listed>, StorageError> {
        let rows = voice_list::page(find(), filter, sort, page)
            .all(&self.0.get())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Listed::new(
                    row.name_key.clone(),
                    row.id,
                    Voice::System(row.try_into()?),
                ))
            })
            .collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the catalogue is no tenant's")]
fn find() -> Select<Entity> {
    Entity::find()
}

#[expect(clippy::disallowed_methods, reason = "the catalogue is no tenant's")]
fn update() -> UpdateMany<Entity> {
    Entity::update_many()
}

fn seed_statement(rows: usize) -> String {
    let mut sql = String::from(
        "INSERT INTO system_voices (id, key, name, name_key, description, search_text, category, language, engine,
            engine_voice, created_at, updated_at) VALUES ",
    );
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=SEEDED {
            sql.push_str(if column == 1 { "$" } else { ", $" });
            sql.push_str(&(row * SEEDED + column).to_string());
        }
        sql.push(')');
    }
    sql.push_str(
        " ON CONFLICT (engine, key) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
            description = excluded.description, search_text = excluded.search_text, category = excluded.category,
            language = excluded.language, engine_voice = excluded.engine_voice, updated_at = excluded.updated_at,
            preview_key = CASE WHEN system_voices.engine_voice = excluded.engine_voice
                THEN system_voices.preview_key END
        WHERE system_voices.name <> excluded.name OR system_voices.description <> excluded.description
            OR system_voices.category <> excluded.category OR system_voices.language <> excluded.language
            OR system_voices.engine_voice <> excluded.engine_voice",
    );
    sql
}

fn seeded(voice: &SystemVoice) -> [Value; SEEDED] {
    [
        voice.id.as_uuid().into(),
        voice.key.as_str().into(),
        voice.name.as_str().into(),
        name_key(&voice.name).into(),
        voice.description.as_str().into(),
        search_text(&voice.name, &voice.description).into(),
        voice.category.as_str().into(),
        voice.language.as_str().into(),
        voice.engine.as_str().into(),
        voice.engine_voice.clone().into(),
        voice.created_at.into(),
        voice.updated_at.into(),
    ]
}

impl TryFrom<Model> for SystemVoice {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            key: row.key,
            name: row.name,
            description: row.description,
            category: known(
                VoiceCategory::from_stored(&row.category),
                "system_voices.category",
            )?,
            language: language(&row.language, "system_voices.language")?,
            engine: row.engine,
            engine_voice: row.engine_voice,
            preview_key: row.preview_key,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
