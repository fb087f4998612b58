//! How texts are spoken.

use async_graphql::{Enum, InputObject, SimpleObject};
use resonance_domain as domain;
use resonance_services::SettingsInput;

/// How a text was to be spoken. Which of the settings make a difference depends on the engine.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct SpeechSettings {
    /// Randomness of the delivery, 0 to 2.
    pub temperature: f64,
    /// Nucleus sampling: the probability mass considered, 0 to 1.
    pub top_p: f64,
    /// Candidates considered, 1 to 10,000.
    pub top_k: i32,
    /// Discouragement of repetition, 1 to 2.
    pub repetition_penalty: f64,
    /// Tempo, 0.25 to 4; 1 is the voice's own.
    pub speed: f64,
}

impl From<domain::SpeechSettings> for SpeechSettings {
    fn from(settings: domain::SpeechSettings) -> Self {
        Self {
            temperature: settings.temperature,
            top_p: settings.top_p,
            top_k: i32::try_from(settings.top_k).unwrap_or(i32::MAX),
            repetition_penalty: settings.repetition_penalty,
            speed: settings.speed,
        }
    }
}

/// One of the settings of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::SettingKind")]
pub enum SpeechSetting {
    /// `temperature`.
    Temperature,
    /// `topP`.
    TopP,
    /// `topK`.
    TopK,
    /// `repetitionPenalty`.
    RepetitionPenalty,
    /// `speed`.
    Speed,
}

/// How to speak a text. Which of the settings make a difference depends on the engine.
#[derive(Debug, Clone, Default, InputObject)]
pub struct SpeechSettingsInput {
    /// Randomness of the delivery, 0 to 2. Null or omitted means 0.8.
    pub temperature: Option<f64>,
    /// Nucleus sampling: the probability mass considered, 0 to 1. Null or omitted means 0.95.
    pub top_p: Option<f64>,
    /// Candidates considered, 1 to 10,000. Null or omitted means 1,000.
    pub top_k: Option<i32>,
    /// Discouragement of repetition, 1 to 2. Null or omitted means 1.2.
    pub repetition_penalty: Option<f64>,
    /// Tempo, 0.25 to 4; 1 is the voice's own. Null or omitted means 1.
    pub speed: Option<f64>,
}

impl From<SpeechSettingsInput> for SettingsInput {
    fn from(input: SpeechSettingsInput) -> Self {
        Self {
            temperature: input.temperature,
            top_p: input.top_p,
            top_k: input.top_k.map(i64::from),
            repetition_penalty: input.repetition_penalty,
            speed: input.speed,
        }
    }
}
