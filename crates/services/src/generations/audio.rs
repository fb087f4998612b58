//! The audio of generations, for browsers and players.

use resonance_authz::{Denied, ReadGenerations, SystemGrant, system::Deliver};
use resonance_blobs::{BlobInfo, BlobKey};
use resonance_domain::{
    ErrorCode, FieldError, Generation, GenerationId, InOrg, OrganizationId, TimeMark, to_srt, to_webvtt,
};
use resonance_identity::SignedQuery;

use super::Generations;
use crate::{Outcome, Request, ServiceError, core::Core, delivery::Delivery};

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
        delivery(self.0.core(), &generation)
    }
}

impl Request {
    /// The URL under which the subtitles of a generation that succeeded can be had for a while by whoever knows it,
    /// without a session. The caller has read the generation.
    #[must_use]
    pub fn subtitles_url(&self, generation: InOrg<GenerationId>, format: SubtitleFormat) -> String {
        self.services().signed_url(&subtitles_path(generation, format))
    }
}

/// A format of subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubtitleFormat {
    /// SubRip.
    Srt,
    /// Web Video Text Tracks.
    WebVtt,
}

impl SubtitleFormat {
    /// The extension of such files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Srt => "srt",
            Self::WebVtt => "vtt",
        }
    }

    /// The media type for `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::WebVtt => "text/vtt; charset=utf-8",
        }
    }
}

/// The path under which the subtitles of a generation are served.
fn subtitles_path(address: InOrg<GenerationId>, format: SubtitleFormat) -> String {
    format!("/audio/{}/subtitles.{}", address.global_id(), format.extension())
}

impl Generations<'_> {
    /// When the sentences of those of `ids` that there are are heard, in order; none until a generation has its audio,
    /// and for what was spoken before marks were kept. Requires `org:generations:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn time_marks(
        self,
        organization: OrganizationId,
        ids: &[GenerationId],
    ) -> Outcome<Vec<(GenerationId, Vec<TimeMark>)>> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        Ok(self.repository().time_marks(&grant, ids).await?)
    }

    /// The subtitles of a generation, for the holder of a URL that [`Request::subtitles_url`] made, or else for whoever
    /// has `org:generations:read`.
    ///
    /// # Errors
    /// `NotVisible` if there is no such generation, `CONFLICT` if it has none: not yet, or never.
    pub async fn subtitles(
        self,
        address: InOrg<GenerationId>,
        format: SubtitleFormat,
        signature: Option<&SignedQuery>,
    ) -> Outcome<String> {
        let marks = if self.0.is_signed(&subtitles_path(address, format), signature) {
            let grant = SystemGrant::<Deliver>::for_job();
            self.repository().time_marks_for_delivery(&grant, address).await?
        } else {
            let found = self.time_marks(address.organization, &[address.id]).await?;
            found.into_iter().next().map(|(_, marks)| marks)
        };
        let marks = marks.ok_or(ServiceError::Denied(Denied::NotVisible))?;
        if marks.is_empty() {
            return Err(FieldError::new(ErrorCode::Conflict, "there are no subtitles").into());
        }
        Ok(match format {
            SubtitleFormat::Srt => to_srt(&marks),
            SubtitleFormat::WebVtt => to_webvtt(&marks),
        })
    }
}

/// The file of a generation that the asker may hear.
pub(super) fn delivery(core: &Core, generation: &Generation) -> Outcome<Delivery> {
    let (Some(key), Some(size)) = (&generation.audio_key, generation.audio_bytes) else {
        return Err(FieldError::new(ErrorCode::Conflict, "the audio is not ready").into());
    };
    // The row tells all that the store would, and without a round trip.
    let info = BlobInfo {
        key: BlobKey::parse(key).map_err(|error| ServiceError::internal("naming an object", error))?,
        size,
        // A generation succeeds once, and its audio never changes.
        etag: Some(format!("\"{}\"", generation.id.type_id())),
        modified: generation.finished_at.unwrap_or(generation.created_at),
    };
    Ok(Delivery::new(core, info, generation.format.content_type()))
}
