//! The audio of generations, for browsers and players.

use resonance_authz::{Denied, ReadGenerations, SystemGrant, system::Deliver};
use resonance_blobs::{BlobInfo, BlobKey};
use resonance_domain::{ErrorCode, FieldError, GenerationId, InOrg};
use resonance_identity::SignedQuery;

use super::Generations;
use crate::{Outcome, Request, ServiceError, delivery::Delivery};

/// The path under which the audio of a generation is served.
fn path(address: InOrg<GenerationId>) -> String {
    format!("/audio/{}", address.global_id())
}

impl Request {
    /// The URL under which the audio of a generation that succeeded can be had for a while by whoever knows it, without
    /// a session. The caller has read the generation, so it may hear it.
    #[must_use]
    pub fn audio_url(&self, generation: InOrg<GenerationId>) -> String {
        self.services().signed_url(&path(generation))
    }
}

impl Generations<'_> {
    /// The audio of a generation, for the holder of a URL that [`Request::audio_url`] made, or else for a member with
    /// `org:generations:read`.
    ///
    /// # Errors
    /// `NotVisible` if there is no such generation, `CONFLICT` if it has no audio: not yet, or never.
    pub async fn audio(
        self,
        address: InOrg<GenerationId>,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Delivery> {
        let found = if self.0.is_signed(&path(address), signature) {
            let grant = SystemGrant::<Deliver>::for_job();
            self.repository().for_delivery(&grant, address).await?
        } else {
            let grant = self.0.grant::<ReadGenerations>(address.organization).await?;
            self.repository().get(&grant, address.id).await?
        };
        let generation = found.ok_or(ServiceError::Denied(Denied::NotVisible))?;
        let (Some(key), Some(size)) = (&generation.audio_key, generation.audio_bytes) else {
            return Err(FieldError::new(ErrorCode::Conflict, "the audio is not ready").into());
        };
        // The row tells all that the store would, and without a round trip.
        let info = BlobInfo {
            key: BlobKey::parse(key).map_err(|error| ServiceError::internal("naming an object", error))?,
            size,
            // A generation succeeds once, and its audio never changes.
            etag: Some(format!("\"{}\"", address.id.type_id())),
            modified: generation.finished_at.unwrap_or(generation.created_at),
        };
        Ok(Delivery::new(
            self.0.core(),
            info,
            generation.format.content_type(),
        ))
    }
}
