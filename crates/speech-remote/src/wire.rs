//! How the two kinds of servers are asked.

use reqwest::{Client, RequestBuilder};
use resonance_speech::engine::{EngineError, EngineVoice, SynthesisRequest};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::config::{EngineConfig, Kind, VoiceConfig};

/// What is kept of a voice.
const VOICE: &str = "voice";

/// The description of a voice, by the server's name for it.
pub(crate) fn voice(id: &str) -> EngineVoice {
    json!({ VOICE: id })
}

pub(crate) fn speech(
    client: &Client,
    config: &EngineConfig,
    request: &SynthesisRequest,
) -> Result<RequestBuilder, EngineError> {
    let voice = request
        .voice
        .get(VOICE)
        .and_then(Value::as_str)
        .ok_or(EngineError::UnsupportedVoice)?;
    let settings = &request.settings;
    let base = config.url.trim_end_matches('/');
    let (path, body) = match config.kind {
        Kind::OpenAi => {
            let mut body = json!({
                "model": config.model, "voice": voice, "input": request.text,
                "response_format": "wav", "speed": settings.speed,
            });
            if let (true, Some(words), Some(body)) =
                (config.instructions, &request.instructions, body.as_object_mut())
            {
                body.insert("instructions".to_owned(), words.as_str().into());
            }
            ("/v1/audio/speech", body)
        }
        Kind::Chatterbox => {
            let body = json!({
                "prompt": request.text, "voice_key": voice,
                "temperature": settings.temperature, "top_p": settings.top_p, "top_k": settings.top_k,
                "repetition_penalty": settings.repetition_penalty, "norm_loudness": true,
            });
            ("/generate", body)
        }
    };
    Ok(with_key(client.post(format!("{base}{path}")).json(&body), config))
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
