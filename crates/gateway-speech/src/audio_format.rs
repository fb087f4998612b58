//! The formats of audio.

use async_graphql::Enum;
use resonance_domain as domain;

/// A format in which speech is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AudioFormat {
    /// RIFF WAVE with 16-bit samples: large, and readable by everything.
    Wav,
    /// MP3: small, and playable everywhere.
    #[graphql(name = "MP3")]
    Mp3,
    /// Opus in an Ogg container: smaller than MP3 at the same quality.
    Opus,
    /// FLAC: nothing is lost, at about half the size of WAV.
    Flac,
}

impl From<domain::AudioFormat> for AudioFormat {
    fn from(format: domain::AudioFormat) -> Self {
        match format {
            domain::AudioFormat::Wav => Self::Wav,
            domain::AudioFormat::Mp3 => Self::Mp3,
            domain::AudioFormat::Opus => Self::Opus,
            domain::AudioFormat::Flac => Self::Flac,
        }
    }
}

impl From<AudioFormat> for domain::AudioFormat {
    fn from(format: AudioFormat) -> Self {
        match format {
            AudioFormat::Wav => Self::Wav,
            AudioFormat::Mp3 => Self::Mp3,
            AudioFormat::Opus => Self::Opus,
            AudioFormat::Flac => Self::Flac,
        }
    }
}
