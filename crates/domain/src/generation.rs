//! Texts spoken by voices.

use chrono::{DateTime, Utc};

use crate::{
    ApiKeyId, AudioFormat, ErrorCode, FieldError, FieldErrors, GenerationId, OrganizationId, UserId,
    VoiceAddress, VoiceId, VoiceScope, text::text_type,
};

/// The longest text that an instance can be set up for, in characters (Unicode scalar values).
pub const MAX_GENERATION_TEXT: usize = 100_000;

/// How many generations are deleted or downloaded at once at most.
pub const MAX_GENERATIONS_AT_ONCE: usize = 100;

text_type! {
    /// A text to speak: 1 to 100,000 characters after trimming. Instances allow less by default.
    GenerationText, bounded_text, 1..=MAX_GENERATION_TEXT
}

text_type! {
    /// How to speak, in words, such as "whisper": 1 to 4,096 characters after trimming.
    SpeechInstructions, bounded_text, 1..=4096
}

impl GenerationText {
    /// How many characters (Unicode scalar values) it has; this is what is metered.
    #[must_use]
    pub fn characters(&self) -> u64 {
        self.as_str().chars().count() as u64
    }
}

/// The name of one speech setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingKind {
    /// [`SpeechSettings::temperature`].
    Temperature,
    /// [`SpeechSettings::top_p`].
    TopP,
    /// [`SpeechSettings::top_k`].
    TopK,
    /// [`SpeechSettings::repetition_penalty`].
    RepetitionPenalty,
    /// [`SpeechSettings::speed`].
    Speed,
}

impl SettingKind {
    /// The name that speech servers know the setting by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::RepetitionPenalty => "repetition_penalty",
            Self::Speed => "speed",
        }
    }
}

/// How a text is to be spoken. Engines say which of these they honour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeechSettings {
    /// Randomness of the delivery, 0 to 2.
    pub temperature: f64,
    /// Nucleus sampling: the probability mass considered, 0 to 1.
    pub top_p: f64,
    /// Candidates considered, 1 to 10,000.
    pub top_k: u32,
    /// Discouragement of repetition, 1 to 2.
    pub repetition_penalty: f64,
    /// Tempo, 0.25 to 4; 1 is the voice's own.
    pub speed: f64,
}

impl Default for SpeechSettings {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_p: 0.95,
            top_k: 1000,
            repetition_penalty: 1.2,
            speed: 1.0,
        }
    }
}

impl SpeechSettings {
    /// Checks every range and puts negative zero right.
    ///
    /// # Errors
    /// One `INVALID` per setting out of range, each naming its field (`temperature`, `topP`, `topK`,
    /// `repetitionPenalty`, `speed`).
    pub fn checked(self) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let mut within = |field: &str, value: f64, min: f64, max: f64| {
            if !(min..=max).contains(&value) {
                errors.push(
                    FieldError::new(ErrorCode::Invalid, format_args!("must be from {min} to {max}"))
                        .at(field),
                );
            }
            // Adding zero turns -0.0 into 0.0, so that equal settings have equal bits.
            value + 0.0
        };
        let checked = Self {
            temperature: within("temperature", self.temperature, 0.0, 2.0),
            top_p: within("topP", self.top_p, 0.0, 1.0),
            repetition_penalty: within("repetitionPenalty", self.repetition_penalty, 1.0, 2.0),
            speed: within("speed", self.speed, 0.25, 4.0),
            top_k: self.top_k,
        };
        within("topK", f64::from(self.top_k), 1.0, 10_000.0);
        errors.finish().map(|()| checked)
    }
}

/// How the sound is finished that an engine made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mastering {
    /// The sample rate of the file in hertz; `None` for the engine's own, or the nearest that the format knows.
    pub sample_rate: Option<u32>,
    /// The integrated loudness in LUFS (EBU R 128), within [`LOUDNESS`]; `None` leaves it as the engine made it.
    pub loudness: Option<f64>,
}

/// The loudnesses that can be asked for, in LUFS: from quieter than broadcasting to louder than streaming services.
pub const LOUDNESS: std::ops::RangeInclusive<f64> = -40.0..=-10.0;

/// Everything that the audio depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// The text.
    pub text: &'a GenerationText,
    /// The voice.
    pub voice: &'a VoiceAddress,
    /// The engine that speaks it.
    pub engine: &'a str,
    /// What the engine knows the voice by.
    pub engine_voice: &'a serde_json::Value,
    /// How to speak.
    pub settings: &'a SpeechSettings,
    /// How to speak, in words.
    pub instructions: Option<&'a SpeechInstructions>,
    /// The format of the file.
    pub format: AudioFormat,
    /// How the sound is finished.
    pub mastering: Mastering,
}

/// What makes two generations the same speech: everything that the audio depends on, in a canonical form.
///
/// Hash it before storing it; two generations of one organization with the same value sound the same, so the
/// second one need not be made.
#[must_use]
pub fn reuse_key(reading: &Reading<'_>) -> Vec<u8> {
    let Reading {
        text,
        voice,
        engine,
        engine_voice,
        settings:
            SpeechSettings {
                temperature,
                top_p,
                top_k,
                repetition_penalty,
                speed,
            },
        instructions,
        format,
        mastering: Mastering {
            sample_rate,
            loudness,
        },
    } = reading;
    let mut key = Vec::with_capacity(text.as_str().len() + 256);
    let mut add = |part: &[u8]| {
        // Length before content: no two different lists of parts give the same bytes.
        key.extend_from_slice(&(part.len() as u64).to_be_bytes());
        key.extend_from_slice(part);
    };
    for part in [
        voice.global_id().as_bytes(),
        engine.as_bytes(),
        engine_voice.to_string().as_bytes(),
        format.extension().as_bytes(),
        &temperature.to_bits().to_be_bytes(),
        &top_p.to_bits().to_be_bytes(),
        &top_k.to_be_bytes(),
        &repetition_penalty.to_bits().to_be_bytes(),
        &speed.to_bits().to_be_bytes(),
        text.as_str().as_bytes(),
    ] {
        add(part);
    }
    // What is not asked for leaves no trace, so that it may be added here without forgetting what was spoken before.
    if let Some(instructions) = instructions {
        add(b"instructions");
        add(instructions.as_str().as_bytes());
    }
    if let Some(rate) = sample_rate {
        add(b"sample rate");
        add(&rate.to_be_bytes());
    }
    if let Some(loudness) = loudness {
        add(b"loudness");
        add(&loudness.to_bits().to_be_bytes());
    }
    key
}

/// Where a generation stands. `Succeeded`, `Failed` and `Cancelled` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GenerationState {
    /// Waiting for its turn.
    Queued,
    /// Being spoken.
    Running,
    /// The audio is there.
    Succeeded,
    /// It could not be spoken; nothing was charged.
    Failed,
    /// Somebody stopped it; nothing was charged.
    Cancelled,
}

impl GenerationState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a generation may go from this state to `next`.
    ///
    /// `Running → Queued` is the way back of work whose node died or shut down.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Queued, Self::Running | Self::Cancelled | Self::Failed)
                | (
                    Self::Running,
                    Self::Queued | Self::Succeeded | Self::Failed | Self::Cancelled
                )
        )
    }
}

/// Why a generation failed, for its reader; the cause stands in the server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationFailure {
    /// A stable code, such as `ENGINE_FAILED`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// The voice that spoke, as it was then: a deleted voice keeps its name in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceOfGeneration {
    /// The voice's id; whether it still exists is another question.
    pub id: VoiceId,
    /// Whose it was.
    pub scope: VoiceScope,
    /// Its name at the time.
    pub name: String,
}

/// A text spoken by a voice: the job, its audio, and its entry in the organization's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Its identity.
    pub id: GenerationId,
    /// Whose it is, for ever.
    pub organization: OrganizationId,
    /// Who asked for it; `None` once that account is gone, or if it was a key.
    pub created_by: Option<UserId>,
    /// The API key by which it was asked for; `None` if a member did.
    pub created_by_key: Option<ApiKeyId>,
    /// The voice, as it was.
    pub voice: VoiceOfGeneration,
    /// The text.
    pub text: String,
    /// How many characters it has.
    pub characters: u64,
    /// How it was to be spoken.
    pub settings: SpeechSettings,
    /// How it was to be spoken, in words.
    pub instructions: Option<String>,
    /// The format of the audio.
    pub format: AudioFormat,
    /// How the sound was to be finished.
    pub mastering: Mastering,
    /// The engine that speaks it.
    pub engine: String,
    /// Where it stands.
    pub state: GenerationState,
    /// The fraction done, 0 to 1.
    pub progress: f64,
    /// Why it failed, if it did.
    pub failure: Option<GenerationFailure>,
    /// The object-store key of the audio; set exactly when it succeeded.
    pub audio_key: Option<String>,
    /// The size of the audio in bytes.
    pub audio_bytes: Option<u64>,
    /// The length of the audio in milliseconds.
    pub duration_ms: Option<u64>,
    /// The sample rate of the audio in hertz.
    pub sample_rate: Option<u32>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When an engine last began with it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached a final state.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Generation {
    /// Where its voice lives, or lived.
    #[must_use]
    pub fn voice_address(&self) -> VoiceAddress {
        match self.voice.scope {
            VoiceScope::System => VoiceAddress::System(self.voice.id),
            VoiceScope::Custom => VoiceAddress::Custom(crate::InOrg::new(self.organization, self.voice.id)),
        }
    }
}

/// Which generations are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerationFilter {
    /// Only texts that have the words of this text, the last of which may be unfinished; see [`crate::SearchQuery`]. One
    /// without words narrows nothing.
    pub search: Option<String>,
    /// Only this voice.
    pub voice: Option<VoiceId>,
    /// Only this author.
    pub author: Option<UserId>,
    /// Only these states; empty means all.
    pub states: Vec<GenerationState>,
    /// Only what this engine speaks.
    pub engine: Option<String>,
    /// Only audio of this format.
    pub format: Option<AudioFormat>,
    /// Only those made at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only those made before this time.
    pub until: Option<DateTime<Utc>>,
}

/// By what a list of generations is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GenerationOrder {
    /// Those made last come first.
    #[default]
    Newest,
    /// Those made first come first.
    Oldest,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::Id;

    #[test]
    fn settings_out_of_range_are_all_named_at_once() {
        let settings = SpeechSettings {
            temperature: 2.1,
            top_p: -0.1,
            top_k: 0,
            repetition_penalty: f64::NAN,
            speed: 4.01,
        };
        let mut fields: Vec<_> = settings
            .checked()
            .unwrap_err()
            .into_iter()
            .filter_map(|e| e.field)
            .collect();
        fields.sort();
        assert_eq!(
            fields,
            ["repetitionPenalty", "speed", "temperature", "topK", "topP"]
        );
        assert!(SpeechSettings::default().checked().is_ok());
    }

    #[test]
    fn characters_are_scalar_values() {
        assert_eq!(GenerationText::parse("  añ🎙 ").unwrap().characters(), 3);
        assert!(GenerationText::parse(&"x".repeat(100_001)).is_err());
        assert!(GenerationText::parse(&"🎙".repeat(100_000)).is_ok());
    }

    #[test]
    fn final_states_lead_nowhere() {
        for from in GenerationState::ALL {
            for to in GenerationState::ALL {
                assert!(!(from.is_final() && from.may_become(to)), "{from:?} to {to:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_reuse_key_changes_with_everything_that_the_audio_depends_on(
            text in "\\PC{1,20}", other in "\\PC{1,20}", speed in 0.25_f64..4.0, voice: u128,
        ) {
            let parse = |t: &str| GenerationText::parse(t).ok();
            let (Some(text), Some(other)) = (parse(&text), parse(&other)) else { return Ok(()) };
            let voice = VoiceAddress::System(Id::from_uuid(Uuid::from_u128(voice)));
            let settings = SpeechSettings { speed, ..SpeechSettings::default() };
            let engine_voice = json!({});
            let reading = Reading {
                text: &text,
                voice: &voice,
                engine: "builtin",
                engine_voice: &engine_voice,
                settings: &settings,
                instructions: None,
                format: AudioFormat::Wav,
                mastering: Mastering::default(),
            };
            let base = reuse_key(&reading);
            prop_assert_eq!(&base, &reuse_key(&reading.clone()));
            prop_assert_eq!(text == other, base == reuse_key(&Reading { text: &other, ..reading }));
            let slower = SpeechSettings { speed: speed / 2.0, ..settings };
            let whispered = SpeechInstructions::parse("whisper").ok();
            let resampled = Mastering { sample_rate: Some(16_000), loudness: None };
            let louder = Mastering { sample_rate: None, loudness: Some(-14.0) };
            for other in [
                Reading { format: AudioFormat::Mp3, ..reading },
                Reading { settings: &slower, ..reading },
                Reading { instructions: whispered.as_ref(), ..reading },
                Reading { mastering: resampled, ..reading },
                Reading { mastering: louder, ..reading },
            ] {
                prop_assert_ne!(&base, &reuse_key(&other));
            }
        }
    }
}
