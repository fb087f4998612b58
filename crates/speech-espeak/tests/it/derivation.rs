use std::{f32::consts::TAU, num::NonZeroU32};

use resonance_domain::{Fidelity, LanguageTag};
use resonance_speech::{
    audio::{Pcm, VoiceAnalysis},
    engine::{DerivedVoice, EngineError, SpeechEngine, VoiceSample},
};

use crate::studio::{ENGINE, speak};

/// A recording of something like a voice of that pitch, with `syllables` a second.
fn recording(hz: f32, syllables: f32) -> VoiceSample {
    let rate = 16_000_u16;
    let mut phase = 0.0;
    let samples = (0..u32::from(rate) * 12)
        .map(|n| {
            let time = n as f32 / f32::from(rate);
            phase += hz * (1.0 + 0.08 * (TAU * 0.6 * time).sin()) / f32::from(rate);
            let swell = 0.55 - 0.45 * (TAU * syllables * time).cos();
            0.3 * swell
                * (1..10)
                    .map(|k| (TAU * phase * k as f32).sin() / k as f32)
                    .sum::<f32>()
        })
        .collect();
    let pcm = Pcm::new(
        samples,
        NonZeroU32::from(std::num::NonZeroU16::new(rate).unwrap()),
    );
    VoiceSample {
        key: "samples/1".to_owned(),
        analysis: VoiceAnalysis::of(&pcm),
    }
}

async fn derive(sample: &VoiceSample, language: &str) -> Result<DerivedVoice, EngineError> {
    ENGINE
        .derive_voice(sample, &LanguageTag::parse(language).unwrap())
        .await
}

async fn analysis_of(voice: &DerivedVoice, text: &str) -> VoiceAnalysis {
    VoiceAnalysis::of(&speak(text, &voice.voice).await.unwrap())
}

const TEXT: &str =
    "On Monday morning, our oldest neighbour will bring the rain and a yellow umbrella. Nobody knows why.";

#[tokio::test]
async fn a_derived_voice_has_the_pitch_of_the_recording() {
    for hz in [85.0, 120.0, 180.0, 230.0, 300.0] {
        for language in ["en-US", "de-DE"] {
            let derived = derive(&recording(hz, 4.0), language).await.unwrap();
            assert_eq!(derived.fidelity, Fidelity::Approximated);
            let pitch = analysis_of(&derived, TEXT).await.median_pitch_hz.unwrap();
            assert!(
                (pitch / hz - 1.0).abs() < 0.15,
                "{pitch} Hz instead of {hz} in {language}"
            );
        }
    }
}

#[tokio::test]
async fn a_derived_voice_of_a_fast_speaker_is_faster_than_that_of_a_slow_one() {
    let slow = derive(&recording(120.0, 3.0), "en-US").await.unwrap();
    let fast = derive(&recording(120.0, 7.0), "en-US").await.unwrap();
    let seconds =
        async |voice: &DerivedVoice| speak(TEXT, &voice.voice).await.unwrap().duration().as_secs_f64();
    assert!(seconds(&slow).await > seconds(&fast).await * 1.3);
}

#[tokio::test]
async fn a_recording_without_any_voice_leaves_the_voice_of_the_language() {
    let silence = VoiceSample {
        key: String::new(),
        analysis: VoiceAnalysis {
            median_pitch_hz: None,
            pitch_range_semitones: None,
            syllables_per_second: None,
        },
    };
    let derived = derive(&silence, "fr-CA").await.unwrap();
    assert_eq!(derived.voice["language"], "fr-fr");
    assert!(speak("Bonjour", &derived.voice).await.is_ok());
}

#[tokio::test]
async fn a_language_that_is_not_spoken_is_refused_by_name() {
    let refused = derive(&recording(120.0, 4.0), "om-ET").await;
    assert!(matches!(refused, Err(EngineError::UnsupportedLanguage(tag)) if tag == "om-ET"));
}
