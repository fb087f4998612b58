//! Recordings that voices are made from.

use bytes::Bytes;
use resonance_domain::{ErrorCode, FieldError};
use resonance_speech::audio::{DecodeError, Limits, VoiceAnalysis, decode};

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

    fn of(file: Bytes) -> Result<Self, FieldError> {
        let decoded = decode(file, &Limits::VOICE_SAMPLE).map_err(refusal)?;
        let measured = decoded.measure();
        let (false, Some(loudness_lufs)) = (measured.is_silent, measured.loudness_lufs) else {
            return Err(FieldError::new(
                ErrorCode::AudioSilent,
                "the recording holds no audible sound",
            ));
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
