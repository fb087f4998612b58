//! What a speech engine is.

mod capabilities;
mod error;
mod progress;
mod registry;
mod voice;

use std::fmt::Debug;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use resonance_domain::{LanguageTag, SpeechSettings};

pub use self::{
    capabilities::Capabilities,
    error::EngineError,
    progress::{Cancellation, Progress},
    registry::Engines,
    voice::{CatalogueVoice, DerivedVoice, EngineVoice, VoiceSample},
};
use crate::audio::Pcm;

/// Something that speaks.
///
/// Engines are shared by all tenants and keep nothing of what they are given.
pub trait SpeechEngine: Debug + Send + Sync {
    /// The name by which voices refer to it, such as `builtin`; never changes.
    fn id(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// The voices that it comes with. Keys are stable from release to release; everything else may improve.
    ///
    /// # Errors
    /// If the engine has to ask a server for them and gets no answer of use.
    fn catalogue(&self) -> BoxFuture<'_, Result<Vec<CatalogueVoice>, EngineError>>;

    /// Speaks a text. Text is text: no markup in it is obeyed.
    ///
    /// The future may be polled on any runtime thread without blocking it, and dropping it stops the work soon.
    ///
    /// # Errors
    /// See [`EngineError`].
    fn synthesize(
        &self,
        request: SynthesisRequest,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Pcm, EngineError>>;

    /// How it is at this moment. Asks nobody, and answers at once.
    fn status(&self) -> EngineStatus {
        EngineStatus::default()
    }

    /// The object-store key of the recording that is to go along with every text for a voice, as
    /// [`SynthesisRequest::sample`]. `None` for voices that need none, and engines that fetch it themselves.
    fn sample_of<'a>(&self, voice: &'a EngineVoice) -> Option<&'a str> {
        let _ = voice;
        None
    }

    /// Makes a voice from a recording: a clone if the engine can, or else the nearest that it has, and says which.
    ///
    /// # Errors
    /// [`EngineError::UnsupportedLanguage`], or whatever [`Self::synthesize`] can answer.
    fn derive_voice<'a>(
        &'a self,
        sample: &'a VoiceSample,
        language: &'a LanguageTag,
    ) -> BoxFuture<'a, Result<DerivedVoice, EngineError>>;
}

/// How an engine is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStatus {
    /// Whether it takes work; not while it is left alone because it failed too often.
    pub available: bool,
    /// How many requests it is at work on; 0 if nobody counts.
    pub at_work: usize,
    /// How many it takes at the same time; `None` if it sets no limit.
    pub limit: Option<usize>,
}

impl Default for EngineStatus {
    /// An engine that is never unavailable.
    fn default() -> Self {
        Self {
            available: true,
            at_work: 0,
            limit: None,
        }
    }
}

/// What is to be spoken, by which voice, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthesisRequest {
    /// The text, of any length; engines refuse more than [`Capabilities::max_characters`].
    pub text: String,
    /// A voice of this engine.
    pub voice: EngineVoice,
    /// How to speak; an engine passes over what it does not honour.
    pub settings: SpeechSettings,
    /// How to speak, in words; for engines with [`Capabilities::instructions`], the others pass over it.
    pub instructions: Option<String>,
    /// The recording of the voice, if [`SpeechEngine::sample_of`] asks for it.
    pub sample: Option<Bytes>,
}
