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
    /// AAC-LC in ADTS frames: as small as MP3. It plays 1,024 to 2,047 samples longer than the speech, 1,024 of them before
    /// it.
    Aac,
    /// FLAC: nothing is lost, at about half the size of WAV.
    Flac,
}

impl From<domain::AudioFormat> for AudioFormat {
    fn from(format: domain::AudioFormat) -> Self {
        match format {
            domain::AudioFormat::Wav => Self::Wav,
            domain::AudioFormat::Mp3 => Self::Mp3,
            domain::AudioFormat::Opus => Self::Opus,
            domain::AudioFormat::Aac => Self::Aac,
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
            AudioFormat::Aac => Self::Aac,
            AudioFormat::Flac => Self::Flac,
        }
    }
}
