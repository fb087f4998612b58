//! How the two kinds of servers are asked.

use bytes::Bytes;
use reqwest::{
    Body, Client, RequestBuilder,
    multipart::{Form, Part},
};
use resonance_speech::engine::{EngineError, EngineVoice, SynthesisRequest};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::config::{EngineConfig, Kind, Samples, VoiceConfig};

/// What is kept of a voice: the server's name for it, or the key of the recording that the server gets.
const VOICE: &str = "voice";
const SAMPLE: &str = "sample";

/// The lowest temperature that Chatterbox servers take.
const COLDEST: f64 = 0.05;

/// The description of a voice, by the server's name for it.
pub(crate) fn voice(id: &str) -> EngineVoice {
    json!({ VOICE: id })
}

/// The description of a voice that the server clones from the recording under a key; `None` if it does not clone.
pub(crate) fn cloned(config: &EngineConfig, key: &str) -> Option<EngineVoice> {
    Some(match config.samples()? {
        Samples::Key => voice(&format!("{}{key}", config.voice_key_prefix)),
        Samples::Upload => json!({ SAMPLE: key }),
    })
}

/// The key of the recording that is uploaded with every text for a voice.
pub(crate) fn sample_of<'a>(config: &EngineConfig, voice: &'a EngineVoice) -> Option<&'a str> {
    if config.samples() != Some(Samples::Upload) {
        return None;
    }
    if let Some(key) = text_in(voice, SAMPLE) {
        return Some(key);
    }
    // Voices that were made while the server read the bucket are named by their keys.
    let name = text_in(voice, VOICE)?;
    let known = config.kind == Kind::OpenAi || config.voices.iter().any(|voice| voice.id == name);
    (!known).then(|| name.strip_prefix(&*config.voice_key_prefix))?
}

fn text_in<'a>(voice: &'a EngineVoice, key: &str) -> Option<&'a str> {
    voice.get(key).and_then(Value::as_str)
}

/// The server's name for the voice.
fn named(request: &SynthesisRequest) -> Result<&str, EngineError> {
    text_in(&request.voice, VOICE).ok_or(EngineError::UnsupportedVoice)
}

/// A text to be spoken, in the words of the server.
pub(crate) struct Speech {
    path: &'static str,
    content: Content,
}

enum Content {
    Json(Value),
    Form(Vec<(&'static str, String)>, Option<Bytes>),
}

impl Speech {
    pub(crate) fn of(config: &EngineConfig, request: &SynthesisRequest) -> Result<Self, EngineError> {
        let recording = match sample_of(config, &request.voice) {
            Some(_) => Some(request.sample.clone().ok_or(EngineError::UnsupportedVoice)?),
            None => None,
        };
        match (config.kind, config.samples()) {
            (Kind::OpenAi, _) if recording.is_none() => Self::openai(config, request),
            (Kind::OpenAi, _) | (Kind::Chatterbox, Some(Samples::Upload)) => {
                Self::form(config, request, recording)
            }
            (Kind::Chatterbox, _) => Self::worker(config, request),
        }
    }

    fn openai(config: &EngineConfig, request: &SynthesisRequest) -> Result<Self, EngineError> {
        let mut body = json!({
            "model": config.model, "voice": named(request)?, "input": request.text,
            "response_format": "wav", "speed": request.settings.speed,
        });
        if let (Some(words), Some(body)) = (instructions(config, request), body.as_object_mut()) {
            body.insert("instructions".to_owned(), words.into());
        }
        Ok(Self {
            path: "/v1/audio/speech",
            content: Content::Json(body),
        })
    }

    fn worker(config: &EngineConfig, request: &SynthesisRequest) -> Result<Self, EngineError> {
        // Voices that were made while recordings were uploaded are described by the key alone.
        let key = match text_in(&request.voice, SAMPLE) {
            Some(key) => format!("{}{key}", config.voice_key_prefix),
            None => named(request)?.to_owned(),
        };
        let settings = &request.settings;
        let body = json!({
            "prompt": request.text, "voice_key": key,
            "temperature": settings.temperature, "top_p": settings.top_p, "top_k": settings.top_k,
            "repetition_penalty": settings.repetition_penalty, "norm_loudness": true,
        });
        Ok(Self {
            path: "/generate",
            content: Content::Json(body),
        })
    }

    /// OpenAI's body as a form, with the recording if there is one and the voice's name if not: what chatterbox-tts-api
    /// understands, and those that do as it does.
    fn form(
        config: &EngineConfig,
        request: &SynthesisRequest,
        recording: Option<Bytes>,
    ) -> Result<Self, EngineError> {
        let mut fields = vec![
            ("input", request.text.clone()),
            ("response_format", "wav".to_owned()),
        ];
        if recording.is_none() {
            fields.push((VOICE, named(request)?.to_owned()));
        }
        match config.kind {
            Kind::OpenAi => {
                fields.push(("model", config.model.clone()));
                fields.push(("speed", request.settings.speed.to_string()));
                fields.extend(instructions(config, request).map(|words| ("instructions", words.to_owned())));
            }
            Kind::Chatterbox => {
                let temperature = request.settings.temperature.max(COLDEST);
                fields.push(("temperature", temperature.to_string()));
            }
        }
        Ok(Self {
            path: "/v1/audio/speech/upload",
            content: Content::Form(fields, recording),
        })
    }

    /// The request, anew for every try.
    pub(crate) fn request(&self, client: &Client, config: &EngineConfig) -> RequestBuilder {
        let base = config.url.trim_end_matches('/');
        let request = client.post(format!("{base}{}", self.path));
        let request = match &self.content {
            Content::Json(body) => request.json(body),
            Content::Form(fields, recording) => {
                let mut form = Form::new();
                for (name, value) in fields {
                    form = form.text(*name, value.clone());
                }
                if let Some(recording) = recording {
                    form = form.part("voice_file", file(recording));
                }
                request.multipart(form)
            }
        };
        with_key(request, config)
    }
}

/// The recording as a file, without a copy of it.
fn file(recording: &Bytes) -> Part {
    let mut head = reqwest::header::HeaderMap::new();
    head.insert(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("audio/wav"),
    );
    let length = recording.len() as u64;
    Part::stream_with_length(Body::from(recording.clone()), length)
        .file_name("voice.wav")
        .headers(head)
}

fn instructions<'a>(config: &EngineConfig, request: &'a SynthesisRequest) -> Option<&'a str> {
    request.instructions.as_deref().filter(|_| config.instructions)
}

pub(crate) fn voices(client: &Client, config: &EngineConfig) -> RequestBuilder {
    let base = config.url.trim_end_matches('/');
    with_key(client.get(format!("{base}/v1/audio/voices")), config)
}

fn with_key(request: RequestBuilder, config: &EngineConfig) -> RequestBuilder {
    match (&config.key, config.kind) {
        (None, _) => request,
        (Some(key), Kind::OpenAi) => request.bearer_auth(key.expose_secret()),
        (Some(key), Kind::Chatterbox) => request.header("x-api-key", key.expose_secret()),
    }
}

/// The voices of an answer: a list, alone or under `voices` or `data`, of names or of objects.
pub(crate) fn read_voices(answer: &[u8]) -> Result<Vec<VoiceConfig>, EngineError> {
    let bad = || EngineError::BadAnswer("it is no list of voices".to_owned());
    let answer: Value = serde_json::from_slice(answer).map_err(|_| bad())?;
    let list = answer
        .get("voices")
        .or_else(|| answer.get("data"))
        .unwrap_or(&answer);
    list.as_array()
        .ok_or_else(bad)?
        .iter()
        .map(|voice| {
            let text = |key: &str| voice.get(key).and_then(Value::as_str).map(str::to_owned);
            let id = voice.as_str().map(str::to_owned);
            let id = id
                .or_else(|| text("id"))
                .or_else(|| text("voice_id"))
                .or_else(|| text("name"));
            Ok(VoiceConfig {
                id: id.ok_or_else(bad)?,
                name: text("name"),
                language: text("language"),
                preview_text: None,
            })
        })
        .collect()
}
