//! What a client asks to be spoken.

use resonance_domain::{AudioFormat, SpeechSettings};
use resonance_services::{CreateGeneration, SettingsInput};
use serde::Deserialize;
use serde_json::json;

use super::problem::Problem;

/// The body, as it comes. Fields of later versions are passed over.
#[derive(Debug, Deserialize)]
struct Body {
    model: Option<String>,
    input: Option<String>,
    voice: Option<Voice>,
    response_format: Option<String>,
    speed: Option<f64>,
    stream_format: Option<String>,
    instructions: Option<String>,
}

impl Body {
    /// Everything that is asked for, the same text for every way to ask for the same: what is not said is said here.
    fn canonical(&self) -> String {
        let voice = self
            .voice
            .as_ref()
            .map(|(Voice::Text(voice) | Voice::Object { id: voice })| voice);
        json!([
            "POST /v1/audio/speech",
            self.model,
            self.input,
            voice,
            self.response_format.as_deref().unwrap_or(FORMAT),
            self.speed.unwrap_or(SpeechSettings::default().speed),
            self.stream_format.as_deref().unwrap_or(SHAPE),
            self.instructions().unwrap_or_default(),
        ])
        .to_string()
    }

    /// Blank ones are none.
    fn instructions(&self) -> Option<&str> {
        self.instructions
            .as_deref()
            .filter(|text| !text.trim().is_empty())
    }
}

/// A voice, by its id or its name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Voice {
    Text(String),
    Object { id: String },
}

/// How the answer is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The bytes of the file.
    Audio,
    /// Server-sent events with the bytes in base64.
    Events,
}

/// A request that is understood.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) create: CreateGeneration,
    pub(super) shape: Shape,
    /// Whether only the samples are wanted, without the head of the file.
    pub(super) bare: bool,
    /// Everything that is asked for, in one form.
    pub(super) canonical: String,
}

/// The format of a file, unless another is asked for.
const FORMAT: &str = "mp3";
/// How the answer is formed, unless it is asked for otherwise.
const SHAPE: &str = "audio";

/// OpenAI's rate for bare samples, in Hz.
const BARE_RATE: i64 = 24_000;

impl Asked {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let body: Body = serde_json::from_slice(bytes).map_err(Problem::body)?;
        let canonical = body.canonical();
        let instructions = body.instructions().map(str::to_owned);
        let missing = |param| {
            Problem::invalid(
                param,
                "missing_required_parameter",
                format_args!("`{param}` is missing"),
            )
        };
        let model = body.model.ok_or_else(|| missing("model"))?;
        let text = body.input.ok_or_else(|| missing("input"))?;
        let voice = match body.voice.ok_or_else(|| missing("voice"))? {
            Voice::Text(voice) | Voice::Object { id: voice } => voice,
        };
        let unsupported = |param, values: &str| {
            Problem::invalid(
                param,
                "unsupported_value",
                format_args!("must be one of {values}"),
            )
        };
        let (format, bare) = match body.response_format.as_deref().unwrap_or(FORMAT) {
            "mp3" => (AudioFormat::Mp3, false),
            "opus" => (AudioFormat::Opus, false),
            "aac" => (AudioFormat::Aac, false),
            "flac" => (AudioFormat::Flac, false),
            "wav" => (AudioFormat::Wav, false),
            "pcm" => (AudioFormat::Wav, true),
            _ => {
                return Err(unsupported(
                    "response_format",
                    "mp3, opus, aac, flac, wav and pcm",
                ));
            }
        };
        let shape = match body.stream_format.as_deref().unwrap_or(SHAPE) {
            "audio" => Shape::Audio,
            "sse" => Shape::Events,
            _ => return Err(unsupported("stream_format", "audio and sse")),
        };
        let settings = SettingsInput {
            speed: body.speed,
            ..SettingsInput::default()
        };
        Ok(Self {
            model,
            create: CreateGeneration {
                text,
                voice,
                settings,
                instructions,
                format,
                sample_rate: bare.then_some(BARE_RATE),
                ..CreateGeneration::default()
            },
            shape,
            bare,
            canonical,
        })
    }
}
