//! Which rows keep which objects of the object store.

use resonance_authz::{SystemGrant, system::Purge};
use resonance_domain::{GenerationId, InOrg, OrganizationId, VoiceId};
use sea_orm::Value;

use crate::{StorageError, executor::Executor};

/// Finds out whether objects are still owned, for those who remove the ones that are not.
#[derive(Debug, Clone, Copy)]
pub struct ObjectOwners<'a>(pub(crate) Executor<'a>);

impl ObjectOwners<'_> {
    /// Whether the voice exists, which keeps its recording.
    ///
    /// # Errors
    /// The database's.
    pub async fn voice_exists(
        self,
        _grant: &SystemGrant<Purge>,
        voice: InOrg<VoiceId>,
    ) -> Result<bool, StorageError> {
        const FIND: &str = "SELECT 1 FROM voices WHERE organization_id = $1 AND id = $2";
        let values = [voice.organization.as_uuid().into(), voice.id.as_uuid().into()];
        self.any(FIND, values).await
    }

    /// Whether the voice exists and has its preview.
    ///
    /// # Errors
    /// The database's.
    pub async fn voice_has_preview(
        self,
        _grant: &SystemGrant<Purge>,
        voice: InOrg<VoiceId>,
    ) -> Result<bool, StorageError> {
        const FIND: &str =
            "SELECT 1 FROM voices WHERE organization_id = $1 AND id = $2 AND preview_key IS NOT NULL";
        let values = [voice.organization.as_uuid().into(), voice.id.as_uuid().into()];
        self.any(FIND, values).await
    }

    /// Whether the generation exists and has its audio.
    ///
    /// # Errors
    /// The database's.
    pub async fn generation_has_audio(
        self,
        _grant: &SystemGrant<Purge>,
        generation: InOrg<GenerationId>,
    ) -> Result<bool, StorageError> {
        const FIND: &str =
            "SELECT 1 FROM generations WHERE organization_id = $1 AND id = $2 AND audio_key IS NOT NULL";
        let values = [
            generation.organization.as_uuid().into(),
            generation.id.as_uuid().into(),
        ];
        self.any(FIND, values).await
    }

    /// Whether the generation is not final yet, so that what was made of it so far is of use.
    ///
    /// # Errors
    /// The database's.
    pub async fn generation_is_unfinished(
        self,
        _grant: &SystemGrant<Purge>,
        generation: InOrg<GenerationId>,
    ) -> Result<bool, StorageError> {
        const FIND: &str = "SELECT 1 FROM generations WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running')";
        let values = [
            generation.organization.as_uuid().into(),
            generation.id.as_uuid().into(),
        ];
        self.any(FIND, values).await
    }

    /// The key of the organization's logo; `None` if it has none, or is deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn logo_key(
        self,
        _grant: &SystemGrant<Purge>,
        organization: OrganizationId,
    ) -> Result<Option<String>, StorageError> {
        const FIND: &str = "SELECT logo_key FROM organizations WHERE id = $1 AND deleted_at IS NULL";
        let key = self
            .0
            .one(FIND, [organization.as_uuid().into()], |row| {
                row.try_get_by_index::<Option<String>>(0)
            })
            .await?;
        Ok(key.flatten())
    }

    async fn any(self, sql: &str, values: [Value; 2]) -> Result<bool, StorageError> {
        Ok(self.0.one(sql, values, |_| Ok(())).await?.is_some())
    }
}
