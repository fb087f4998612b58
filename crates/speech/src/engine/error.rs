//! Why a text was not spoken.

use std::time::Duration;

/// Why a text was not spoken.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine does not know the voice: it is another engine's, or was removed.
    #[error("the engine does not know this voice")]
    UnsupportedVoice,
    /// The engine has no voice for the language.
    #[error("the engine does not speak `{0}`")]
    UnsupportedLanguage(String),
    /// The text has more characters than the engine takes.
    #[error("the text is longer than {max} characters")]
    TextTooLong {
        /// The limit, in Unicode scalar values.
        max: usize,
    },
    /// Nothing in the text has a sound: only punctuation, or only signs that the language does not know.
    #[error("there is nothing in the text to speak")]
    NothingToSpeak,
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The engine did not manage.
    #[error("the engine failed: {reason}")]
    Failed {
        /// What happened, for the log.
        reason: String,
        /// Whether the same request may well succeed later.
        retryable: bool,
        /// What caused it.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The engine takes no work at present: it is down, overloaded, or failed so often that it is left alone for a
    /// while. Says nothing against the text.
    #[error("the engine is not available: {reason}")]
    Unavailable {
        /// What happened, for the log.
        reason: String,
        /// When to ask again, if the engine said so.
        retry_after: Option<Duration>,
    },
    /// The engine did not answer in time.
    #[error("the engine did not answer in time: {0}")]
    TimedOut(String),
    /// What the engine answered is no sound: another thing altogether, or only a part of it.
    #[error("the engine gave a bad answer: {0}")]
    BadAnswer(String),
    /// The engine stumbled over a bug of its own on this text.
    #[error("the engine panicked")]
    Panicked,
}

impl EngineError {
    /// A failure that the same request would meet again.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
            retryable: false,
            source: None,
        }
    }

    /// A failure that may well be over soon.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
            retryable: true,
            source: None,
        }
    }

    /// Adds the cause to a failure; other errors stay as they are.
    #[must_use]
    pub fn caused_by(self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match self {
            Self::Failed {
                reason, retryable, ..
            } => Self::Failed {
                reason,
                retryable,
                source: Some(error.into()),
            },
            other => other,
        }
    }

    /// Whether the same request may well succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Failed { retryable: true, .. }
                | Self::Unavailable { .. }
                | Self::TimedOut(_)
                | Self::BadAnswer(_)
        )
    }

    /// The stable name of the error, for histories and clients.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedVoice => "UNSUPPORTED_VOICE",
            Self::UnsupportedLanguage(_) => "UNSUPPORTED_LANGUAGE",
            Self::TextTooLong { .. } => "TOO_LONG",
            Self::NothingToSpeak => "NOTHING_TO_SPEAK",
            Self::Cancelled => "CANCELLED",
            Self::Unavailable { .. } | Self::TimedOut(_) => "ENGINE_UNAVAILABLE",
            Self::Failed { .. } | Self::BadAnswer(_) | Self::Panicked => "ENGINE_FAILED",
        }
    }
}
