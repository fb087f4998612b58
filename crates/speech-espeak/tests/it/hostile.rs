use std::time::{Duration, Instant};

use resonance_speech::engine::{EngineError, SpeechEngine};
use serde_json::json;

use crate::studio::{ENGINE, speak, voice};

/// What nobody would have read to them.
fn texts() -> Vec<String> {
    vec![
        "a".repeat(5000),
        "ß".repeat(5000),
        "1".repeat(500),
        "9".repeat(49) + " " + &"0".repeat(50),
        "好".repeat(300),
        "🎙".repeat(100),
        "👩‍👩‍👧‍👦 e\u{301}\u{301}\u{301} ﷽".repeat(50),
        "?!".repeat(2500),
        "-".repeat(5000),
        "'".repeat(5000),
        "A.B.C.".repeat(800),
        "x\u{0}y\u{1}50P\u{7}\u{1b}[31m z\u{7f}\u{85}".repeat(100),
        "\u{202E}rtl\u{2066}lri \u{200F}שלום עולם مرحبا".repeat(50),
        "a\u{200B}b\u{FEFF}c\u{200D}d\u{AD}".repeat(400),
        "[[h@l'oU]] {{_:x}} \\[ \\p0 &lt; %n%s".repeat(50),
        "<speak><audio src='/etc/passwd'/><break time='9999s'/></speak>".to_owned(),
        "\u{10FFFF}\u{E000}\u{FFFD}\u{FFFE} 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 ⅷ ½ ² ㉈ № ™".repeat(20),
        "Ǆ ﬁ İ ſ ŉ K Å".repeat(100),
        "http://example.org/a?b=c&d=%20 me@example.org C:\\x\\y 1e400 -0.0 0x7f".repeat(20),
        "१२३ ٤٥٦ ๗๘๙ 一千零一".repeat(50),
    ]
}

#[tokio::test]
async fn no_language_stumbles_over_a_hostile_text() {
    let mut voices = ENGINE.catalogue().await.unwrap();
    voices.dedup_by_key(|voice| voice.language.clone());
    let mut speaking = tokio::task::JoinSet::new();
    for voice in voices {
        speaking.spawn(async move {
            for text in texts() {
                let text: String = text.chars().take(100).collect();
                match speak(&text, &voice.voice).await {
                    Ok(pcm) => assert!(pcm.samples().iter().all(|sample| sample.abs() <= 1.0)),
                    Err(error) => {
                        assert!(
                            matches!(error, EngineError::NothingToSpeak),
                            "{} {text}: {error}",
                            voice.key
                        );
                    }
                }
            }
        });
    }
    speaking.join_all().await;
}

#[tokio::test]
async fn a_long_hostile_text_takes_no_longer_than_an_honest_one_of_its_sound() {
    let sam = voice("en-us-sam").voice;
    for text in texts() {
        let start = Instant::now();
        let spoken = speak(&text, &sam).await;
        let elapsed = start.elapsed();
        assert!(
            matches!(spoken, Ok(_) | Err(EngineError::NothingToSpeak)),
            "{text}: {spoken:?}"
        );
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?} for {text}");
    }
}

#[tokio::test]
async fn texts_without_a_sound_are_refused() {
    for text in [
        "",
        "   ",
        "\n\n\n",
        "...",
        "\u{200B}\u{FEFF}",
        "\u{1}\u{2}",
        "—",
        "()",
    ] {
        let spoken = speak(text, &voice("en-us-sam").voice).await;
        assert!(
            matches!(spoken, Err(EngineError::NothingToSpeak)),
            "{text:?}: {spoken:?}"
        );
    }
}

#[tokio::test]
async fn markup_is_text_like_any_other() {
    let voice = voice("en-us-sam").voice;
    let seconds = async |text: &str| speak(text, &voice).await.unwrap().duration().as_secs_f64();
    let plain = seconds("very important").await;
    assert!(
        seconds("<b>very important</b>").await > plain + 0.2,
        "tags are read aloud"
    );
    let paused = seconds("very <break time=\"5s\"/> important").await;
    assert!(
        paused > plain + 0.5 && paused < plain + 4.0,
        "no command is obeyed: {paused}"
    );
}

#[tokio::test]
async fn what_the_engine_cannot_do_is_refused_by_name() {
    let sam = voice("en-us-sam").voice;
    let long = speak(&"é".repeat(5001), &sam).await;
    assert!(
        matches!(long, Err(EngineError::TextTooLong { max: 5000 })),
        "{long:?}"
    );
    let foreign = speak("Hello", &json!({ "voice": "alloy" })).await;
    assert!(
        matches!(foreign, Err(EngineError::UnsupportedVoice)),
        "{foreign:?}"
    );
}
