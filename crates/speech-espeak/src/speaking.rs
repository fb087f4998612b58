//! Clause by clause into sound.

use std::{
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use espeak_ng::{PhonemeData, Synthesizer, Translator, translate::select_phoneme_table};
use resonance_speech::{audio::Pcm, engine::EngineError};

use crate::{
    language::Language,
    text::{Clause, clauses},
    voice::{EspeakVoice, LanguageVoice},
};

/// eSpeak NG's sample rate, in Hz.
pub(crate) const RATE: NonZeroU32 = NonZeroU32::new(22_050).unwrap();
/// What is quieter is silence, of full scale (-72 dB).
const SILENCE: u16 = 8;
/// Over so many samples every clause comes and goes, 2 ms, so that no join clicks.
const FADE: usize = 44;
/// What follows the last clause, in seconds: players that stop early shall cut off nothing.
const TAIL: f64 = 0.1;

/// Told the fraction done; an error stops the work.
pub(crate) type Report<'a> = &'a dyn Fn(f64) -> Result<(), EngineError>;

/// All that is needed to speak one language, loaded once.
pub(crate) struct Speaker {
    translator: Translator,
    phonemes: PhonemeData,
    voice: LanguageVoice,
}

impl Speaker {
    pub(crate) fn load(data: &Path, language: &Language) -> Result<Self, EngineError> {
        let failed = |error| EngineError::permanent("the speech data cannot be read").caused_by(error);
        let translator = Translator::new(language.espeak, Some(data)).map_err(failed)?;
        let mut phonemes = PhonemeData::load(data).map_err(failed)?;
        select_phoneme_table(&mut phonemes, data, language.espeak).map_err(failed)?;
        Ok(Self {
            translator,
            phonemes,
            voice: LanguageVoice::load(data, language),
        })
    }

    /// Speaks a text at a speed relative to the voice's own.
    pub(crate) fn speak(
        &self,
        data: &Path,
        voice: &EspeakVoice,
        text: &str,
        speed: f64,
        report: Report<'_>,
    ) -> Result<Pcm, EngineError> {
        let clauses = clauses(text);
        let total = clauses
            .iter()
            .map(|clause| clause.text.len())
            .sum::<usize>()
            .max(1);
        let synthesizer = Synthesizer::new(self.voice.parameters(data, voice, speed));
        let seconds_to_samples = f64::from(RATE.get()) / (speed * voice.tempo);

        let mut samples: Vec<f32> = Vec::new();
        let (mut done, mut pause) = (0, 0.0);
        report(0.0)?;
        for clause in clauses {
            let spoken = self.speak_clause(&synthesizer, &clause)?;
            done += clause.text.len();
            if !spoken.is_empty() {
                append_silence(&mut samples, pause * seconds_to_samples);
                append(&mut samples, &spoken);
                pause = 0.0;
            }
            // What has no sound lengthens the pause before it at most.
            if !samples.is_empty() {
                pause = clause.pause.seconds().max(pause);
            }
            report(done as f64 / total as f64)?;
        }
        if samples.is_empty() {
            return Err(EngineError::NothingToSpeak);
        }
        append_silence(&mut samples, TAIL * seconds_to_samples);
        Ok(Pcm::new(samples, RATE))
    }

    /// The sound of one clause, without the silence around it.
    fn speak_clause(&self, synthesizer: &Synthesizer, clause: &Clause) -> Result<Vec<i16>, EngineError> {
        // The library only reads what it borrows here, so that a panic leaves nothing half changed.
        let spoken = catch_unwind(AssertUnwindSafe(|| {
            let codes = self.translator.translate_to_codes(&clause.text)?;
            synthesizer.synthesize_codes(&codes, &self.phonemes)
        }))
        .map_err(|_| EngineError::Panicked)?
        .map_err(|error| EngineError::permanent("the text cannot be spoken").caused_by(error))?;

        let audible = |sample: &i16| sample.unsigned_abs() > SILENCE;
        let start = spoken.iter().position(audible).unwrap_or(0);
        let end = spoken.iter().rposition(audible).map_or(0, |last| last + 1);
        Ok(spoken.get(start..end).unwrap_or_default().to_vec())
    }
}

fn append(samples: &mut Vec<f32>, spoken: &[i16]) {
    let scale = 1.0 / f32::from(i16::MAX);
    samples.extend(spoken.iter().enumerate().map(|(n, sample)| {
        let from_border = (n + 1).min(spoken.len() - n);
        f32::from(*sample) * scale * (from_border as f32 / FADE as f32).min(1.0)
    }));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds at most"
)]
fn append_silence(samples: &mut Vec<f32>, length: f64) {
    samples.resize(samples.len() + length as usize, 0.0);
}
