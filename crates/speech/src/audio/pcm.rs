//! Uncompressed sound.

use std::{borrow::Cow, num::NonZeroU32, time::Duration};

use super::resample::StreamResampler;

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

    /// The samples, owned.
    #[must_use]
    pub fn into_samples(self) -> Vec<f32> {
        self.samples
    }

    /// Samples per second, which are never none.
    #[must_use]
    pub const fn rate(&self) -> NonZeroU32 {
        self.sample_rate
    }

    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        duration_of(self.samples.len() as u64, self.sample_rate.get())
    }

    /// The same sound at another rate; borrowed when it has that rate already.
    ///
    /// Returns `None` if the resampler cannot work with the two rates.
    #[must_use]
    pub fn resampled(&self, sample_rate: NonZeroU32) -> Option<Cow<'_, Self>> {
        if sample_rate == self.sample_rate || self.samples.is_empty() {
            return Some(Cow::Borrowed(self));
        }
        let mut resampler = StreamResampler::new(self.sample_rate, sample_rate).ok()?;
        let mut samples = Vec::new();
        resampler.push(&self.samples, &mut samples).ok()?;
        resampler.finish(&mut samples).ok()?;
        Some(Cow::Owned(Self::new(samples, sample_rate)))
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
pub(crate) fn duration_of(frames: u64, rate: u32) -> Duration {
    let rate = u64::from(rate.max(1));
    let nanos = (frames % rate) * 1_000_000_000 / rate;
    Duration::from_secs(frames / rate) + Duration::from_nanos(nanos)
}
