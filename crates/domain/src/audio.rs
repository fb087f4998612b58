//! Audio formats.

/// A format in which speech is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AudioFormat {
    /// RIFF WAVE, 16-bit PCM.
    Wav,
    /// MPEG-1/2 Layer III.
    #[default]
    Mp3,
    /// Opus in an Ogg container.
    Opus,
    /// AAC-LC in ADTS frames.
    Aac,
    /// Free Lossless Audio Codec.
    Flac,
}

impl AudioFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Wav, Self::Mp3, Self::Opus, Self::Aac, Self::Flac];

    /// The media type for `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Opus => "audio/ogg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
        }
    }

    /// The file name extension, which is also the stored form.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension() == text)
    }
}
