//! Waveforms for players to draw.

use super::Pcm;

/// Summarises the sound as `buckets` equal stretches of time, each by its loudest sample: 0 is silence, 255 full scale.
///
/// With fewer samples than buckets there is one bucket per sample.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to the range of a byte"
)]
pub fn peaks(pcm: &Pcm, buckets: usize) -> Vec<u8> {
    let samples = pcm.samples();
    let buckets = buckets.min(samples.len());
    (0..buckets)
        .map(|bucket| {
            // Both borders are computed in the same way, so that every sample falls into exactly one bucket.
            let border = |n: usize| (n as u128 * samples.len() as u128 / buckets as u128) as usize;
            let stretch = samples
                .get(border(bucket)..border(bucket + 1))
                .unwrap_or_default();
            let peak = stretch
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            (peak.min(1.0) * 255.0).round() as u8
        })
        .collect()
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
}
