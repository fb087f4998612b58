//! Voices as engines know them.

use resonance_domain::{Fidelity, LanguageTag, VoiceCategory};

use crate::audio::VoiceAnalysis;

/// What an engine needs to know to speak with a voice; opaque to everyone else, who just keeps it.
pub type EngineVoice = serde_json::Value;

/// A voice that an engine comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueVoice {
    /// Its name in the catalogue, by which it is found again after every upgrade.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it sounds like.
    pub description: String,
    /// What it is best for.
    pub category: VoiceCategory,
    /// The language that it speaks.
    pub language: LanguageTag,
    /// The engine's own description.
    pub voice: EngineVoice,
    /// A text in its language that shows it.
    pub preview_text: String,
}

/// A recording to make a voice from.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceSample {
    /// The object-store key of the recording, for engines that listen to it themselves.
    pub key: String,
    /// What was heard in it, for engines that do not.
    pub analysis: VoiceAnalysis,
}

/// A voice made from a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivedVoice {
    /// The engine's own description.
    pub voice: EngineVoice,
    /// How close it comes to the recorded speaker.
    pub fidelity: Fidelity,
}
