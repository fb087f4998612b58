//! Uncompressed sound.

use std::{borrow::Cow, num::NonZeroU32, time::Duration};

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// How many frames the resampler takes at a time: long enough to be quick, short enough to stay in the cache.
const RESAMPLER_CHUNK: usize = 1024;

/// Uncompressed sound: one channel, nominally within ±1.
#[derive(Clone, PartialEq)]
pub struct Pcm {
    samples: Vec<f32>,
    sample_rate: NonZeroU32,
}

impl Pcm {
    /// Takes samples, nominally within ±1, at a rate in Hz.
    #[must_use]
    pub const fn new(samples: Vec<f32>, sample_rate: NonZeroU32) -> Self {
        Self { samples, sample_rate }
    }

    /// The samples, nominally within ±1.
    #[must_use]
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Samples per second.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate.get()
    }

    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        duration_of(self.samples.len(), self.sample_rate.get())
    }

    /// The same sound at another rate; borrowed when it has that rate already.
    ///
    /// Returns `None` if the resampler cannot work with the two rates.
    pub(crate) fn resampled(&self, sample_rate: NonZeroU32) -> Option<Cow<'_, Self>> {
        if sample_rate == self.sample_rate || self.samples.is_empty() {
            return Some(Cow::Borrowed(self));
        }
        let (from, to) = (self.sample_rate.get() as usize, sample_rate.get() as usize);
        let frames = self.samples.len();
        let input = InterleavedSlice::new(&self.samples, 1, frames).ok()?;
        let mut resampler = Fft::<f32>::new(from, to, RESAMPLER_CHUNK, 1, FixedSync::Both).ok()?;
        let mut samples = resampler.process_all(&input, frames, None).ok()?.take_data();
        // The resampler rounds up to its own steps; a sample more would change the duration.
        samples.truncate((frames * to).div_ceil(from));
        Some(Cow::Owned(Self::new(samples, sample_rate)))
    }

    /// The samples as 16-bit integers; what lies beyond ±1 is clipped, and what is no number is silent.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to the range of the integer first"
    )]
    pub(crate) fn to_i16(&self) -> Vec<i16> {
        let scale = f32::from(i16::MAX);
        self.samples
            .iter()
            .map(|sample| (sample.clamp(-1.0, 1.0) * scale).round() as i16)
            .collect()
    }
}

impl std::fmt::Debug for Pcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pcm")
            .field("duration", &self.duration())
            .field("sample_rate", &self.sample_rate)
            .finish_non_exhaustive()
    }
}

/// How long `frames` last at `rate` Hz.
pub(crate) fn duration_of(frames: usize, rate: u32) -> Duration {
    let (frames, rate) = (frames as u64, u64::from(rate.max(1)));
    let nanos = (frames % rate) * 1_000_000_000 / rate;
    Duration::from_secs(frames / rate) + Duration::from_nanos(nanos)
}
