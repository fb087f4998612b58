//! What an operator says about an engine.

use resonance_domain::LanguageTag;
use resonance_speech::audio::SampleShape;
use secrecy::SecretString;
use serde::Deserialize;

/// Which of the two ways of asking a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `POST /v1/audio/speech`, as OpenAI has it.
    OpenAi,
    /// `POST /generate` of the cloning worker, which reads recordings from the bucket; or a Chatterbox server that
    /// takes them with the text.
    Chatterbox,
}

/// How a server that clones voices gets their recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Samples {
    /// By their keys in the bucket, which it reads itself.
    Key,
    /// With every text, as a file: `POST /v1/audio/speech/upload`. Nothing is kept there.
    Upload,
}

/// One engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// The name by which voices refer to it; never changes.
    pub name: String,
    /// How it is asked.
    pub kind: Kind,
    /// Where it is, without the path of the request: `http://kokoro:8880`.
    pub url: String,
    /// What it asks for, if anything.
    pub key: Option<SecretString>,
    /// The model that an `openai` engine is asked for.
    #[serde(default = "model")]
    pub model: String,
    /// Its voices. Without any, an `openai` engine is asked for them.
    #[serde(default)]
    pub voices: Vec<VoiceConfig>,
    /// The language of voices that say none.
    #[serde(default = "language")]
    pub language: String,
    /// Whether an `openai` engine follows instructions in words.
    #[serde(default)]
    pub instructions: bool,
    /// What stands before an object's key where the cloning worker looks for it, such as the bucket's prefix.
    #[serde(default)]
    pub voice_key_prefix: String,
    /// How it gets recordings. If nothing is said, a `chatterbox` engine by their keys, and an `openai` engine makes no
    /// voices from recordings.
    pub samples: Option<Samples>,
    /// The sample rate of the recordings that it gets, in hertz.
    #[serde(default = "sample_rate")]
    pub sample_rate: u32,
    /// The seconds of a recording that it gets at most.
    #[serde(default = "sample_seconds")]
    pub sample_seconds: f64,
    /// The longest text of a request, in Unicode scalar values.
    #[serde(default = "max_characters")]
    pub max_characters: usize,
    /// Requests at a time.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Seconds that a request waits for its turn.
    #[serde(default = "turn_seconds")]
    pub turn_seconds: f64,
    /// Seconds to connect.
    #[serde(default = "connect_seconds")]
    pub connect_seconds: f64,
    /// Seconds until the answer begins.
    #[serde(default = "first_byte_seconds")]
    pub first_byte_seconds: f64,
    /// Seconds until the answer is there.
    #[serde(default = "total_seconds")]
    pub total_seconds: f64,
    /// Further tries of one request.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Failures in a row after which the engine is left alone.
    #[serde(default = "breaker_failures")]
    pub breaker_failures: u32,
    /// Seconds for which it is left alone.
    #[serde(default = "breaker_seconds")]
    pub breaker_seconds: f64,
    /// The largest answer, in bytes.
    #[serde(default = "max_bytes")]
    pub max_bytes: usize,
}

/// A voice of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceConfig {
    /// The server's name for it; for a worker that reads the bucket, the key of a recording there.
    pub id: String,
    /// Its name for people, if it is not the id.
    pub name: Option<String>,
    /// What it speaks, if not the engine's language.
    pub language: Option<String>,
    /// What shows it, in its language.
    pub preview_text: Option<String>,
}

impl EngineConfig {
    /// How the server gets recordings; `None` if it clones no voices.
    pub(crate) fn samples(&self) -> Option<Samples> {
        let usual = (self.kind == Kind::Chatterbox).then_some(Samples::Key);
        self.samples.or(usual)
    }

    pub(crate) fn language_of(&self, voice: &VoiceConfig) -> Option<LanguageTag> {
        LanguageTag::parse(voice.language.as_deref().unwrap_or(&self.language)).ok()
    }
}

fn model() -> String {
    "tts-1".to_owned()
}
fn language() -> String {
    "en-US".to_owned()
}
const fn sample_rate() -> u32 {
    SampleShape::USUAL.rate.get()
}
const fn sample_seconds() -> f64 {
    SampleShape::USUAL.longest.as_secs_f64()
}
const fn max_characters() -> usize {
    4096
}
const fn concurrency() -> usize {
    4
}
const fn turn_seconds() -> f64 {
    30.0
}
const fn connect_seconds() -> f64 {
    3.0
}
const fn first_byte_seconds() -> f64 {
    120.0
}
const fn total_seconds() -> f64 {
    300.0
}
const fn retries() -> u32 {
    2
}
const fn breaker_failures() -> u32 {
    5
}
const fn breaker_seconds() -> f64 {
    15.0
}
const fn max_bytes() -> usize {
    64 << 20
}
