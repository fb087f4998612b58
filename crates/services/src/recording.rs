//! Recordings that voices are made from.

use bytes::Bytes;
use resonance_blobs::{BlobError, BlobKey};
use resonance_domain::{AudioFormat, ErrorCode, FieldError, OrganizationId};
use resonance_speech::{
    audio::{
        DecodeError, Limits, Pcm, SampleError, SampleShape, VoiceAnalysis, decode, encode, normalise_sample,
    },
    engine::{EngineVoice, SpeechEngine},
};

use crate::{
    Outcome, ServiceError,
    core::{Core, on_thread},
};

/// The largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 20 * 1024 * 1024;

/// A recording that was listened to.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) content_type: &'static str,
    pub(crate) duration_ms: u64,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u16,
    pub(crate) loudness_lufs: f64,
    pub(crate) analysis: VoiceAnalysis,
    /// The same as engines get it that clone voices, as a WAV file.
    pub(crate) normalised: Option<Bytes>,
}

impl Recording {
    /// Decodes and measures a file, and makes it what an engine wants that clones, on a thread where that blocks nobody.
    /// Refuses what no voice can be made from.
    pub(crate) async fn listen(core: &Core, file: Bytes, wanted: Option<SampleShape>) -> Outcome<Self> {
        let permit = core.audio_work().await?;
        on_thread(permit, move || Self::of(file, wanted))
            .await
            .map_err(|error| ServiceError::internal("decoding a recording", error))?
    }

    fn of(file: Bytes, wanted: Option<SampleShape>) -> Outcome<Self> {
        let limits = Limits::VOICE_SAMPLE;
        let decoded = decode(file, &limits).map_err(refusal)?;
        let measured = decoded.measure();
        let (false, Some(loudness_lufs)) = (measured.is_silent, measured.loudness_lufs) else {
            return Err(silent().into());
        };
        let content_type = decoded.content_type;
        let analysis = VoiceAnalysis::of(&decoded.pcm);
        let normalised = match wanted {
            Some(shape) => Some(normalised(decoded.pcm, &limits, shape)?),
            None => None,
        };
        Ok(Self {
            content_type,
            duration_ms: u64::try_from(measured.duration.as_millis()).unwrap_or(u64::MAX),
            sample_rate: measured.sample_rate,
            channels: measured.channels,
            loudness_lufs,
            analysis,
            normalised,
        })
    }

    /// The file name extension that fits the content.
    pub(crate) fn extension(&self) -> &'static str {
        match self.content_type {
            "audio/wav" => "wav",
            "audio/mpeg" => "mp3",
            "audio/aac" => "aac",
            "audio/mp4" => "m4a",
            "audio/flac" => "flac",
            "audio/ogg" => "ogg",
            "audio/webm" => "webm",
            _ => "audio",
        }
    }
}

/// The recording that goes along with every text for a voice, if its engine asks for that. The recordings of other
/// organizations than the one that has the text spoken are not there.
pub(crate) async fn for_speaking(
    core: &Core,
    engine: &dyn SpeechEngine,
    voice: &EngineVoice,
    organization: Option<OrganizationId>,
) -> Result<Option<Bytes>, BlobError> {
    let Some(key) = engine.sample_of(voice) else {
        return Ok(None);
    };
    let own = organization.is_some_and(|organization| {
        key.starts_with(&format!("organizations/{}/voices/", organization.as_uuid()))
    });
    match BlobKey::parse(key) {
        Ok(key) if own => core.blobs.get(&key).await.map(Some),
        _ => Err(BlobError::NotFound),
    }
}

/// The file that an engine gets that clones.
fn normalised(recording: Pcm, limits: &Limits, shape: SampleShape) -> Outcome<Bytes> {
    let sample = normalise_sample(recording, limits, shape).map_err(|error| match error {
        SampleError::Decode(error) => refusal(error),
        SampleError::Silent => silent(),
    })?;
    encode(&sample, AudioFormat::Wav)
        .map(|file| file.bytes)
        .map_err(|error| ServiceError::internal("normalising a recording", error))
}

fn silent() -> FieldError {
    FieldError::new(ErrorCode::AudioSilent, "the recording holds no audible sound").at("sample")
}

fn refusal(error: DecodeError) -> FieldError {
    let refusal = match error {
        DecodeError::Unreadable(_) => FieldError::new(
            ErrorCode::AudioUnreadable,
            "must be an audio file that can be decoded: WAV, MP3, M4A, AAC, FLAC, Ogg or WebM",
        ),
        DecodeError::TooShort { minimum, .. } => FieldError::new(
            ErrorCode::AudioTooShort,
            format_args!("must hold at least {} seconds of sound", minimum.as_secs()),
        ),
        DecodeError::TooLong { maximum } => FieldError::new(
            ErrorCode::AudioTooLong,
            format_args!("must not be longer than {} minutes", maximum.as_secs() / 60),
        ),
    };
    refusal.at("sample")
}
