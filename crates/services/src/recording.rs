//! Recordings that voices are made from.

use std::num::NonZeroU32;

use bytes::Bytes;
use resonance_domain::{AudioFormat, ErrorCode, FieldError};
use resonance_speech::audio::{
    DecodeError, Limits, SampleError, VoiceAnalysis, decode, encode, normalise_sample,
};

use crate::{
    Outcome, ServiceError,
    core::{Core, on_thread},
};

/// The largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 20 * 1024 * 1024;

/// The sample rate that cloning models work at, in hertz.
const CLONING_RATE: NonZeroU32 = NonZeroU32::new(24_000).unwrap();

/// A recording that was listened to.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) content_type: &'static str,
    pub(crate) duration_ms: u64,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u16,
    pub(crate) loudness_lufs: f64,
    pub(crate) analysis: VoiceAnalysis,
}

impl Recording {
    /// Decodes and measures a file, on a thread where that blocks nobody, and refuses what no voice can be made from.
    pub(crate) async fn listen(core: &Core, file: Bytes) -> Outcome<Self> {
        let permit = core.audio_work().await?;
        on_thread(permit, move || Self::of(file))
            .await
            .map_err(|error| ServiceError::internal("decoding a recording", error))?
            .map_err(|error| error.at("sample").into())
    }

    /// The same recording as engines get it that clone voices: a WAV file of one channel, without the silence at both
    /// ends, at -23 LUFS.
    pub(crate) async fn normalised(core: &Core, file: Bytes) -> Outcome<Bytes> {
        let permit = core.audio_work().await?;
        let normalising = on_thread(permit, move || {
            let sample = normalise_sample(file, &Limits::VOICE_SAMPLE, CLONING_RATE);
            let sample = sample.map_err(|error| match error {
                SampleError::Decode(error) => refusal(error),
                SampleError::Silent => silent(),
            })?;
            Ok(encode(&sample.pcm, AudioFormat::Wav))
        });
        let encoded = normalising
            .await
            .map_err(|error| ServiceError::internal("normalising a recording", error))?
            .map_err(|error: FieldError| error.at("sample"))?;
        let file = encoded.map_err(|error| ServiceError::internal("normalising a recording", error))?;
        Ok(file.bytes)
    }

    fn of(file: Bytes) -> Result<Self, FieldError> {
        let decoded = decode(file, &Limits::VOICE_SAMPLE).map_err(refusal)?;
        let measured = decoded.measure();
        let (false, Some(loudness_lufs)) = (measured.is_silent, measured.loudness_lufs) else {
            return Err(silent());
        };
        Ok(Self {
            content_type: decoded.content_type,
            duration_ms: u64::try_from(measured.duration.as_millis()).unwrap_or(u64::MAX),
            sample_rate: measured.sample_rate,
            channels: measured.channels,
            loudness_lufs,
            analysis: VoiceAnalysis::of(&decoded.pcm),
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

fn silent() -> FieldError {
    FieldError::new(ErrorCode::AudioSilent, "the recording holds no audible sound")
}

fn refusal(error: DecodeError) -> FieldError {
    match error {
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
    }
}
