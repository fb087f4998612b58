//! Changing and deleting voices.

use resonance_authz::{DeleteVoices, Denied, UpdateVoices};
use resonance_domain::{
    CustomVoice, EventKind, FieldErrors, InOrg, VoiceCategory, VoiceDescription, VoiceId, VoiceName,
};
use resonance_persistence::Repositories;

use super::Voices;
use crate::{
    Outcome,
    changes::Changes,
    previews,
    refusals::Attempt,
    sweep::{Owner, removal},
};

/// What to change of a custom voice; what is absent stays.
#[derive(Debug, Clone)]
pub struct UpdateVoice {
    /// Which voice.
    pub voice: InOrg<VoiceId>,
    /// A new name.
    pub name: Option<String>,
    /// A new description; empty for none.
    pub description: Option<String>,
    /// A new category.
    pub category: Option<VoiceCategory>,
}

impl Voices<'_> {
    /// Renames, describes and recategorises a custom voice. Requires `org:voices:update`.
    ///
    /// # Errors
    /// Refusals of the input, `NotVisible`, `Forbidden`, or the database's.
    pub async fn update(self, input: UpdateVoice) -> Outcome<CustomVoice> {
        let core = self.0.core();
        let UpdateVoice { voice: address, .. } = input;
        let mut errors = FieldErrors::default();
        let name = input
            .name
            .and_then(|name| errors.take("name", VoiceName::parse(&name)));
        let description = input
            .description
            .and_then(|text| errors.take("description", VoiceDescription::parse(&text)));
        let errors = errors.finish();
        let attempt = Attempt::on("updateVoice", address.organization, address.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let grant = self.0.grant_in::<UpdateVoices>(uow, address.organization).await?;
                let old = uow.voices().get_locked(&grant, address.id).await?;
                let old = old.ok_or(Denied::NotVisible)?;
                errors?;
                let mut voice = CustomVoice {
                    name: name.map_or_else(|| old.name.clone(), VoiceName::into_string),
                    description: description
                        .map_or_else(|| old.description.clone(), VoiceDescription::into_string),
                    category: input.category.unwrap_or(old.category),
                    ..old.clone()
                };
                if voice == old {
                    return Ok(voice);
                }
                voice.updated_at = core.clock.now();
                uow.voices().update(&grant, &voice).await?;
                let payload = Changes::default()
                    .field("name", old.name, voice.name.as_str())
                    .field("description", old.description, voice.description.as_str())
                    .field("category", old.category.as_str(), voice.category.as_str());
                uow.record(self.event(EventKind::VoiceUpdated, address, payload));
                Ok(voice)
            })
            .await
    }

    /// Deletes a custom voice, with its recording and its preview. What it has spoken stays. Requires
    /// `org:voices:delete`.
    ///
    /// # Errors
    /// `NotVisible`, `Forbidden`, or the database's.
    pub async fn delete(self, address: InOrg<VoiceId>) -> Outcome<()> {
        let core = self.0.core();
        let folder = previews::folder(address)?;
        let attempt = Attempt::on("deleteVoice", address.organization, address.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let grant = self.0.grant_in::<DeleteVoices>(uow, address.organization).await?;
                let voice = uow.voices().get_locked(&grant, address.id).await?;
                let voice = voice.ok_or(Denied::NotVisible)?;
                uow.voices().delete(&grant, address.id).await?;
                uow.jobs()
                    .add(removal(core, &folder, Owner::Voice(address)))
                    .await?;
                uow.record(self.event(EventKind::VoiceDeleted, address, gone(&voice)));
                Ok(())
            })
            .await
    }
}

fn gone(voice: &CustomVoice) -> Changes {
    Changes::default()
        .gone("name", voice.name.as_str())
        .gone("description", voice.description.as_str())
        .gone("category", voice.category.as_str())
        .gone("language", voice.language.as_str())
        .gone("engine", voice.engine.as_str())
}
