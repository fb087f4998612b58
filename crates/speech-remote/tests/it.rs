//! Engines against servers that misbehave on command.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use resonance_domain::{AudioFormat, Fidelity, LanguageTag, SettingKind, SpeechSettings};
use resonance_speech::{
    audio::{Pcm, VoiceAnalysis, encode, measure},
    engine::{
        DerivedVoice, EngineError, EngineVoice, Progress, SpeechEngine as _, SynthesisRequest, VoiceSample,
    },
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
    forms: Arc<Mutex<Vec<Form>>>,
}

/// What came as a form: texts, and the file's name, media type and content.
#[derive(Debug, Clone, PartialEq, Default)]
struct Form {
    texts: BTreeMap<String, String>,
    file: Option<(String, String, Bytes)>,
}

impl Form {
    async fn read(head: &Parts, body: Bytes) -> Self {
        let request = Request::from_parts(head.clone(), Body::from(body));
        let mut form = Self::default();
        let Ok(mut parts) = Multipart::from_request(request, &()).await else {
            return form;
        };
        while let Some(part) = parts.next_field().await.unwrap() {
            let name = part.name().unwrap().to_owned();
            if name == "voice_file" {
                let [file, kind] =
                    [part.file_name(), part.content_type()].map(|text| text.unwrap().to_owned());
                form.file = Some((file, kind, part.bytes().await.unwrap()));
            } else {
                form.texts.insert(name, part.text().await.unwrap());
            }
        }
        form
    }
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
    let body = axum::body::to_bytes(body, 8 << 20).await.unwrap();
    if head.uri.path().ends_with("/upload") {
        let form = Form::read(&head, body.clone()).await;
        server.forms.lock().unwrap().push(form);
    }
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
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(server.clone());
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
    speak_as(engine, json!({ "voice": "af_heart" }), None).await
}

async fn speak_as(
    engine: &RemoteEngine,
    voice: EngineVoice,
    sample: Option<Bytes>,
) -> Result<Pcm, EngineError> {
    let request = SynthesisRequest {
        text: "Good morning!".to_owned(),
        voice,
        settings: SpeechSettings {
            speed: 1.5,
            temperature: 0.0,
            ..SpeechSettings::default()
        },
        instructions: Some("whisper".to_owned()),
        sample,
    };
    engine.synthesize(request, Progress::default()).await
}

/// What an engine makes of a recording.
async fn derive(engine: &RemoteEngine) -> Result<DerivedVoice, EngineError> {
    let tone = Pcm::new(vec![0.1; 22_050], 22_050.try_into().unwrap());
    let sample = VoiceSample {
        key: "voices/1/sample.wav".to_owned(),
        analysis: VoiceAnalysis::of(&tone),
    };
    let language = LanguageTag::parse("en-US").unwrap();
    engine.derive_voice(&sample, &language).await
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
    let derived = derive(&engine).await.unwrap();
    assert_eq!(derived.fidelity, Fidelity::Cloned);
    assert_eq!(
        engine.sample_of(&derived.voice),
        None,
        "it reads the bucket itself"
    );
    let request = SynthesisRequest {
        text: "Hello".to_owned(),
        voice: derived.voice,
        settings: SpeechSettings::default(),
        instructions: None,
        sample: None,
    };
    engine.synthesize(request, Progress::default()).await.unwrap();
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[0].0, "POST /generate sesame");
    let body = json!({ "prompt": "Hello", "voice_key": "prod/voices/1/sample.wav", "temperature": 0.8, "top_p": 0.95,
        "top_k": 1000, "repetition_penalty": 1.2, "norm_loudness": true });
    assert_eq!(asked[0].1, body);
}

/// The longest recording that an engine gets, near enough: two and a half megabytes of noise.
fn long_recording() -> Bytes {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    noise.take(2_500_000).collect()
}

#[tokio::test]
async fn a_server_that_wants_recordings_gets_the_whole_file_with_every_text_and_every_try() {
    let (server, url) = Server::start(&[Mood::Status(503), Mood::Hang]).await;
    let more =
        json!({ "samples": "upload", "first_byte_seconds": 2, "sample_rate": 16_000, "sample_seconds": 30 });
    let engine = engine("chatterbox", &url, more);
    let wanted = engine.capabilities().cloning.unwrap();
    assert_eq!(
        (wanted.rate.get(), wanted.longest),
        (16_000, Duration::from_secs(30))
    );
    assert_eq!(engine.capabilities().settings, [SettingKind::Temperature]);
    let derived = derive(&engine).await.unwrap();
    assert_eq!(derived.fidelity, Fidelity::Cloned);
    assert_eq!(engine.sample_of(&derived.voice), Some("voices/1/sample.wav"));
    let recording = long_recording();
    speak_as(&engine, derived.voice, Some(recording.clone()))
        .await
        .unwrap();

    let asked = server.asked.lock().unwrap();
    assert!(
        asked.len() == 3
            && asked
                .iter()
                .all(|(head, _)| head == "POST /v1/audio/speech/upload sesame")
    );
    let texts = [
        ("input", "Good morning!"),
        ("response_format", "wav"),
        ("temperature", "0.05"),
    ];
    let form = Form {
        texts: texts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        file: Some(("voice.wav".to_owned(), "audio/wav".to_owned(), recording)),
    };
    // No assertion that would print megabytes.
    assert!(server.forms.lock().unwrap().iter().all(|got| *got == form));
}

#[tokio::test]
async fn an_openai_server_clones_if_it_takes_uploads_and_speaks_with_its_own_voices_as_ever() {
    let (server, url) = Server::start(&[]).await;
    let engine = engine("openai", &url, json!({ "samples": "upload" }));
    let derived = derive(&engine).await.unwrap();
    speak_as(&engine, derived.voice, Some(Bytes::from_static(b"RIFF")))
        .await
        .unwrap();
    speak(&engine).await.unwrap();
    let asked: Vec<_> = server
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|(head, _)| head.clone())
        .collect();
    assert_eq!(
        asked,
        [
            "POST /v1/audio/speech/upload Bearer sesame",
            "POST /v1/audio/speech Bearer sesame"
        ]
    );
    let form = server.forms.lock().unwrap()[0].clone();
    assert_eq!(form.texts["model"], "tts-1");
    assert_eq!(
        (&*form.texts["speed"], form.texts.get("instructions")),
        ("1.5", None)
    );
}

#[tokio::test]
async fn voices_that_were_made_before_recordings_were_handed_over_otherwise_are_still_spoken() {
    let (server, url) = Server::start(&[]).await;
    let library = json!([{ "id": "sarah" }]);
    let bucket = engine("chatterbox", &url, json!({ "voice_key_prefix": "prod/" }));
    let upload = json!({ "voice_key_prefix": "prod/", "samples": "upload", "voices": library });
    let uploading = engine("chatterbox", &url, upload);
    let [by_key, by_upload] =
        [derive(&bucket).await, derive(&uploading).await].map(|made| made.unwrap().voice);
    assert_eq!(uploading.sample_of(&by_key), Some("voices/1/sample.wav"));
    speak_as(&bucket, by_upload, None).await.unwrap();
    assert_eq!(
        server.asked.lock().unwrap()[0].1["voice_key"],
        "prod/voices/1/sample.wav"
    );

    // The server's own voices need no recording.
    let sarah = json!({ "voice": "sarah" });
    assert_eq!(uploading.sample_of(&sarah), None);
    speak_as(&uploading, sarah, None).await.unwrap();
    let form = server.forms.lock().unwrap()[0].clone();
    assert_eq!((&*form.texts["voice"], form.file), ("sarah", None));
    // Without its recording a voice would be another one.
    let lost = speak_as(&uploading, by_key, None).await;
    assert!(matches!(lost, Err(EngineError::UnsupportedVoice)), "{lost:?}");
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn what_a_server_wants_of_recordings_is_checked_before_it_is_asked() {
    let refused = |kind: &str, more: Value| {
        let mut config = json!({ "name": "far", "kind": kind, "url": "http://far" });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let made = RemoteEngine::new(serde_json::from_value(config).unwrap(), Arc::new(|| 0.0));
        made.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refused("openai", json!({ "samples": "key" })).contains("samples"));
    assert!(refused("chatterbox", json!({ "sample_rate": 4_000 })).contains("sample_rate"));
    for seconds in [json!(9.9), json!(601), json!(-1)] {
        assert!(refused("chatterbox", json!({ "sample_seconds": seconds })).contains("sample_seconds"));
    }
    let (_, url) = Server::start(&[]).await;
    let none = engine("openai", &url, json!({}));
    assert_eq!(none.capabilities().cloning, None);
    assert!(matches!(derive(&none).await, Err(EngineError::UnsupportedVoice)));
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
        for samples in [json!({}), json!({ "samples": "upload" })] {
            let (server, url) = Server::start(moods).await;
            let mut more = samples.clone();
            more["first_byte_seconds"] = json!(0.3);
            let engine = engine("openai", &url, more);
            let spoken = match derive(&engine).await {
                Ok(derived) => speak_as(&engine, derived.voice, Some(Bytes::from_static(b"RIFF"))).await,
                Err(_) => speak(&engine).await,
            };
            assert!(is(&spoken), "{moods:?}: {spoken:?}");
            assert_eq!(server.calls(), *calls, "{moods:?}");
        }
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
