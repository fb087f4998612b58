//! Pieces of sound into one file.

use std::num::NonZeroU32;

use resonance_domain::{Boundary, Mastering, Piece, TimeMark};
use resonance_speech::audio::{
    EncodeError, Finished, Joined, Joiner, Limiter, Loudness, OutputFormat, Pauses, Pcm, Peaks,
    StreamEncoder, StreamOptions, sentence_starts,
};

/// How many stretches of time the stored waveform has.
const PEAKS: usize = 256;
/// The highest that a wave goes whose loudness was asked for, in dB of full scale.
const CEILING: f64 = -1.0;

/// Puts pieces one behind the other. A single piece stays as it is.
#[derive(Debug)]
struct Desk {
    rate: NonZeroU32,
    joiner: Option<Joiner>,
}

impl Desk {
    fn new(rate: NonZeroU32, pieces: usize) -> Self {
        Self {
            rate,
            joiner: (pieces > 1).then(|| Joiner::new(rate, Pauses::default())),
        }
    }

    fn place(&mut self, pcm: &Pcm, boundary: Boundary) -> Result<Joined, EncodeError> {
        // An engine may change its mind about the rate.
        let pcm = pcm.resampled(self.rate).ok_or(EncodeError::Empty)?;
        Ok(match &mut self.joiner {
            Some(joiner) => joiner.join(pcm.samples(), boundary),
            None => Joined {
                start: 0,
                end: pcm.samples().len() as u64,
                samples: pcm.into_owned().into_samples(),
            },
        })
    }

    fn finish(self) -> Vec<f32> {
        self.joiner.map(Joiner::finish).unwrap_or_default()
    }
}

/// Listens to all pieces once, for what must be known before the first byte of a file is written.
#[derive(Debug)]
pub(super) struct Survey {
    rate: NonZeroU32,
    desk: Desk,
    frames: u64,
    loudness: Option<Loudness>,
    marks: Vec<TimeMark>,
}

/// What is known of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Surveyed {
    rate: NonZeroU32,
    frames: Option<u64>,
    gain: Option<f32>,
}

impl Survey {
    /// `pieces` is how many there will be, all at `rate` Hz.
    pub(super) fn new(rate: NonZeroU32, pieces: usize, mastering: Mastering) -> Self {
        Self {
            rate,
            desk: Desk::new(rate, pieces),
            frames: 0,
            loudness: mastering.loudness.map(|_| Loudness::new(rate)),
            marks: Vec::new(),
        }
    }

    /// Listens to the next piece.
    ///
    /// # Errors
    /// If its rate cannot be converted.
    pub(super) fn add(&mut self, piece: &Piece, pcm: &Pcm) -> Result<(), EncodeError> {
        let joined = self.desk.place(pcm, piece.boundary)?;
        let here = self.frames;
        self.frames += joined.samples.len() as u64;
        if let Some(loudness) = &mut self.loudness {
            loudness.push(&joined.samples);
        }
        let rate = u64::from(self.rate.get());
        let ms = |frame: u64| frame * 1000 / rate;
        let within = |frame: u64| usize::try_from(frame.saturating_sub(here)).unwrap_or(usize::MAX);
        let heard = within(joined.start)..within(joined.end);
        let sound = joined.samples.get(heard).unwrap_or_default();
        let shares: Vec<usize> = piece.sentences.iter().map(|span| span.end - span.start).collect();
        let starts = sentence_starts(sound, self.rate, &shares);
        let mut characters = piece.text.chars();
        let mut at = piece.start;
        for (n, span) in piece.sentences.iter().enumerate() {
            let start = starts.get(n).map_or(joined.start, |frame| joined.start + frame);
            let end = starts.get(n + 1).map_or(joined.end, |frame| joined.start + frame);
            characters.by_ref().take(span.start - at).for_each(drop);
            let text = characters.by_ref().take(span.end - span.start).collect();
            at = span.end;
            self.marks.push(TimeMark {
                start_ms: ms(start),
                end_ms: ms(end.max(start)),
                text,
                start: span.start,
                end: span.end,
            });
        }
        Ok(())
    }

    /// What the file must know, and when its sentences are heard.
    pub(super) fn finish(self, mastering: Mastering) -> (Surveyed, Vec<TimeMark>) {
        let tail = self.desk.finish().len() as u64;
        let gain = mastering
            .loudness
            .zip(self.loudness)
            .map(|(target, loudness)| loudness.gain_to(target, f64::INFINITY).unwrap_or(1.0));
        let surveyed = Surveyed {
            rate: self.rate,
            frames: Some(self.frames + tail),
            gain,
        };
        (surveyed, self.marks)
    }
}

impl Surveyed {
    /// What can be known when there is only the first of all pieces: its loudness stands for that of the whole.
    pub(crate) fn by_the_first(first: &Pcm, rate: NonZeroU32, mastering: Mastering) -> Self {
        let gain = mastering.loudness.map(|target| {
            let mut loudness = Loudness::new(rate);
            loudness.push(first.samples());
            loudness.gain_to(target, f64::INFINITY).unwrap_or(1.0)
        });
        Self {
            rate,
            frames: None,
            gain,
        }
    }
}

/// Makes the file, piece by piece, in memory that does not grow with its length.
#[derive(Debug)]
pub(crate) struct Assembly {
    desk: Desk,
    limiter: Option<Limiter>,
    peaks: Peaks,
    encoder: StreamEncoder,
}

/// A file that is complete.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// Its last bytes, and how long it is.
    pub(crate) end: Finished,
    /// Its waveform.
    pub(crate) peaks: Vec<u8>,
}

impl Assembly {
    /// Begins a file of so many pieces.
    pub(crate) fn new(
        surveyed: &Surveyed,
        pieces: usize,
        format: OutputFormat,
        mastering: Mastering,
    ) -> Result<Self, EncodeError> {
        let options = StreamOptions {
            sample_rate: mastering.sample_rate.and_then(NonZeroU32::new),
            frames: surveyed.frames,
        };
        Ok(Self {
            desk: Desk::new(surveyed.rate, pieces),
            limiter: surveyed.gain.map(|gain| Limiter::new(gain, CEILING)),
            peaks: Peaks::new(PEAKS, surveyed.frames),
            encoder: StreamEncoder::new(format, surveyed.rate, options)?,
        })
    }

    /// Adds the next piece; returns what is ready of the file.
    pub(crate) fn push(&mut self, pcm: &Pcm, boundary: Boundary) -> Result<Vec<u8>, EncodeError> {
        let mut samples = self.desk.place(pcm, boundary)?.samples;
        if let Some(limiter) = &self.limiter {
            limiter.apply(&mut samples);
        }
        self.peaks.push(&samples);
        self.encoder.push(&samples)
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<Assembled, EncodeError> {
        let tail = self.desk.finish();
        self.peaks.push(&tail);
        let mut bytes = self.encoder.push(&tail)?;
        let mut end = self.encoder.finish()?;
        bytes.append(&mut end.bytes);
        end.bytes = bytes;
        Ok(Assembled {
            end,
            peaks: self.peaks.finish(),
        })
    }
}
