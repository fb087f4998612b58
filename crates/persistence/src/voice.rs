//! Organizations' own voices, and lists in which they stand together with the instance's.

use resonance_authz::{
    CreateVoices, DeleteVoices, Grant, Implies, ReadVoices, SystemGrant, UpdateVoices, system::Deliver,
};
use resonance_domain::{
    Consent, CustomVoice, Fidelity, Id, InOrg, OrganizationId, Page, PageRequest, SampleFacts, UserId, Voice,
    VoiceCategory, VoiceFilter, VoiceId, VoiceScope, VoiceSort,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};

use crate::{
    StorageError,
    entity::voice::{ActiveModel, Column, Entity, Model},
    executor::Executor,
    page::TextCursor,
    read_rows::{count, known, language},
    tenant::{self, JobOn},
    voice_list::{self, Listed, name_key, search_text},
};

/// Voices. Organizations' own take a grant; the instance's are everybody's (see `system_voice.rs`).
#[derive(Debug, Clone, Copy)]
pub struct Voices<'a>(pub(crate) Executor<'a>);

impl Voices<'_> {
    /// A voice of the organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        id: VoiceId,
    ) -> Result<Option<CustomVoice>, StorageError> {
        let query = tenant::select::<Entity>(grant).filter(Column::Id.eq(id.as_uuid()));
        query
            .one(&self.0.get())
            .await?
            .map(CustomVoice::try_from)
            .transpose()
    }

    /// The same, holding the row until the unit of work ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_locked(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        id: VoiceId,
    ) -> Result<Option<CustomVoice>, StorageError> {
        let query = tenant::select::<Entity>(grant).filter(Column::Id.eq(id.as_uuid()));
        let row = query.lock_exclusive().one(&self.0.get()).await?;
        row.map(CustomVoice::try_from).transpose()
    }

    /// Those of the voices that the organization has, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        ids: &[VoiceId],
    ) -> Result<Vec<CustomVoice>, StorageError> {
        let ids = ids.iter().map(|id| id.as_uuid());
        let query = tenant::select::<Entity>(grant).filter(Column::Id.is_in(ids));
        let rows = query.all(&self.0.get()).await?;
        rows.into_iter().map(CustomVoice::try_from).collect()
    }

    /// A page of the voices that the organization can use: the instance's and its own. One statement for each.
    ///
    /// A cursor's key is the voice's name, in every order.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        filter: &VoiceFilter,
        sort: VoiceSort,
        page: &PageRequest<TextCursor>,
    ) -> Result<Page<Voice>, StorageError> {
        let mut rows = Vec::new();
        if filter.scope != Some(VoiceScope::System) {
            let query = voice_list::page(tenant::select::<Entity>(grant), filter, sort, page);
            for row in query.all(&self.0.get()).await? {
                rows.push(Listed::new(
                    row.name_key.clone(),
                    row.id,
                    Voice::Custom(row.try_into()?),
                ));
            }
        }
        if filter.scope != Some(VoiceScope::Custom) {
            rows.extend(self.catalogue_rows(filter, sort, page).await?);
        }
        Ok(voice_list::merge(rows, sort, page))
    }

    /// How many voices the whole list has.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        filter: &VoiceFilter,
    ) -> Result<u64, StorageError> {
        let mut total = 0;
        if filter.scope != Some(VoiceScope::System) {
            let query = voice_list::filtered(tenant::select::<Entity>(grant), filter);
            total += query.count(&self.0.get()).await?;
        }
        if filter.scope != Some(VoiceScope::Custom) {
            total += self.count_catalogue(filter).await?;
        }
        Ok(total)
    }

    /// Stores a new voice in the grant's organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, grant: &Grant<CreateVoices>, voice: &CustomVoice) -> Result<(), StorageError> {
        tenant::insert::<Entity, _>(grant, row_of(voice))
            .exec_without_returning(&self.0.get())
            .await?;
        Ok(())
    }

    /// Stores a voice's name, description, category and time of change. `false` if the organization has no such
    /// voice.
    ///
    /// # Errors
    /// The database's.
    pub async fn update(
        self,
        grant: &Grant<UpdateVoices>,
        voice: &CustomVoice,
    ) -> Result<bool, StorageError> {
        let changed = tenant::update::<Entity>(grant)
            .filter(Column::Id.eq(voice.id.as_uuid()))
            .col_expr(Column::Name, Expr::value(&voice.name))
            .col_expr(Column::NameKey, Expr::value(name_key(&voice.name)))
            .col_expr(Column::Description, Expr::value(&voice.description))
            .col_expr(
                Column::SearchText,
                Expr::value(search_text(&voice.name, &voice.description)),
            )
            .col_expr(Column::Category, Expr::value(voice.category.as_str()))
            .col_expr(Column::UpdatedAt, Expr::value(voice.updated_at))
            .exec(&self.0.get())
            .await?;
        Ok(changed.rows_affected > 0)
    }

    /// Deletes a voice. `false` if the organization has no such voice.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, grant: &Grant<DeleteVoices>, id: VoiceId) -> Result<bool, StorageError> {
        let deleted = tenant::delete::<Entity>(grant)
            .filter(Column::Id.eq(id.as_uuid()))
            .exec(&self.0.get())
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// The voice that a signed URL names.
    ///
    /// # Errors
    /// The database's.
    pub async fn delivered(
        self,
        grant: &SystemGrant<Deliver>,
        voice: InOrg<VoiceId>,
    ) -> Result<Option<CustomVoice>, StorageError> {
        let query = tenant::select::<Entity>(&JobOn(grant, voice.organization))
            .filter(Column::Id.eq(voice.id.as_uuid()));
        query
            .one(&self.0.get())
            .await?
            .map(CustomVoice::try_from)
            .transpose()
    }

    /// Notes where a voice's preview lies. `false` if the voice is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_preview(
        self,
        grant: &SystemGrant<Deliver>,
        voice: InOrg<VoiceId>,
        key: &str,
    ) -> Result<bool, StorageError> {
        let noted = tenant::update::<Entity>(&JobOn(grant, voice.organization))
            .filter(Column::Id.eq(voice.id.as_uuid()))
            .col_expr(Column::PreviewKey, Expr::value(key))
            .exec(&self.0.get())
            .await?;
        Ok(noted.rows_affected > 0)
    }
}

fn row_of(voice: &CustomVoice) -> ActiveModel {
    let signed = |quantity: u64| i64::try_from(quantity).unwrap_or(i64::MAX);
    ActiveModel {
        // The grant says whose it is.
        organization_id: NotSet,
        id: Set(voice.id.as_uuid()),
        name: Set(voice.name.clone()),
        name_key: Set(name_key(&voice.name)),
        description: Set(voice.description.clone()),
        search_text: Set(search_text(&voice.name, &voice.description)),
        category: Set(voice.category.as_str().to_owned()),
        language: Set(voice.language.as_str().to_owned()),
        engine: Set(voice.engine.clone()),
        engine_voice: Set(voice.engine_voice.clone()),
        fidelity: Set(voice.fidelity.as_str().to_owned()),
        consent_by: Set(voice.consent.attested_by.map(|id| id.as_uuid())),
        consent_at: Set(voice.consent.attested_at),
        consent_statement: Set(voice.consent.statement.clone()),
        sample_key: Set(voice.sample.key.clone()),
        sample_content_type: Set(voice.sample.content_type.clone()),
        sample_bytes: Set(signed(voice.sample.bytes)),
        sample_duration_ms: Set(signed(voice.sample.duration_ms)),
        sample_rate: Set(i32::try_from(voice.sample.sample_rate).unwrap_or(i32::MAX)),
        sample_channels: Set(i32::from(voice.sample.channels)),
        sample_loudness_lufs: Set(voice.sample.loudness_lufs),
        normalised_key: Set(voice.sample.normalised_key.clone()),
        preview_key: Set(voice.preview_key.clone()),
        created_by: Set(voice.created_by.map(|id| id.as_uuid())),
        created_at: Set(voice.created_at),
        updated_at: Set(voice.updated_at),
    }
}

impl TryFrom<Model> for CustomVoice {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            organization: OrganizationId::from_uuid(row.organization_id),
            name: row.name,
            description: row.description,
            category: known(VoiceCategory::from_stored(&row.category), "voices.category")?,
            language: language(&row.language, "voices.language")?,
            engine: row.engine,
            engine_voice: row.engine_voice,
            fidelity: known(Fidelity::from_stored(&row.fidelity), "voices.fidelity")?,
            consent: Consent {
                attested_by: row.consent_by.map(UserId::from_uuid),
                attested_at: row.consent_at,
                statement: row.consent_statement,
            },
            sample: SampleFacts {
                key: row.sample_key,
                content_type: row.sample_content_type,
                bytes: count(row.sample_bytes, "voices.sample_bytes")?,
                duration_ms: count(row.sample_duration_ms, "voices.sample_duration_ms")?,
                sample_rate: count(row.sample_rate.into(), "voices.sample_rate")?,
                channels: count(row.sample_channels.into(), "voices.sample_channels")?,
                loudness_lufs: row.sample_loudness_lufs,
                normalised_key: row.normalised_key,
            },
            preview_key: row.preview_key,
            created_by: row.created_by.map(UserId::from_uuid),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
