//! A voice after a recording, by an engine that cannot clone.

use resonance_domain::Fidelity;
use resonance_speech::{
    audio::{Pcm, VoiceAnalysis},
    engine::{DerivedVoice, EngineError},
};

use crate::{language::Language, voice::EspeakVoice};

/// Between the pitches of men and women, in Hz: from here up the timbre is a woman's.
const HIGH_VOICE_HZ: f32 = 165.0;
/// The timbre of a high voice; a low one has the language's own.
const HIGH_VARIANT: &str = "f2";

/// Gives the language's own voice the pitch, the range and the tempo of a recording.
///
/// How a voice sounds with given factors depends on the language, so the voice speaks, is measured like the recording,
/// and is corrected, twice: the second time puts right what the change of range did to the pitch. What was not found
/// in the recording stays as it is.
pub(crate) fn derive(
    analysis: &VoiceAnalysis,
    language: &Language,
    speak: impl Fn(&EspeakVoice) -> Result<Pcm, EngineError>,
) -> Result<DerivedVoice, EngineError> {
    let high = analysis
        .median_pitch_hz
        .is_some_and(|pitch| pitch >= HIGH_VOICE_HZ);
    let mut voice = EspeakVoice {
        language: language.espeak.to_owned(),
        variant: high.then(|| HIGH_VARIANT.to_owned()),
        pitch: 1.0,
        range: 1.0,
        tempo: 1.0,
    };
    for _ in 0..2 {
        let own = VoiceAnalysis::of(&speak(&voice)?);
        let ratio = |wanted: Option<f32>, own: Option<f32>| match (wanted, own) {
            (Some(wanted), Some(own)) if own > 0.0 => f64::from(wanted / own),
            _ => 1.0,
        };
        // The limits are those of voices that can still be understood.
        voice.pitch = (voice.pitch * ratio(analysis.median_pitch_hz, own.median_pitch_hz)).clamp(0.5, 2.5);
        voice.range =
            (voice.range * ratio(analysis.pitch_range_semitones, own.pitch_range_semitones)).clamp(0.4, 2.0);
        voice.tempo =
            (voice.tempo * ratio(analysis.syllables_per_second, own.syllables_per_second)).clamp(0.7, 1.5);
    }
    let thousandths = |factor: f64| (factor * 1000.0).round() / 1000.0;
    voice.pitch = thousandths(voice.pitch);
    voice.range = thousandths(voice.range);
    voice.tempo = thousandths(voice.tempo);
    Ok(DerivedVoice {
        voice: voice.write(),
        fidelity: Fidelity::Approximated,
    })
}
