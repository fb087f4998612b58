//! Pieces of speech into one.

use std::{num::NonZeroU32, time::Duration};

use resonance_domain::Boundary;

use super::trim::{fade, voiced};

/// What is quieter is silence, of full scale (-50 dB).
const SILENCE: f32 = 0.003;
/// So much silence is left around a piece: the breath of an onset, and a sound's dying away.
const BEFORE: Duration = Duration::from_millis(15);
const AFTER: Duration = Duration::from_millis(30);
/// Cuts are faded for so long.
const FADE: Duration = Duration::from_millis(5);
/// What follows the last piece: players that stop early shall cut off nothing.
const TAIL: Duration = Duration::from_millis(100);

/// How long the silence after a piece is, by what ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// After a part of a clause.
    pub word: Duration,
    /// After a clause.
    pub clause: Duration,
    /// After a sentence.
    pub sentence: Duration,
    /// After a paragraph.
    pub paragraph: Duration,
}

impl Default for Pauses {
    /// Those of calm reading.
    fn default() -> Self {
        Self {
            word: Duration::from_millis(50),
            clause: Duration::from_millis(150),
            sentence: Duration::from_millis(250),
            paragraph: Duration::from_millis(500),
        }
    }
}

impl Pauses {
    const fn after(&self, boundary: Boundary) -> Duration {
        match boundary {
            Boundary::Word => self.word,
            Boundary::Clause => self.clause,
            Boundary::Sentence => self.sentence,
            Boundary::Paragraph => self.paragraph,
        }
    }
}

/// What a piece adds to the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The pause before the piece, and the piece.
    pub samples: Vec<f32>,
    /// Where the piece is heard in the whole, in frames from its start.
    pub start: u64,
    /// Where it ends, exclusive.
    pub end: u64,
}

/// Joins pieces of speech: the silence that each has around it, whatever its engine made, becomes the pause that
/// belongs there.
#[derive(Debug, Clone)]
pub struct Joiner {
    rate: NonZeroU32,
    pauses: Pauses,
    position: u64,
    /// The silence that is due before the next piece, and how much of it is there already.
    due: u64,
    left: u64,
}

impl Joiner {
    /// For pieces at a rate in Hz.
    #[must_use]
    pub const fn new(sample_rate: NonZeroU32, pauses: Pauses) -> Self {
        Self {
            rate: sample_rate,
            pauses,
            position: 0,
            due: 0,
            left: 0,
        }
    }

    /// Adds the next piece, at whose end `boundary` is. A piece without sound adds nothing, but its pause counts.
    pub fn join(&mut self, piece: &[f32], boundary: Boundary) -> Joined {
        let pause = self.frames(self.pauses.after(boundary));
        let Some(voice) = voiced(piece, |sample| sample.abs() > SILENCE) else {
            self.due = self.due.max(pause);
            return Joined {
                samples: Vec::new(),
                start: self.position,
                end: self.position,
            };
        };
        let margin = |duration| usize::try_from(self.frames(duration)).unwrap_or(0);
        let start = voice.start.saturating_sub(margin(BEFORE));
        let end = (voice.end + margin(AFTER)).min(piece.len());
        let lead = (voice.start - start) as u64;
        // The quiet that is left around the pieces is part of the pause.
        let gap = self.due.saturating_sub(self.left + lead);

        let mut samples = vec![0.0; usize::try_from(gap).unwrap_or(0)];
        let silent = samples.len();
        samples.extend_from_slice(piece.get(start..end).unwrap_or_default());
        if let Some(sound) = samples.get_mut(silent..) {
            fade(sound, margin(FADE));
        }
        let heard = self.position + gap + lead;
        self.position += samples.len() as u64;
        self.due = pause;
        self.left = (end - voice.end) as u64;
        Joined {
            samples,
            start: heard,
            end: self.position - self.left,
        }
    }

    /// The silence at the end.
    #[must_use]
    pub fn finish(self) -> Vec<f32> {
        if self.position == 0 {
            return Vec::new();
        }
        vec![0.0; usize::try_from(self.frames(TAIL)).unwrap_or(0)]
    }

    fn frames(&self, duration: Duration) -> u64 {
        let frames = duration.as_nanos() * u128::from(self.rate.get()) / 1_000_000_000;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

    /// A piece of sound with silence around it.
    fn piece(before: usize, sound: usize, after: usize) -> Vec<f32> {
        [vec![0.0; before], vec![0.5; sound], vec![0.001; after]].concat()
    }

    #[test]
    fn the_pause_between_pieces_is_the_one_that_belongs_there_whatever_silence_they_had() {
        for (before, after) in [(0, 0), (5, 10), (700, 900)] {
            let mut joiner = Joiner::new(RATE, Pauses::default());
            let first = joiner.join(&piece(before, 300, after), Boundary::Sentence);
            let second = joiner.join(&piece(before, 300, after), Boundary::Paragraph);
            let nothing = joiner.join(&piece(50, 0, 50), Boundary::Sentence);
            let third = joiner.join(&piece(before, 300, after), Boundary::Paragraph);
            assert_eq!(second.start - first.end, 250, "{before}, {after}");
            assert_eq!(third.start - second.end, 500);
            assert!(nothing.samples.is_empty());
            assert!(
                [&first, &second, &third]
                    .iter()
                    .all(|piece| piece.end - piece.start == 300)
            );
            let whole = [first.samples, second.samples, third.samples, joiner.finish()].concat();
            let [start, end] = [third.start, third.end].map(|frame| usize::try_from(frame).unwrap());
            assert_eq!(whole[start - 16..start], [0.0; 16]);
            assert!(whole[start + 6] == 0.5 && whole[end - 6] == 0.5);
            let steepest = whole
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).abs())
                .fold(0.0, f32::max);
            assert!(before > 0 || steepest <= 0.11, "a click of {steepest}");
        }
    }

    #[test]
    fn silence_alone_joins_to_nothing() {
        let mut joiner = Joiner::new(RATE, Pauses::default());
        assert!(joiner.join(&[0.0; 5_000], Boundary::Sentence).samples.is_empty());
        assert!(joiner.finish().is_empty());
    }
}
