//! What can go wrong with speaking, and what is to be done about it.

use std::time::Duration;

use resonance_blobs::{BlobError, PutStreamError};
use resonance_domain::{GenerationId, InOrg};
use resonance_speech::{audio::EncodeError, engine::EngineError};

use crate::ServiceError;

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing: the same would happen again.
    None,
    /// Another try, of few: it may have been chance, or the text.
    Retry,
    /// To wait, for this long if it was said, and as often as it takes: it is not the text.
    Wait(Option<Duration>),
}

/// Why there is no recording.
#[derive(Debug)]
pub(super) struct Failure {
    /// A stable code, for the reader.
    pub(super) code: &'static str,
    /// A sentence, for the reader: nothing of the inside.
    pub(super) message: String,
    /// What is to be done.
    pub(super) remedy: Remedy,
    /// What happened, for the log.
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn of_engine(error: EngineError) -> Self {
        let remedy = match &error {
            EngineError::Unavailable { retry_after, .. } => Remedy::Wait(*retry_after),
            // Nobody but a worker that is no more asks an engine to stop.
            error if error.is_retryable() || matches!(error, EngineError::Cancelled) => Remedy::Retry,
            _ => Remedy::None,
        };
        let message = match &error {
            EngineError::UnsupportedVoice => "the engine does not know this voice any more",
            EngineError::UnsupportedLanguage(_) => "the engine does not speak the voice's language",
            EngineError::TextTooLong { .. } => "the text is longer than the engine takes",
            EngineError::NothingToSpeak => "there is nothing in the text to speak",
            EngineError::Cancelled => "the engine stopped",
            EngineError::Unavailable { .. } => "the engine is not available at present",
            EngineError::TimedOut(_) => "the engine did not answer in time",
            EngineError::Failed { .. } | EngineError::BadAnswer(_) | EngineError::Panicked => {
                "the engine failed"
            }
        };
        Self {
            code: error.code(),
            message: message.to_owned(),
            remedy,
            cause: Some(error.into()),
        }
    }

    pub(super) fn no_engine() -> Self {
        Self {
            code: "ENGINE_UNAVAILABLE",
            message: "the engine of this voice is not available".to_owned(),
            // Another node may have it, or this one after it was set up.
            remedy: Remedy::Retry,
            cause: None,
        }
    }

    pub(super) fn of_encoding(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            code: "ENCODING_FAILED",
            message: "the speech could not be encoded".to_owned(),
            remedy: Remedy::None,
            cause: Some(error.into()),
        }
    }

    pub(super) fn of_store(error: BlobError) -> Self {
        Self {
            code: "STORE_UNAVAILABLE",
            message: "the audio could not be stored".to_owned(),
            remedy: Remedy::Wait(None),
            cause: Some(error.into()),
        }
    }

    /// A flush of the object store's disk failed, so that nobody knows whether the audio is on it.
    pub(super) fn unsettled() -> Self {
        Self {
            code: "STORE_UNAVAILABLE",
            message: "the audio could not be stored".to_owned(),
            remedy: Remedy::Wait(None),
            cause: None,
        }
    }

    pub(super) fn of_upload(error: PutStreamError<Self>) -> Self {
        match error {
            PutStreamError::Source(failure) => failure,
            PutStreamError::Store(error) => Self::of_store(error),
        }
    }

    pub(super) fn of_encoder(error: EncodeError) -> Self {
        match error {
            EncodeError::Empty => Self::of_engine(EngineError::NothingToSpeak),
            error @ EncodeError::Failed { .. } => Self::of_encoding(error),
        }
    }

    pub(super) fn of_service(error: ServiceError) -> Self {
        Self {
            code: "INTERNAL",
            message: "something went wrong on our side".to_owned(),
            remedy: Remedy::Retry,
            cause: Some(error.into()),
        }
    }

    /// The work was taken up again and again, and never came to an end.
    pub(super) fn interrupted() -> Self {
        Self {
            code: "INTERRUPTED",
            message: "the work was interrupted too often".to_owned(),
            remedy: Remedy::None,
            cause: None,
        }
    }

    /// What happened, with its causes.
    pub(super) fn reason(&self) -> String {
        let mut reason = self.code.to_owned();
        let mut cause = self.cause.as_deref().map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        reason
    }

    pub(super) fn log(&self, generation: InOrg<GenerationId>, attempt: u32) {
        tracing::warn!(?generation, attempt, reason = self.reason(), "speaking failed");
    }
}
