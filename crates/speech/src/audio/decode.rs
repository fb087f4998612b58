//! Files into sound.

mod container;
mod mpeg;
mod opus;
mod stream;

use std::{panic::catch_unwind, time::Duration};

use bytes::Bytes;

use self::{container::Container, stream::Stream};
use super::{Measurements, Pcm, measure};

/// Channels beyond this are no recording of a voice.
const MAX_CHANNELS: usize = 8;

/// The rate at which [`Limits::max_duration`] is also the limit of memory.
const FULL_RATE: f64 = 48_000.0;

/// How much sound to accept. What is beyond is refused while it is being decoded, so that a small file which unpacks
/// to hours costs no more than an honest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The shortest recording of use.
    pub min_duration: Duration,
    /// The longest recording, which also bounds the memory: above 48 kHz recordings must be shorter in proportion.
    pub max_duration: Duration,
}

impl Limits {
    /// What a recording must be to make a voice from: 10 seconds to 10 minutes.
    pub const VOICE_SAMPLE: Self = Self {
        min_duration: Duration::from_secs(10),
        max_duration: Duration::from_secs(600),
    };

    /// What an engine's answer may be: anything up to two hours.
    pub const SPEECH: Self = Self {
        min_duration: Duration::ZERO,
        max_duration: Duration::from_secs(7200),
    };

    /// The largest number of samples of one channel at a rate.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturating is what is wanted"
    )]
    fn max_samples(&self, rate: u32) -> usize {
        (self.max_duration.as_secs_f64() * f64::from(rate).min(FULL_RATE)) as usize
    }
}

/// Why a file is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is no audio file, one of an unknown kind, or a damaged one (`AUDIO_UNREADABLE`).
    #[error("the audio cannot be read: {0}")]
    Unreadable(&'static str),
    /// It is shorter than [`Limits::min_duration`] (`AUDIO_TOO_SHORT`).
    #[error("the audio is too short: {actual:?} instead of at least {minimum:?}")]
    TooShort {
        /// How long it is.
        actual: Duration,
        /// The limit.
        minimum: Duration,
    },
    /// It is longer than [`Limits::max_duration`] (`TOO_LONG`).
    #[error("the audio is longer than {maximum:?}")]
    TooLong {
        /// The limit.
        maximum: Duration,
    },
}

/// The sound of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// All channels mixed into one, at the file's rate.
    pub pcm: Pcm,
    /// How many channels the file has.
    pub channels: u16,
    /// The media type of what the file is, whatever its name or sender say.
    pub content_type: &'static str,
}

impl Decoded {
    /// Measures the sound, and states the file's channels.
    #[must_use]
    pub fn measure(&self) -> Measurements {
        Measurements {
            channels: self.channels,
            ..measure(&self.pcm)
        }
    }
}

/// Decodes a file: WAV, MP3, AAC (M4A or ADTS), ALAC, FLAC, Vorbis or Opus (Ogg or WebM), recognised by what it
/// contains and never by a name.
///
/// Takes the processor for up to seconds: run it on a blocking thread.
///
/// # Errors
/// See [`DecodeError`]. A codec that panics on hostile input makes the file unreadable and nothing worse.
pub fn decode(file: Bytes, limits: &Limits) -> Result<Decoded, DecodeError> {
    let limits = *limits;
    let decoded = catch_unwind(move || {
        let (container, start) = Container::of(&file)?;
        let mixed = Stream::open(container, file.slice(start..))?.read(&limits)?;
        Ok(Decoded {
            pcm: mixed.pcm,
            channels: mixed.channels,
            content_type: container.content_type(),
        })
    })
    .unwrap_or(Err(DecodeError::Unreadable("the decoder failed")))?;

    let actual = decoded.pcm.duration();
    if decoded.pcm.samples().is_empty() {
        return Err(DecodeError::Unreadable("there is no sound in it"));
    }
    if actual < limits.min_duration {
        return Err(DecodeError::TooShort {
            actual,
            minimum: limits.min_duration,
        });
    }
    Ok(decoded)
}
