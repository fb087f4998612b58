//! Generations.

use std::sync::Arc;

use async_graphql::{ComplexObject, Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_authz::Denied;
use resonance_domain::{self as domain, GenerationId, InOrg, OrganizationId, UserId, VoiceAddress};
use resonance_gateway_accounts::User;
use resonance_gateway_kit::ApiResult;
use resonance_services::{self as services, Request, ServiceError};

use crate::{AudioFormat, SpeechSettings, Voice, shelf::Shelf};

/// Where a generation stands. `SUCCEEDED`, `FAILED` and `CANCELLED` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum GenerationState {
    /// Waiting for its turn.
    Queued,
    /// Being spoken.
    Running,
    /// The audio is there.
    Succeeded,
    /// It could not be spoken; nothing was charged.
    Failed,
    /// Somebody stopped it; nothing was charged.
    Cancelled,
}

impl From<domain::GenerationState> for GenerationState {
    fn from(state: domain::GenerationState) -> Self {
        match state {
            domain::GenerationState::Queued => Self::Queued,
            domain::GenerationState::Running => Self::Running,
            domain::GenerationState::Succeeded => Self::Succeeded,
            domain::GenerationState::Failed => Self::Failed,
            domain::GenerationState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<GenerationState> for domain::GenerationState {
    fn from(state: GenerationState) -> Self {
        match state {
            GenerationState::Queued => Self::Queued,
            GenerationState::Running => Self::Running,
            GenerationState::Succeeded => Self::Succeeded,
            GenerationState::Failed => Self::Failed,
            GenerationState::Cancelled => Self::Cancelled,
        }
    }
}

/// Why a generation failed.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct GenerationFailure {
    /// A stable code: `ENGINE_FAILED`, `ENGINE_UNAVAILABLE`, `NOTHING_TO_SPEAK`, `UNSUPPORTED_VOICE`,
    /// `UNSUPPORTED_LANGUAGE`, `TOO_LONG`, `ENCODING_FAILED`, `STORE_UNAVAILABLE`, `INTERRUPTED` or `INTERNAL`.
    pub code: String,
    /// A sentence for its reader.
    pub message: String,
}

/// A sentence and when it is heard.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct TimeMark {
    /// When it begins, in milliseconds from the start of the audio.
    pub start_ms: i32,
    /// When it ends, in milliseconds.
    pub end_ms: i32,
    /// Its words.
    pub text: String,
    /// Where it begins in the text, in characters (Unicode scalar values).
    pub start: i32,
    /// Where it ends in the text, exclusive.
    pub end: i32,
}

impl From<domain::TimeMark> for TimeMark {
    fn from(mark: domain::TimeMark) -> Self {
        Self {
            start_ms: i32::try_from(mark.start_ms).unwrap_or(i32::MAX),
            end_ms: i32::try_from(mark.end_ms).unwrap_or(i32::MAX),
            text: mark.text,
            start: i32::try_from(mark.start).unwrap_or(i32::MAX),
            end: i32::try_from(mark.end).unwrap_or(i32::MAX),
        }
    }
}

/// A format of subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SubtitleFormat {
    /// SubRip (.srt).
    Srt,
    /// Web Video Text Tracks (.vtt).
    #[graphql(name = "WEBVTT")]
    WebVtt,
}

impl From<SubtitleFormat> for services::SubtitleFormat {
    fn from(format: SubtitleFormat) -> Self {
        match format {
            SubtitleFormat::Srt => Self::Srt,
            SubtitleFormat::WebVtt => Self::WebVtt,
        }
    }
}

/// A text spoken by a voice: the job, its audio, and its entry in the organization's history. Requires
/// `org:generations:read`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Generation {
    /// The generation's id.
    pub id: ID,
    /// The text that is spoken.
    pub text: String,
    /// How many characters (Unicode scalar values) the text has; this is what is metered.
    pub characters: i32,
    /// The id of the voice; it stays when the voice is deleted.
    pub voice_id: ID,
    /// The name of the voice at the time when the generation was made.
    pub voice_name: String,
    /// How the text was to be spoken.
    pub settings: SpeechSettings,
    /// How the text was to be spoken, in words; null if nothing was said.
    pub instructions: Option<String>,
    /// The format of the audio.
    pub format: AudioFormat,
    /// The loudness in LUFS (EBU R 128) that was asked for; null if the audio is as loud as the engine made it.
    pub loudness: Option<f64>,
    /// The engine that speaks it, such as `builtin`.
    pub engine: String,
    /// Where it stands.
    pub state: GenerationState,
    /// The fraction done, 0 to 1. A generation that is tried again begins anew.
    pub progress: f64,
    /// Why it failed; null unless it did.
    pub failure: Option<GenerationFailure>,
    /// The length of the audio in milliseconds; null until it succeeded.
    pub duration_ms: Option<i32>,
    /// The size of the audio in bytes; null until it succeeded.
    pub audio_bytes: Option<i32>,
    /// The sample rate of the audio in hertz; null until it succeeded.
    pub sample_rate: Option<i32>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When an engine last began with it; null while none has.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached a final state; null until then.
    pub finished_at: Option<DateTime<Utc>>,
    /// The id of the API key by which it was asked for; null if a member did.
    pub api_key_id: Option<ID>,
    #[graphql(skip)]
    address: InOrg<GenerationId>,
    #[graphql(skip)]
    created_by: Option<UserId>,
    #[graphql(skip)]
    voice_address: VoiceAddress,
    #[graphql(skip)]
    shelf: Arc<Shelf>,
}

#[ComplexObject]
impl Generation {
    /// Who asked for it; null once that account is gone, or if it was a program with a key.
    async fn author(&self) -> ApiResult<Option<User>> {
        match self.created_by {
            Some(author) => self.shelf.author(author).await,
            None => Ok(None),
        }
    }

    /// The voice as it is now; null once it is deleted. Requires `org:voices:read`; null without it.
    async fn voice(&self) -> ApiResult<Option<Voice>> {
        self.shelf.voice(self.voice_address).await
    }

    /// Its place in the queue, 1 being next, and 1,001 beyond; null unless it waits there. Organizations take turns.
    async fn queue_position(&self) -> ApiResult<Option<i32>> {
        if self.state != GenerationState::Queued {
            return Ok(None);
        }
        let place = self.shelf.place_in_queue(self.address.id).await?;
        Ok(place.map(|place| i32::try_from(place).unwrap_or(i32::MAX)))
    }

    /// The URL of the audio, valid for a short while without any other permission, so that an `<audio>` element can
    /// play it; null until it succeeded.
    async fn audio_url(&self) -> Option<String> {
        let there = self.state == GenerationState::Succeeded;
        there.then(|| self.shelf.request().audio_url(self.address))
    }

    /// The URL under which the audio can be heard while it is being spoken, from the first finished piece on, valid for
    /// a short while without any other permission; it waits until there is anything to hear. Once the generation
    /// succeeded, it leads to the same as `audioUrl`. Null if the generation failed or was cancelled.
    async fn stream_url(&self) -> Option<String> {
        let lost = matches!(self.state, GenerationState::Failed | GenerationState::Cancelled);
        (!lost).then(|| self.shelf.request().stream_url(self.address))
    }

    /// The URL of subtitles, valid for a short while without any other permission; null until it succeeded.
    async fn subtitles_url(
        &self,
        #[graphql(desc = "The format.", default_with = "SubtitleFormat::WebVtt")] format: SubtitleFormat,
    ) -> Option<String> {
        let there = self.state == GenerationState::Succeeded;
        there.then(|| self.shelf.request().subtitles_url(self.address, format.into()))
    }

    /// When which sentence is heard, in order; null until it succeeded. Borders between sentences that were spoken in
    /// one go are found by their pauses.
    async fn time_marks(&self) -> ApiResult<Option<Vec<TimeMark>>> {
        if self.state != GenerationState::Succeeded {
            return Ok(None);
        }
        let marks = self.shelf.time_marks(self.address.id).await?;
        Ok(marks.map(|marks| marks.into_iter().map(Into::into).collect()))
    }

    /// The waveform, for players to draw: for each of equal stretches of time its loudest sample, from 0 (silence) to
    /// 255 (full scale). Null until it succeeded.
    async fn waveform(
        &self,
        #[graphql(
            desc = "How many stretches, 1 to 256. Very short audio has fewer.",
            default = 256,
            validator(minimum = 1, maximum = 256)
        )]
        buckets: i32,
    ) -> ApiResult<Option<Vec<i32>>> {
        if self.state != GenerationState::Succeeded {
            return Ok(None);
        }
        let peaks = self.shelf.peaks(self.address.id).await?;
        let buckets = usize::try_from(buckets).unwrap_or(1);
        Ok(peaks.map(|peaks| gathered(&peaks, buckets)))
    }
}

impl Generation {
    /// A generation that stands on a shelf with others.
    pub(crate) fn on(shelf: &Arc<Shelf>, generation: domain::Generation) -> Self {
        let whole = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
        let address = InOrg::new(generation.organization, generation.id);
        let voice_address = generation.voice_address();
        Self {
            id: address.global_id().into(),
            characters: whole(generation.characters),
            voice_id: voice_address.global_id().into(),
            voice_name: generation.voice.name,
            text: generation.text,
            settings: generation.settings.into(),
            instructions: generation.instructions,
            format: generation.format.into(),
            loudness: generation.mastering.loudness,
            engine: generation.engine,
            state: generation.state.into(),
            progress: generation.progress,
            failure: generation.failure.map(|failure| GenerationFailure {
                code: failure.code,
                message: failure.message,
            }),
            duration_ms: generation.duration_ms.map(whole),
            audio_bytes: generation.audio_bytes.map(whole),
            sample_rate: generation.sample_rate.map(|rate| whole(rate.into())),
            created_at: generation.created_at,
            started_at: generation.started_at,
            finished_at: generation.finished_at,
            api_key_id: generation
                .created_by_key
                .map(|key| InOrg::new(generation.organization, key).global_id().into()),
            address,
            created_by: generation.created_by,
            voice_address,
            shelf: Arc::clone(shelf),
        }
    }

    /// Generations of one organization that `request` has read: what they need besides themselves is loaded for all of
    /// them together.
    #[must_use]
    pub fn together(
        request: &Request,
        organization: OrganizationId,
        generations: Vec<domain::Generation>,
    ) -> Vec<Self> {
        let shelf = Shelf::of(request, organization, generations.iter());
        let generations = generations.into_iter();
        generations
            .map(|generation| Self::on(&shelf, generation))
            .collect()
    }

    /// A generation that `request` has read.
    #[must_use]
    pub fn new(request: &Request, generation: domain::Generation) -> Self {
        let shelf = Shelf::of(request, generation.organization, std::iter::once(&generation));
        Self::on(&shelf, generation)
    }
}

impl Generation {
    /// The generation with this id, if the viewer may know of it.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `FORBIDDEN` without `org:generations:read`, or the database's.
    pub async fn node(request: &Request, address: InOrg<GenerationId>) -> ApiResult<Option<Self>> {
        match request.generations().get(address).await {
            Ok(generation) => Ok(Some(Self::new(request, generation))),
            Err(ServiceError::Denied(Denied::NotVisible)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The peaks of fewer and longer stretches of time.
fn gathered(peaks: &[u8], buckets: usize) -> Vec<i32> {
    let buckets = buckets.min(peaks.len());
    let border = |n: usize| n * peaks.len() / buckets;
    (0..buckets)
        .filter_map(|n| peaks.get(border(n)..border(n + 1))?.iter().max())
        .map(|peak| i32::from(*peak))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::gathered;

    #[test]
    fn peaks_of_longer_stretches_are_the_greatest_in_them() {
        assert_eq!(gathered(&[1, 9, 3, 4, 5, 0], 3), [9, 4, 5]);
        assert_eq!(gathered(&[1, 9, 3, 4, 5, 0, 7], 2), [9, 7]);
        assert_eq!(gathered(&[1, 2], 256), [1, 2]);
        assert_eq!(gathered(&[], 10), [0_i32; 0]);
        assert_eq!(gathered(&[7; 256], 255).len(), 255);
    }
}
