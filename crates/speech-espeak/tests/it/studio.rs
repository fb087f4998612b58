//! An engine to test with.

use std::{path::Path, sync::LazyLock};

use futures_util::FutureExt as _;
use resonance_domain::SpeechSettings;
use resonance_speech::{
    audio::Pcm,
    engine::{CatalogueVoice, EngineError, EngineVoice, Progress, SpeechEngine, SynthesisRequest},
};
use resonance_speech_espeak::EspeakEngine;

/// All tests share one installation, as processes do.
pub(crate) static ENGINE: LazyLock<EspeakEngine> =
    LazyLock::new(|| EspeakEngine::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("speech")).unwrap());

pub(crate) fn voice(key: &str) -> CatalogueVoice {
    ENGINE
        .catalogue()
        .now_or_never()
        .unwrap()
        .unwrap()
        .into_iter()
        .find(|voice| voice.key == key)
        .unwrap()
}

pub(crate) fn request(text: &str, voice: &EngineVoice) -> SynthesisRequest {
    SynthesisRequest {
        text: text.to_owned(),
        voice: voice.clone(),
        settings: SpeechSettings::default(),
        instructions: None,
        sample: None,
    }
}

pub(crate) async fn speak(text: &str, voice: &EngineVoice) -> Result<Pcm, EngineError> {
    ENGINE.synthesize(request(text, voice), Progress::default()).await
}

pub(crate) async fn speak_at(speed: f64, text: &str, voice: &EngineVoice) -> Pcm {
    let settings = SpeechSettings {
        speed,
        ..SpeechSettings::default()
    };
    let request = SynthesisRequest {
        settings,
        ..request(text, voice)
    };
    ENGINE.synthesize(request, Progress::default()).await.unwrap()
}
