//! Waveforms for players to draw.

use super::Pcm;

/// Summarises the sound as `buckets` equal stretches of time, each by its loudest sample: 0 is silence, 255 full scale.
///
/// With fewer samples than buckets there is one bucket per sample.
#[must_use]
pub fn peaks(pcm: &Pcm, buckets: usize) -> Vec<u8> {
    let mut peaks = Peaks::new(buckets, Some(pcm.samples().len() as u64));
    peaks.push(pcm.samples());
    peaks.finish()
}

/// Makes the same of a sound that comes in pieces.
#[derive(Debug, Clone)]
pub struct Peaks {
    buckets: usize,
    frames: Option<u64>,
    taken: u64,
    /// The loudest sample of each stretch so far; the last one may still grow.
    cells: Vec<f32>,
    /// Where the last stretch ends.
    border: u64,
    /// How long a stretch is while the length of the sound is not known.
    width: u64,
}

impl Peaks {
    /// For so many buckets, and a sound of so many frames if that is known.
    ///
    /// Without it, stretches are short at first and joined in pairs as the sound goes on, so that at the end a border
    /// between two buckets is off by half a bucket at most; the memory stays within twice the buckets.
    #[must_use]
    pub fn new(buckets: usize, frames: Option<u64>) -> Self {
        let bounded = frames.and_then(|frames| usize::try_from(frames).ok());
        Self {
            buckets: bounded.map_or(buckets, |frames| buckets.min(frames)),
            frames,
            taken: 0,
            cells: Vec::new(),
            border: 0,
            width: 1,
        }
    }

    /// Takes the next samples.
    pub fn push(&mut self, samples: &[f32]) {
        if self.buckets == 0 {
            return;
        }
        for sample in samples {
            if self.taken >= self.border {
                self.open();
            }
            if let Some(peak) = self.cells.last_mut() {
                *peak = peak.max(sample.abs());
            }
            self.taken += 1;
        }
    }

    /// Begins the next stretch.
    fn open(&mut self) {
        match self.frames {
            // What comes beyond the known length belongs to the last bucket.
            Some(_) if self.cells.len() == self.buckets => self.border = u64::MAX,
            Some(frames) => {
                self.cells.push(0.0);
                let end = self.cells.len() as u128 * u128::from(frames) / self.buckets as u128;
                self.border = u64::try_from(end).unwrap_or(u64::MAX);
            }
            None => {
                if self.cells.len() == 2 * self.buckets {
                    let joined = self.cells.chunks(2);
                    self.cells = joined
                        .map(|pair| pair.iter().copied().fold(0.0, f32::max))
                        .collect();
                    self.width *= 2;
                }
                self.cells.push(0.0);
                self.border = self.taken + self.width;
            }
        }
    }

    /// The buckets.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is clamped to the range of a byte"
    )]
    pub fn finish(self) -> Vec<u8> {
        let buckets = self.buckets.min(self.cells.len());
        let border = |n: usize| n * self.cells.len() / buckets.max(1);
        (0..buckets)
            .map(|bucket| {
                let cells = self.cells.get(border(bucket)..border(bucket + 1));
                let peak = cells.unwrap_or_default().iter().copied().fold(0.0, f32::max);
                (peak.min(1.0) * 255.0).round() as u8
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();

    #[test]
    fn peaks_show_where_the_sound_is_loud() {
        let mut samples = vec![0.0; 1000];
        samples[250] = -1.0;
        samples[999] = 0.5;
        assert_eq!(peaks(&Pcm::new(samples, RATE), 4), [0, 255, 0, 128]);
    }

    #[test]
    fn peaks_of_overdriven_or_missing_sound_stay_in_range() {
        assert_eq!(peaks(&Pcm::new(vec![7.0, f32::NAN], RATE), 2), [255, 0]);
        assert_eq!(peaks(&Pcm::new(vec![], RATE), 100), [0_u8; 0]);
        assert_eq!(peaks(&Pcm::new(vec![1.0; 3], RATE), 100).len(), 3);
    }

    #[test]
    fn peaks_of_pieces_are_those_of_the_whole_and_near_them_if_the_length_is_not_known() {
        let sound: Vec<f32> = (0..77_777).map(|n| n as f32 / 77_777.0).collect();
        let whole = peaks(&Pcm::new(sound.clone(), RATE), 100);
        let fed = |frames| {
            let mut peaks = Peaks::new(100, frames);
            sound.chunks(1_234).for_each(|piece| peaks.push(piece));
            assert!(peaks.cells.len() <= 200);
            peaks.finish()
        };
        assert_eq!(fed(Some(77_777)), whole);
        let adaptive = fed(None);
        assert_eq!(adaptive.len(), 100);
        assert!(
            adaptive.iter().zip(&whole).all(|(a, b)| a.abs_diff(*b) <= 4),
            "{adaptive:?}"
        );
    }
}
