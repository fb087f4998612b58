//! Hearing what voices sound like, and what they were made from.

use resonance_authz::{Denied, SystemGrant, UpdateVoices, system::Deliver};
use resonance_domain::{CustomVoice, InOrg, SampleFacts, Voice, VoiceAddress, VoiceId};
use resonance_identity::SignedQuery;
use resonance_persistence::Repositories;

use super::Voices;
use crate::{Delivery, Outcome, ServiceError, previews};

impl Voices<'_> {
    /// The path at which a voice's preview lies.
    #[must_use]
    pub fn preview_path(address: VoiceAddress) -> String {
        format!("/voices/{}/preview", address.global_id())
    }

    /// A link to a voice's preview, for a while, for whoever sees the voice.
    #[must_use]
    pub fn preview_url(self, voice: &Voice) -> String {
        self.0.services().signed_url(&Self::preview_path(voice.address()))
    }

    /// A voice's preview: for the holder of a signed link; else for whoever is signed in (the instance's voices) or
    /// a member with `org:voices:read` (an organization's). It is made when it is first wanted.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotVisible`, `Forbidden`, or a failure of the database, the object store or the engine.
    pub async fn preview(self, address: VoiceAddress, signature: Option<&SignedQuery>) -> Outcome<Delivery> {
        let core = self.0.core();
        let signed = self.0.is_signed(&Self::preview_path(address), signature);
        let voice = match address {
            VoiceAddress::Custom(address) if signed => {
                let voices = core.database.voices();
                let voice = voices
                    .delivered(&SystemGrant::<Deliver>::for_job(), address)
                    .await?;
                Voice::Custom(voice.ok_or(Denied::NotVisible)?)
            }
            VoiceAddress::System(_) if !signed => {
                self.0.actor().known()?;
                self.get(address).await?
            }
            _ => self.get(address).await?,
        };
        let delivery = previews::of(core, voice).await?;
        delivery.ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    /// The path at which a custom voice's recording lies.
    #[must_use]
    pub fn sample_path(address: InOrg<VoiceId>) -> String {
        format!("/voices/{}/sample", address.global_id())
    }

    /// A link to the recording of a custom voice, for a while; `None` for who lacks `org:voices:update`: a recording
    /// is a person's voice, and more than a preview.
    ///
    /// # Errors
    /// The database's.
    pub async fn sample_url(self, voice: &CustomVoice) -> Outcome<Option<String>> {
        let path = Self::sample_path(InOrg::new(voice.organization, voice.id));
        match self.0.grant::<UpdateVoices>(voice.organization).await {
            Ok(_) => Ok(Some(self.0.services().signed_url(&path))),
            Err(ServiceError::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The recording of a custom voice: for the holder of a signed link, or a member with `org:voices:update`.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotVisible`, `Forbidden`, or a failure of the database or the object store.
    pub async fn sample(self, address: InOrg<VoiceId>, signature: Option<&SignedQuery>) -> Outcome<Delivery> {
        let core = self.0.core();
        let voices = core.database.voices();
        let voice = if self.0.is_signed(&Self::sample_path(address), signature) {
            voices
                .delivered(&SystemGrant::<Deliver>::for_job(), address)
                .await?
        } else {
            let grant = self.0.grant::<UpdateVoices>(address.organization).await?;
            voices.get(&grant, address.id).await?
        };
        let SampleFacts {
            key, content_type, ..
        } = voice.ok_or(Denied::NotVisible)?.sample;
        Delivery::of(core, &previews::key(&key)?, content_type).await
    }
}
