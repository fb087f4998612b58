//! What an engine can do.

use resonance_domain::{LanguageTag, SettingKind};

use crate::audio::SampleShape;

/// What an engine can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The settings that make a difference; the others are passed over.
    pub settings: Vec<SettingKind>,
    /// The languages in which it speaks; empty if only it knows.
    pub languages: Vec<LanguageTag>,
    /// How it wants the recordings that it clones voices from; `None` if its derived voices do not sound like the recorded
    /// speaker.
    pub cloning: Option<SampleShape>,
    /// Whether it follows instructions in words, such as "whisper".
    pub instructions: bool,
    /// The longest text, in Unicode scalar values.
    pub max_characters: usize,
}

impl Capabilities {
    /// Whether a setting makes a difference.
    #[must_use]
    pub fn honours(&self, setting: SettingKind) -> bool {
        self.settings.contains(&setting)
    }
}
