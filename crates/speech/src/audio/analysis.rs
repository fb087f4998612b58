//! What a voice in a recording is like, as far as signals tell it.

mod pitch;
mod tempo;

use std::num::NonZeroU32;

use super::Pcm;

/// The rate at which recordings are analysed, in Hz: it holds the pitch and the first formants of every voice.
const RATE: NonZeroU32 = NonZeroU32::new(8_000).unwrap();

/// What a voice in a recording is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceAnalysis {
    /// The median of the fundamental frequency over all voiced moments, in Hz, found with YIN; `None` if there is no
    /// voiced sound.
    pub median_pitch_hz: Option<f32>,
    /// How far the pitch moves: from the 10th to the 90th percentile, in semitones; `None` if there is no voiced sound.
    pub pitch_range_semitones: Option<f32>,
    /// Syllable nuclei per second of speech, pauses not counted; `None` if there is none.
    pub syllables_per_second: Option<f32>,
}

impl VoiceAnalysis {
    /// Analyses a recording.
    ///
    /// Pitch: A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111
    /// (2002). Tempo: peaks of intensity between dips, after N. de Jong and T. Wempe, "Praat script to detect syllable
    /// nuclei and measure speech rate automatically", Behavior Research Methods 41 (2009).
    ///
    /// Takes the processor for milliseconds per second of recording, and for no more than the first minutes: run it
    /// on a blocking thread.
    #[must_use]
    pub fn of(pcm: &Pcm) -> Self {
        let Some(pcm) = pcm.resampled(RATE) else {
            return Self {
                median_pitch_hz: None,
                pitch_range_semitones: None,
                syllables_per_second: None,
            };
        };
        let contour = pitch::Contour::of(pcm.samples());
        Self {
            median_pitch_hz: contour.median(),
            pitch_range_semitones: contour.range_semitones(),
            syllables_per_second: tempo::syllables_per_second(pcm.samples()),
        }
    }
}
