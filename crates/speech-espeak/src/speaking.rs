//! Clause by clause into sound.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use espeak_ng::{
    PhonemeCode, PhonemeData, Translator,
    translate::{CodeMarker, select_phoneme_table},
};
use resonance_speech::{
    audio::{Limiter, Pcm, measure},
    engine::EngineError,
};

use crate::{
    articulation::articulate,
    language::Language,
    score,
    text::{Clause, clauses},
    voice::{EspeakVoice, LanguageVoice, Timbre},
    voicing::sing,
};

/// eSpeak NG's sample rate, in Hz.
pub(crate) const RATE: NonZeroU32 = NonZeroU32::new(22_050).unwrap();
/// So many bytes of text are read at once.
const GROUP: usize = 500;
/// The mark between clauses that are read at once.
const BOUNDARY: char = ';';
/// What is quieter is silence, of full scale (-66 dB).
const SILENCE: f32 = 5e-4;
/// What follows the last clause, in seconds: players that stop early shall cut off nothing.
const TAIL: f64 = 0.1;
/// How loud a voice speaks the preview of its language, in LUFS: about what speech on the net has, with room for peaks.
const LOUDNESS: f64 = -20.0;
/// How much louder or quieter it is made for that at most, as a factor.
const GAIN: f64 = 8.0;
/// No true peak is above this, in dB of full scale.
const CEILING: f64 = -1.0;
/// Peaks are rounded off, which makes a voice quieter: its gain is corrected so many times.
const CORRECTIONS: usize = 3;
/// The gains of so many voices are kept at most.
const KEPT_GAINS: usize = 1_000;

/// Told the fraction done; an error stops the work.
pub(crate) type Report<'a> = &'a dyn Fn(f64) -> Result<(), EngineError>;

/// All that is needed to speak one language, loaded once.
pub(crate) struct Speaker {
    data: PathBuf,
    translator: Translator,
    phonemes: PhonemeData,
    /// The phonemes of other languages, of which there are words in this one.
    foreign: Mutex<HashMap<String, Option<Arc<PhonemeData>>>>,
    voice: LanguageVoice,
    /// What shows a voice, and how much louder each voice is made so that this is as loud as it should be.
    preview: &'static str,
    gains: Mutex<HashMap<String, f32>>,
}

impl Speaker {
    pub(crate) fn load(data: &Path, language: &Language) -> Result<Self, EngineError> {
        let failed = |error| EngineError::permanent("the speech data cannot be read").caused_by(error);
        Ok(Self {
            data: data.to_owned(),
            translator: Translator::new(language.espeak, Some(data)).map_err(failed)?,
            phonemes: phonemes(data, language.espeak).map_err(failed)?,
            foreign: Mutex::default(),
            voice: LanguageVoice::load(data, language),
            preview: language.preview,
            gains: Mutex::default(),
        })
    }

    /// Speaks a text at a speed relative to the voice's own.
    ///
    /// The gain is the voice's and not the text's: texts that are spoken one after the other go together, and a short
    /// word is not made as loud as a sentence.
    pub(crate) fn speak(
        &self,
        voice: &EspeakVoice,
        text: &str,
        speed: f64,
        report: Report<'_>,
    ) -> Result<Pcm, EngineError> {
        let limiter = Limiter::new(self.gain(voice), CEILING);
        let mut samples = self.utter(voice, text, speed, report)?;
        limiter.apply(&mut samples);
        Ok(Pcm::new(samples, RATE))
    }

    /// The gain of a voice. It depends on the voice and its language only, so that every process finds the same.
    fn gain(&self, voice: &EspeakVoice) -> f32 {
        let key = voice.write().to_string();
        // A panic elsewhere cannot have left the map half changed.
        let known = || self.gains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gain) = known().get(&key) {
            return *gain;
        }
        let preview = self.utter(voice, self.preview, 1.0, &|_| Ok(()));
        let gain = preview.map_or(1.0, |samples| calibrate(&samples));
        let mut gains = known();
        if gains.len() >= KEPT_GAINS {
            gains.clear();
        }
        gains.insert(key, gain);
        gain
    }

    /// Speaks a text as loud as it comes.
    fn utter(
        &self,
        voice: &EspeakVoice,
        text: &str,
        speed: f64,
        report: Report<'_>,
    ) -> Result<Vec<f32>, EngineError> {
        let clauses = clauses(text);
        let total = clauses
            .iter()
            .map(|clause| clause.text.len())
            .sum::<usize>()
            .max(1);
        let timbre = self.voice.timbre(&self.data, voice);
        let pace = 1.0 / (speed * voice.tempo);

        let mut samples: Vec<f32> = Vec::new();
        let (mut done, mut pause) = (0, 0.0);
        report(0.0)?;
        for group in groups(&clauses) {
            for (clause, codes) in group.iter().zip(self.read(group)?) {
                let spoken = guard(|| Ok(self.sing_codes(&codes, clause.mark(), &timbre, pace)))?;
                done += clause.text.len();
                if !spoken.is_empty() {
                    append_silence(&mut samples, pause * pace);
                    samples.extend(spoken);
                    pause = 0.0;
                }
                // What has no sound lengthens the pause before it at most.
                if !samples.is_empty() {
                    pause = clause.pause.seconds().max(pause);
                }
                report(done as f64 / total as f64)?;
            }
        }
        if samples.is_empty() {
            return Err(EngineError::NothingToSpeak);
        }
        append_silence(&mut samples, TAIL * pace);
        Ok(samples)
    }

    /// The codes of each clause.
    ///
    /// The library loads its dictionary for every text, so that one longer text is read much faster than several short
    /// ones. The clauses are put together with semicolons, which are always boundaries; should they not come out as as
    /// many, each is read alone.
    fn read(&self, clauses: &[Clause]) -> Result<Vec<Vec<PhonemeCode>>, EngineError> {
        let read = |text: &str| {
            guard(|| {
                let unreadable = |error| EngineError::permanent("the text cannot be spoken").caused_by(error);
                self.translator.translate_to_codes(text).map_err(unreadable)
            })
        };
        let ends = |clause: &Clause| clause.text.ends_with(BOUNDARY);
        let mut text = String::new();
        for clause in clauses {
            text.push_str(&clause.text);
            text.push_str(if ends(clause) { " " } else { "; " });
        }
        if let Ok(codes) = read(&text) {
            let boundary = |code: &PhonemeCode| code.is_boundary && code.clause_char == Some(BOUNDARY);
            let mut pieces: Vec<_> = codes.split(boundary).map(<[PhonemeCode]>::to_vec).collect();
            if pieces.pop().is_some() && pieces.len() == clauses.len() {
                return Ok(pieces);
            }
        }
        clauses.iter().map(|clause| read(&clause.text)).collect()
    }

    /// The sound of one clause, without the silence around it.
    fn sing_codes(&self, codes: &[PhonemeCode], mark: Option<char>, timbre: &Timbre, pace: f64) -> Vec<f32> {
        let foreign: Vec<(&str, Arc<PhonemeData>)> = codes
            .iter()
            .filter_map(|code| match &code.marker {
                Some(CodeMarker::LangSwitch(language)) => Some((language.as_str(), self.foreign(language)?)),
                _ => None,
            })
            .collect();
        let table = |wanted: &str| {
            foreign
                .iter()
                .find(|(language, _)| *language == wanted)
                .map(|(_, phonemes)| phonemes.as_ref())
        };
        let tone = score::tone(self.voice.intonation, mark);
        let mut parts = Vec::new();
        for sound in score::read(codes, &self.phonemes, table, tone) {
            articulate(&sound, timbre, f64::from(RATE.get()), pace, &mut parts);
        }
        let mut sung = sing(&parts, timbre);
        let audible = |sample: &f32| sample.abs() > SILENCE;
        sung.truncate(sung.iter().rposition(audible).map_or(0, |last| last + 1));
        sung.drain(..sung.iter().position(audible).unwrap_or(0));
        sung
    }

    /// The phonemes of another language; `None` if they are those of this one, or unknown.
    fn foreign(&self, language: &str) -> Option<Arc<PhonemeData>> {
        if language == self.translator.options.lang {
            return None;
        }
        // A panic elsewhere cannot have left the map half changed.
        let mut tables = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables
            .entry(language.to_owned())
            .or_insert_with(|| phonemes(&self.data, language).ok().map(Arc::new));
        table.clone()
    }
}

/// Clauses to be read together.
fn groups(clauses: &[Clause]) -> impl Iterator<Item = &[Clause]> {
    let mut length = 0;
    clauses.chunk_by(move |clause, _| {
        length += clause.text.len();
        let together = length < GROUP;
        length *= usize::from(together);
        together
    })
}

/// Turns a panic into an error. The library only reads what it borrows here, so that nothing is left half changed.
fn guard<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(EngineError::Panicked))
}

fn phonemes(data: &Path, language: &str) -> Result<PhonemeData, espeak_ng::Error> {
    let mut phonemes = PhonemeData::load(data)?;
    select_phoneme_table(&mut phonemes, data, language)?;
    Ok(phonemes)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds at most"
)]
fn append_silence(samples: &mut Vec<f32>, seconds: f64) {
    samples.resize(samples.len() + (seconds * f64::from(RATE.get())) as usize, 0.0);
}

/// The gain with which a speech has its final loudness.
#[expect(clippy::cast_possible_truncation, reason = "a small factor")]
fn calibrate(speech: &[f32]) -> f32 {
    let mut gain = 1.0_f64;
    for _ in 0..CORRECTIONS {
        let mut samples = speech.to_vec();
        Limiter::new(gain as f32, CEILING).apply(&mut samples);
        if let Some(loudness) = measure(&Pcm::new(samples, RATE)).loudness_lufs {
            gain = (gain * 10_f64.powf((LOUDNESS - loudness) / 20.0)).clamp(1.0 / GAIN, GAIN);
        }
    }
    gain as f32
}
