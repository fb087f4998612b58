//! Sound into files.

mod flac;
mod mp3;
mod opus;
mod wav;

use std::{panic::catch_unwind, time::Duration};

use bytes::Bytes;
use resonance_domain::AudioFormat;

use super::Pcm;

/// An audio file, complete in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The file.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// How long it plays.
    pub duration: Duration,
    /// Samples per second.
    pub sample_rate: u32,
}

/// Why a sound was not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// There is not one sample.
    #[error("there is nothing to encode")]
    Empty,
    /// The encoder refused or failed; the text is for the log.
    #[error("{format:?} encoder failed: {reason}")]
    Failed {
        /// The format asked for.
        format: AudioFormat,
        /// What the encoder said.
        reason: String,
    },
}

/// Encodes a sound: WAV and FLAC with 16 bits per sample and MP3 at its own rate (the nearest that the format knows),
/// Opus at 48 kHz. The lossy formats spend 64 kbit/s, which is transparent for one voice.
///
/// Takes the processor for about a hundredth of the sound's duration at most: run it on a blocking thread.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(pcm: &Pcm, format: AudioFormat) -> Result<Encoded, EncodeError> {
    if pcm.samples().is_empty() {
        return Err(EncodeError::Empty);
    }
    let encoder = match format {
        AudioFormat::Wav => wav::encode,
        AudioFormat::Mp3 => mp3::encode,
        AudioFormat::Opus => opus::encode,
        AudioFormat::Flac => flac::encode,
    };
    let bytes = catch_unwind(|| encoder(pcm))
        .unwrap_or_else(|_| Err(Failure::new("the encoder panicked")))
        .map_err(|Failure(reason)| EncodeError::Failed { format, reason })?;
    Ok(Encoded {
        bytes: bytes.into(),
        content_type: format.content_type(),
        duration: pcm.duration(),
        sample_rate: match format {
            AudioFormat::Wav | AudioFormat::Flac => pcm.sample_rate(),
            AudioFormat::Mp3 => mp3::rate(pcm.sample_rate()),
            AudioFormat::Opus => opus::RATE.get(),
        },
    })
}

/// What one encoder says about why it failed.
struct Failure(String);

impl Failure {
    fn new(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}
