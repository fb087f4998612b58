//! Voices, as they are kept in databases and as the synthesiser wants them.

use std::path::Path;

use espeak_ng::{
    synthesize::{phondata::SpectFrame, setlengths::STRESS_LENGTHS_EN},
    voices::{load_variant, voice_intonation, voice_pitch, voice_stress_length},
};
use resonance_speech::engine::{EngineError, EngineVoice};
use serde::{Deserialize, Serialize};

use crate::language::Language;

/// The pitch line of a voice that has none: the lowest and the highest pitch of its speech, in eSpeak NG's terms.
const DEFAULT_PITCH: (i32, i32) = (80, 118);
/// eSpeak NG's own variations of timbre that are used: no others are accepted, for they name files.
pub(crate) const VARIANTS: &[&str] = &[
    "Alex", "Alicia", "Andrea", "Andy", "Annie", "Diogo", "Gene", "Hugo", "Jacky", "Lee", "Marco", "Mario",
    "Michael", "Nguyen", "Reed", "Tweaky", "adam", "anika", "antonio", "belinda", "benjamin", "boris",
    "caleb", "david", "ed", "edward", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "gustave", "ian",
    "john", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max", "michel", "miguel",
    "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "travis",
    "victor", "zac",
];

/// A voice as it is kept. Factors are relative to the language's own voice or to the variant, and 1 by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EspeakVoice {
    /// eSpeak NG's name of the language.
    pub(crate) language: String,
    /// The timbre; the language's own if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    /// How high, as a factor of the frequency.
    #[serde(default = "one")]
    pub(crate) pitch: f64,
    /// How lively, as a factor of the distance between low and high.
    #[serde(default = "one")]
    pub(crate) range: f64,
    /// How fast, as a factor of the speed.
    #[serde(default = "one")]
    pub(crate) tempo: f64,
}

const fn one() -> f64 {
    1.0
}

impl EspeakVoice {
    /// Reads what was kept, and refuses what is no voice of this engine.
    pub(crate) fn read(voice: &EngineVoice) -> Result<(Self, &'static Language), EngineError> {
        let voice = Self::deserialize(voice).map_err(|_| EngineError::UnsupportedVoice)?;
        let language = Language::named(&voice.language).ok_or(EngineError::UnsupportedVoice)?;
        let variant_known = voice
            .variant
            .as_deref()
            .is_none_or(|variant| VARIANTS.contains(&variant));
        let sane = (0.25..=4.0).contains(&voice.pitch)
            && (0.0..=4.0).contains(&voice.range)
            && (0.25..=4.0).contains(&voice.tempo);
        if variant_known && sane {
            Ok((voice, language))
        } else {
            Err(EngineError::UnsupportedVoice)
        }
    }

    /// What is kept.
    pub(crate) fn write(&self) -> EngineVoice {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What the voice file of a language says.
pub(crate) struct LanguageVoice {
    pitch: (i32, i32),
    stress_lengths: Option<[u32; 8]>,
    /// Which row of the table of melodies it uses.
    pub(crate) intonation: usize,
}

impl LanguageVoice {
    pub(crate) fn load(data: &Path, language: &Language) -> Self {
        let stress_lengths = voice_stress_length(data, language.espeak).filter(|lengths| lengths.len() >= 8);
        Self {
            pitch: voice_pitch(data, language.espeak).unwrap_or(DEFAULT_PITCH),
            stress_lengths: stress_lengths.map(|lengths| {
                let mut all = STRESS_LENGTHS_EN;
                for (length, given) in all.iter_mut().zip(lengths) {
                    *length = given.try_into().unwrap_or(0);
                }
                all
            }),
            intonation: voice_intonation(data, language.espeak).map_or(1, usize::from),
        }
    }

    /// The sound of a voice in this language. The formulas are those of eSpeak NG's `voices.c`.
    pub(crate) fn timbre(&self, data: &Path, voice: &EspeakVoice) -> Timbre {
        let variant = voice
            .variant
            .as_deref()
            .and_then(|name| load_variant(data, name))
            .unwrap_or_default();
        let (lowest, highest) = variant.pitch.unwrap_or(self.pitch);
        let (low, high) = (f64::from(lowest), f64::from(highest));
        let mut timbre = Timbre {
            pitch: (low - 9.0) * voice.pitch,
            pitch_range: (high - low) * 108.0 * voice.pitch * voice.range,
            // A voice of another pitch has a vocal tract of another length, which shifts its second formant by a
            // quarter as much.
            formant_factor: 256 + 64 * (lowest - DEFAULT_PITCH.0) / DEFAULT_PITCH.0,
            stress_lengths: self.stress_lengths,
            stress_levels: variant.stress_amp.iter().map(|level| f64::from(*level)).collect(),
            formants: [Formant {
                frequency: 1.0,
                height: 1.0,
                width: 1.0,
            }; FORMANTS],
            tone: TONE.to_vec(),
        };
        // The echo of a variant is left out: it belongs to rooms and not to voices.
        for given in &variant.formants {
            if let Some(formant) = timbre.formants.get_mut(usize::from(given.index)) {
                let factor = |percent: i32| f64::from(percent.clamp(0, 400)) / 100.0;
                *formant = Formant {
                    frequency: factor(given.freq),
                    height: factor(given.height),
                    width: factor(if given.width > 0 { given.width } else { 100 }),
                };
            }
        }
        if let Some(points) = variant.tone {
            let points: Vec<(f64, f64)> = points
                .chunks_exact(2)
                .filter_map(|pair| <[i32; 2]>::try_from(pair).ok())
                .take_while(|[frequency, _]| *frequency >= 0)
                .map(|[frequency, level]| (f64::from(frequency), f64::from(level)))
                .collect();
            if !points.is_empty() {
                timbre.tone = points;
            }
        }
        timbre
    }
}

/// Formants that are heard.
const FORMANTS: usize = 7;
/// How loud a normal voice is at which frequency; in between it is interpolated (`tone_points` in `voices.c`).
const TONE: [(f64, f64); 4] = [(600.0, 170.0), (1200.0, 135.0), (2000.0, 110.0), (3000.0, 110.0)];
/// The level of [`TONE`] that counts as one.
const TONE_UNITY: f64 = 170.0;

/// What a variant does to one formant, as factors.
#[derive(Debug, Clone, Copy)]
struct Formant {
    frequency: f64,
    height: f64,
    width: f64,
}

/// The sound of a voice.
#[derive(Debug, Clone)]
pub(crate) struct Timbre {
    /// The lowest pitch of its speech, in Hz, and how far it rises, in eSpeak NG's units.
    pub(crate) pitch: f64,
    pub(crate) pitch_range: f64,
    /// By how much the second formant of transitions is shifted, over 256.
    pub(crate) formant_factor: i32,
    /// How long syllables are by their stress, if not as in English.
    pub(crate) stress_lengths: Option<[u32; 8]>,
    stress_levels: Vec<f64>,
    formants: [Formant; FORMANTS],
    tone: Vec<(f64, f64)>,
}

impl Timbre {
    /// How loud a syllable of that stress is, if not as usual.
    pub(crate) fn stress_level(&self, stress: u8) -> Option<f64> {
        self.stress_levels
            .get(usize::from(stress))
            .copied()
            .filter(|level| *level > 0.0)
    }

    /// A frame as this voice speaks it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "limited to their ranges"
    )]
    pub(crate) fn shape(&self, mut frame: SpectFrame) -> SpectFrame {
        for (formant, frequency) in self.formants.iter().zip(&mut frame.ffreq) {
            *frequency = (f64::from(*frequency) * formant.frequency).clamp(0.0, 10_000.0) as i16;
        }
        for (formant, height) in self.formants.iter().zip(&mut frame.fheight) {
            *height = (f64::from(*height) * formant.height).clamp(0.0, 255.0) as u8;
        }
        frame
    }

    /// How wide a formant is, as a factor.
    pub(crate) fn width(&self, formant: usize) -> f64 {
        self.formants.get(formant).map_or(1.0, |formant| formant.width)
    }

    /// How loud the voice is at a frequency, as a factor.
    pub(crate) fn tone(&self, frequency: f64) -> f64 {
        let above = self.tone.partition_point(|(point, _)| *point < frequency);
        let at = |n: usize| self.tone.get(n).copied();
        let level = match (above.checked_sub(1).and_then(at), at(above)) {
            (Some((low, from)), Some((high, to))) => {
                from + (to - from) * (frequency - low) / (high - low).max(1.0)
            }
            (Some((_, level)), None) | (None, Some((_, level))) => level,
            (None, None) => TONE_UNITY,
        };
        level / TONE_UNITY
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let voice = EspeakVoice {
            language: "de".to_owned(),
            variant: Some("f2".to_owned()),
            pitch: 1.1,
            range: 0.9,
            tempo: 1.2,
        };
        assert_eq!(EspeakVoice::read(&voice.write()).unwrap().0, voice);
        let (plain, language) = EspeakVoice::read(&json!({ "language": "en-us" })).unwrap();
        assert_eq!((plain.pitch, language.tag), (1.0, "en-US"));
    }

    #[test]
    fn what_is_no_voice_of_this_engine_is_refused() {
        for voice in [
            json!(null),
            json!({}),
            json!({ "language": "xx" }),
            json!({ "language": "en-us", "variant": "../../../etc/passwd" }),
            json!({ "language": "en-us", "pitch": 0.0 }),
            json!({ "language": "en-us", "tempo": 1e300 }),
            json!({ "language": "en-us", "voice_key": "voices/1.wav" }),
            json!("alloy"),
        ] {
            assert!(
                matches!(EspeakVoice::read(&voice), Err(EngineError::UnsupportedVoice)),
                "{voice}"
            );
        }
    }
}
