//! From an order to a finished recording, and what can go wrong on the way.

use resonance_blobs::BlobError;
use resonance_domain::{AudioFormat, GenerationId, InOrg};
use resonance_persistence::SpeechOrder;
use resonance_speech::{
    audio::{self, EncodeError, Encoded, Pcm},
    engine::{EngineError, Progress, SynthesisRequest},
};
use tokio::sync::watch;

use super::Take;
use crate::ServiceError;

/// How many stretches of time the stored waveform has.
const PEAKS: usize = 256;

/// Speech, ready to be stored.
pub(super) struct Recording {
    pub(super) encoded: Encoded,
    pub(super) sample_rate: u32,
    pub(super) peaks: Vec<u8>,
}

/// Why there is no recording.
#[derive(Debug)]
pub(super) struct Failure {
    /// A stable code, for the reader.
    pub(super) code: &'static str,
    /// A sentence, for the reader: nothing of the inside.
    pub(super) message: String,
    /// Whether another try may succeed.
    pub(super) retryable: bool,
    /// What happened, for the log.
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Take<'_> {
    /// Speaks, encodes and measures.
    pub(super) async fn synthesize(&self, order: SpeechOrder) -> Result<Recording, Failure> {
        let SpeechOrder {
            text,
            engine,
            engine_voice,
            settings,
            format,
        } = order;
        let engine = self.core.engines.get(&engine).ok_or_else(Failure::no_engine)?;
        let request = SynthesisRequest {
            text,
            voice: engine_voice,
            settings,
            instructions: None,
        };
        let (told, fractions) = watch::channel(0.0);
        let progress = Progress::new(move |fraction| {
            told.send_replace(fraction);
        });
        let pcm = tokio::select! {
            spoken = engine.synthesize(request, progress) => spoken.map_err(Failure::of_engine)?,
            _ = self.tell_progress(fractions) => return Err(Failure::interrupted()),
        };
        tokio::task::spawn_blocking(move || record(&pcm, format))
            .await
            .unwrap_or_else(|panic| Err(Failure::of_encoding(panic)))
    }
}

/// Work for the processor.
fn record(pcm: &Pcm, format: AudioFormat) -> Result<Recording, Failure> {
    let encoded = audio::encode(pcm, format).map_err(|error| match error {
        EncodeError::Empty => Failure::of_engine(EngineError::NothingToSpeak),
        error @ EncodeError::Failed { .. } => Failure::of_encoding(error),
    })?;
    Ok(Recording {
        sample_rate: encoded.sample_rate,
        peaks: audio::peaks(pcm, PEAKS),
        encoded,
    })
}

impl Failure {
    fn of_engine(error: EngineError) -> Self {
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
            // Nobody but a worker that is no more asks an engine to stop.
            retryable: error.is_retryable() || matches!(error, EngineError::Cancelled),
            cause: Some(error.into()),
        }
    }

    fn no_engine() -> Self {
        Self {
            code: "ENGINE_UNAVAILABLE",
            message: "the engine of this voice is not available".to_owned(),
            // Another node may have it, or this one after it was set up.
            retryable: true,
            cause: None,
        }
    }

    fn of_encoding(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            code: "ENCODING_FAILED",
            message: "the speech could not be encoded".to_owned(),
            retryable: false,
            cause: Some(error.into()),
        }
    }

    pub(super) fn of_store(error: BlobError) -> Self {
        Self {
            code: "STORE_UNAVAILABLE",
            message: "the audio could not be stored".to_owned(),
            retryable: true,
            cause: Some(error.into()),
        }
    }

    pub(super) fn of_service(error: ServiceError) -> Self {
        Self {
            code: "INTERNAL",
            message: "something went wrong on our side".to_owned(),
            retryable: true,
            cause: Some(error.into()),
        }
    }

    /// The work was taken up again and again, and never came to an end.
    pub(super) fn interrupted() -> Self {
        Self {
            code: "INTERRUPTED",
            message: "the work was interrupted too often".to_owned(),
            retryable: false,
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
