//! Voices, as they are kept in databases and as the synthesiser wants them.

use std::path::Path;

use espeak_ng::{
    VoiceParams,
    synthesize::{setlengths::STRESS_LENGTHS_EN, wavegen::set_tone_adjust},
    voices::{VariantParams, load_variant, voice_intonation, voice_pitch, voice_stress_length},
};
use resonance_speech::engine::{EngineError, EngineVoice};
use serde::{Deserialize, Serialize};

use crate::language::Language;

/// The pitch line of a voice that has none: the lowest and the highest pitch of its speech, in eSpeak NG's terms.
const DEFAULT_PITCH: (i32, i32) = (80, 118);
/// How loud to speak, of 100. At more, the loudest voices would clip.
const AMPLITUDE: u32 = 60;

/// The widths of the formants, in percent of those that the library assumes: its table is a third of eSpeak NG's
/// (`default_widths` in `voices.c`), so that formants shrink to single harmonics and voices to whistles.
const FORMANT_WIDTHS: [i32; 7] = [292, 320, 320, 400, 427, 427, 320];

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
    intonation: usize,
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

    /// The parameters of the synthesiser for a voice at a speed. The formulas are those of eSpeak NG's `voices.c`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "all factors were checked to be small and positive"
    )]
    pub(crate) fn parameters(&self, data: &Path, voice: &EspeakVoice, speed: f64) -> VoiceParams {
        let variant = voice
            .variant
            .as_deref()
            .and_then(|name| load_variant(data, name))
            .unwrap_or_default();
        let (low, high) = variant.pitch.unwrap_or(self.pitch);
        let (low, high) = (f64::from(low), f64::from(high));
        // A voice of another pitch has a vocal tract of another length, which shifts its formants by a quarter as much.
        let formants = 1.0 + (low / f64::from(DEFAULT_PITCH.0) - 1.0) / 4.0;
        let mut parameters = VoiceParams {
            speed_percent: speed_percent(speed * voice.tempo),
            pitch_hz: ((low - 9.0) * voice.pitch).round().clamp(25.0, 600.0) as u32,
            pitch_range_units: (high - low) * 108.0 * voice.pitch * voice.range,
            stress_lengths: self.stress_lengths,
            intonation_group: self.intonation,
            amplitude: AMPLITUDE,
            formant_factor: (formants * 256.0).round() as i32,
            flutter: variant.flutter.unwrap_or(0).max(0),
            formant_width_pct: FORMANT_WIDTHS,
            // Sentences follow each other with pauses of our own.
            no_final_pause: true,
            ..VoiceParams::default()
        };
        apply_timbre(&mut parameters, &variant);
        parameters
    }
}

/// Applies the formants, the stress and the tone of a variant; not its echo, which belongs to rooms and not to voices.
fn apply_timbre(parameters: &mut VoiceParams, variant: &VariantParams) {
    for formant in &variant.formants {
        let index = usize::from(formant.index);
        let scales = [
            (&mut parameters.formant_freq_pct, formant.freq),
            (&mut parameters.formant_height_pct, formant.height),
            (&mut parameters.formant_width_pct, formant.width),
        ];
        for (percentages, given) in scales {
            if let Some(percentage) = percentages.get_mut(index)
                && given > 0
            {
                *percentage = *percentage * given.clamp(25, 400) / 100;
            }
        }
    }
    for (amplitude, given) in parameters.stress_amps.iter_mut().zip(&variant.stress_amp) {
        *amplitude = (*given).max(0);
    }
    if let Some(points) = &variant.tone {
        parameters.tone_adjust = set_tone_adjust(points);
    }
}

/// The synthesiser's own measure of speed for a speed relative to eSpeak NG's 175 words a minute.
///
/// The synthesiser's speed is not proportional to its measure, so that this table was made by measuring how long
/// sentences in seven languages become; in between it is interpolated.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 27 and 800"
)]
fn speed_percent(speed: f64) -> u32 {
    const MEASURED: &[(f64, f64)] = &[
        (0.10, 27.0),
        (0.125, 31.0),
        (0.19, 40.0),
        (0.27, 50.0),
        (0.375, 62.0),
        (0.495, 75.0),
        (0.625, 88.0),
        (0.745, 100.0),
        (0.88, 112.0),
        (1.0, 124.0),
        (1.175, 140.0),
        (1.385, 160.0),
        (1.59, 180.0),
        (1.80, 200.0),
        (2.05, 225.0),
        (2.31, 250.0),
        (2.82, 300.0),
        (3.29, 350.0),
        (3.72, 400.0),
        (4.56, 500.0),
        (5.36, 600.0),
        (6.70, 800.0),
    ];
    let above = MEASURED
        .partition_point(|(measured, _)| *measured < speed)
        .clamp(1, MEASURED.len() - 1);
    let [(slow, low), (fast, high)] =
        [above - 1, above].map(|at| MEASURED.get(at).copied().unwrap_or((1.0, 124.0)));
    let part = ((speed - slow) / (fast - slow)).clamp(0.0, 1.0);
    (low + (high - low) * part).round() as u32
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

    #[test]
    fn the_measure_of_speed_grows_with_speed() {
        assert_eq!(speed_percent(1.0), 124);
        assert_eq!(
            [speed_percent(0.0), speed_percent(0.01), speed_percent(100.0)],
            [27, 27, 800]
        );
        let all: Vec<u32> = (1..70)
            .map(|tenths| speed_percent(f64::from(tenths) / 10.0))
            .collect();
        assert!(all.is_sorted());
    }
}
