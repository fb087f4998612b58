//! Engines against servers that misbehave on command.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use resonance_domain::{AudioFormat, Fidelity, LanguageTag, SpeechSettings};
use resonance_speech::{
    audio::{Pcm, VoiceAnalysis, encode, measure},
    engine::{EngineError, Progress, SpeechEngine as _, SynthesisRequest, VoiceSample},
};
use resonance_speech_remote::RemoteEngine;
use serde_json::{Value, json};

/// What the server does with a request.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Speak,
    HalfAFile,
    Page,
    Empty,
    Hang,
    Status(u16),
    Busy(&'static str),
}

#[derive(Debug, Clone, Default)]
struct Server {
    moods: Arc<Mutex<VecDeque<Mood>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

fn wav() -> Vec<u8> {
    let samples = (0..11_025).map(|n| 0.5 * (n as f32 * 0.1).sin()).collect();
    let pcm = Pcm::new(samples, 22_050.try_into().unwrap());
    encode(&pcm, AudioFormat::Wav).unwrap().bytes.to_vec()
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let key = ["authorization", "x-api-key"]
        .iter()
        .find_map(|name| head.headers.get(*name));
    let key = key.map_or("", |key| key.to_str().unwrap());
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    server.asked.lock().unwrap().push((
        format!("{} {} {key}", head.method, head.uri.path()),
        serde_json::from_slice(&body).unwrap_or_default(),
    ));
    if head.uri.path() == "/v1/audio/voices" {
        return axum::Json(
            json!({ "voices": ["af_heart", { "id": "b", "name": "Bella", "language": "de-DE" }] }),
        )
        .into_response();
    }
    let mood = server.moods.lock().unwrap().pop_front().unwrap_or(Mood::Speak);
    let audio = |bytes: Vec<u8>| ([(header::CONTENT_TYPE, "audio/wav")], Body::from(bytes)).into_response();
    match mood {
        Mood::Speak => audio(wav()),
        Mood::HalfAFile => audio(wav()[..9000].to_vec()),
        Mood::Page => axum::response::Html("<p>Welcome</p>").into_response(),
        Mood::Empty => audio(Vec::new()),
        Mood::Hang => std::future::pending().await,
        Mood::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mood::Busy(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response()
        }
    }
}

impl Server {
    async fn start(moods: &[Mood]) -> (Self, String) {
        let server = Self::default();
        server.moods.lock().unwrap().extend(moods);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, url)
    }

    fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn engine(kind: &str, url: &str, more: Value) -> RemoteEngine {
    let mut config = json!({ "name": "far", "kind": kind, "url": url, "key": "sesame" });
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    RemoteEngine::new(serde_json::from_value(config).unwrap(), Arc::new(|| 0.0)).unwrap()
}

async fn speak(engine: &RemoteEngine) -> Result<Pcm, EngineError> {
    let request = SynthesisRequest {
        text: "Good morning!".to_owned(),
        voice: json!({ "voice": "af_heart" }),
        settings: SpeechSettings {
            speed: 1.5,
            ..SpeechSettings::default()
        },
        instructions: Some("whisper".to_owned()),
    };
    engine.synthesize(request, Progress::default()).await
}

#[tokio::test]
async fn a_server_of_speech_is_asked_as_openai_is_and_for_its_voices() {
    let (server, url) = Server::start(&[]).await;
    let engine = engine("openai", &url, json!({ "model": "kokoro", "instructions": true }));
    let voices = engine.catalogue().await.unwrap();
    let voices: Vec<_> = voices
        .iter()
        .map(|voice| (&*voice.key, &*voice.name, voice.language.as_str()))
        .collect();
    assert_eq!(
        voices,
        [("af_heart", "af_heart", "en-US"), ("b", "Bella", "de-DE")]
    );
    let spoken = speak(&engine).await.unwrap();
    assert!(spoken.duration() == Duration::from_millis(500) && measure(&spoken).loudness_lufs.is_some());
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[0].0, "GET /v1/audio/voices Bearer sesame");
    assert_eq!(asked[1].0, "POST /v1/audio/speech Bearer sesame");
    let body = json!({ "model": "kokoro", "voice": "af_heart", "input": "Good morning!", "response_format": "wav",
        "speed": 1.5, "instructions": "whisper" });
    assert_eq!(asked[1].1, body);
}

#[tokio::test]
async fn the_cloning_worker_is_given_the_key_of_the_recording() {
    let (server, url) = Server::start(&[]).await;
    let engine = engine("chatterbox", &url, json!({ "voice_key_prefix": "prod/" }));
    let silence = Pcm::new(vec![0.1; 22_050], 22_050.try_into().unwrap());
    let sample = VoiceSample {
        key: "voices/1/sample.wav".to_owned(),
        analysis: VoiceAnalysis::of(&silence),
    };
    let derived = engine
        .derive_voice(&sample, &LanguageTag::parse("en-US").unwrap())
        .await
        .unwrap();
    assert_eq!(derived.fidelity, Fidelity::Cloned);
    let request = SynthesisRequest {
        text: "Hello".to_owned(),
        voice: derived.voice,
        settings: SpeechSettings::default(),
        instructions: None,
    };
    engine.synthesize(request, Progress::default()).await.unwrap();
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[0].0, "POST /generate sesame");
    let body = json!({ "prompt": "Hello", "voice_key": "prod/voices/1/sample.wav", "temperature": 0.8, "top_p": 0.95,
        "top_k": 1000, "repetition_penalty": 1.2, "norm_loudness": true });
    assert_eq!(asked[0].1, body);
}

#[tokio::test]
async fn every_misbehaviour_has_its_error_and_its_number_of_calls() {
    type Is = fn(&Result<Pcm, EngineError>) -> bool;
    let bad: Is = |spoken| matches!(spoken, Err(EngineError::BadAnswer(_)));
    let down: Is = |spoken| matches!(spoken, Err(EngineError::Unavailable { .. }));
    let cases: &[(&[Mood], usize, Is)] = &[
        (&[Mood::HalfAFile], 1, bad),
        (&[Mood::Page], 1, bad),
        (&[Mood::Empty], 1, bad),
        (&[Mood::Hang; 3], 3, |spoken| {
            matches!(spoken, Err(EngineError::TimedOut(_)))
        }),
        (&[Mood::Hang], 2, Result::is_ok),
        (&[Mood::Status(503), Mood::Status(502)], 3, Result::is_ok),
        (&[Mood::Status(503); 3], 3, down),
        (&[Mood::Status(400)], 1, |spoken| {
            spoken.as_ref().is_err_and(|error| !error.is_retryable())
        }),
        (&[Mood::Busy("0")], 2, Result::is_ok),
        (&[Mood::Busy("60")], 1, |spoken| {
            let minute = Duration::from_secs(60);
            matches!(spoken, Err(EngineError::Unavailable { retry_after: Some(wait), .. }) if *wait == minute)
        }),
    ];
    for (moods, calls, is) in cases {
        let (server, url) = Server::start(moods).await;
        let spoken = speak(&engine("openai", &url, json!({ "first_byte_seconds": 0.3 }))).await;
        assert!(is(&spoken), "{moods:?}: {spoken:?}");
        assert_eq!(server.calls(), *calls, "{moods:?}");
    }
    let nobody = speak(&engine("openai", "http://127.0.0.1:1", json!({}))).await;
    assert!(down(&nobody), "{nobody:?}");
}

#[tokio::test]
async fn an_engine_that_fails_again_and_again_is_left_alone_and_then_tried_once() {
    let (server, url) = Server::start(&[Mood::Status(503); 3]).await;
    let limits = json!({ "retries": 0, "breaker_failures": 2, "breaker_seconds": 0.2 });
    let engine = engine("openai", &url, limits);
    for calls in [1, 2, 2] {
        assert!(speak(&engine).await.unwrap_err().is_retryable());
        assert_eq!(server.calls(), calls);
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    for calls in [3, 3] {
        speak(&engine).await.unwrap_err();
        assert_eq!(server.calls(), calls, "one failed trial opens it again");
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    for _ in 0..2 {
        speak(&engine).await.unwrap();
    }
}
