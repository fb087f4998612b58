//! How long and how loud a sound is.

use std::time::Duration;

use ebur128::{EbuR128, Mode};

use super::Pcm;

/// What is quieter than this is silence: the absolute gate of EBU R 128, below which nothing counts as programme.
pub const SILENCE_LUFS: f64 = -70.0;

/// The facts about a sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurements {
    /// How long it plays.
    pub duration: Duration,
    /// Samples per second, of the file if it was decoded from one.
    pub sample_rate: u32,
    /// Channels, of the file if it was decoded from one.
    pub channels: u16,
    /// Integrated loudness in LUFS by EBU R 128, of all channels mixed into one; `None` for silence, and for what is
    /// too short (0.4 s) to have a loudness.
    pub loudness_lufs: Option<f64>,
    /// The largest sample, where 1 is full scale.
    pub peak: f32,
    /// Whether there is nothing to hear: no loudness above the gate, or no sample at all above it.
    pub is_silent: bool,
}

/// Measures a sound.
#[must_use]
pub fn measure(pcm: &Pcm) -> Measurements {
    let peak = pcm
        .samples()
        .iter()
        .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let loudness_lufs = loudness(pcm);
    // What is too short for a loudness is judged by its peak alone.
    let too_short = pcm.duration() < Duration::from_millis(400);
    let audible_peak = f64::from(peak) > 10_f64.powf(SILENCE_LUFS / 20.0);
    Measurements {
        duration: pcm.duration(),
        sample_rate: pcm.sample_rate(),
        channels: 1,
        loudness_lufs,
        peak,
        is_silent: !audible_peak || (loudness_lufs.is_none() && !too_short),
    }
}

fn loudness(pcm: &Pcm) -> Option<f64> {
    let mut meter = EbuR128::new(1, pcm.sample_rate(), Mode::I).ok()?;
    meter.add_frames_f32(pcm.samples()).ok()?;
    meter
        .loudness_global()
        .ok()
        .filter(|lufs| lufs.is_finite() && *lufs > SILENCE_LUFS)
}

#[cfg(test)]
mod tests {
    use std::{f32::consts::TAU, num::NonZeroU32};

    use super::*;

    fn tone(hz: f32, amplitude: f32, seconds: f32) -> Pcm {
        let rate = NonZeroU32::new(48_000).unwrap();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let frames = (seconds * 48_000.0) as usize;
        Pcm::new(
            (0..frames)
                .map(|n| amplitude * (TAU * hz * n as f32 / 48_000.0).sin())
                .collect(),
            rate,
        )
    }

    #[test]
    fn a_tone_of_known_level_has_the_loudness_that_the_standard_says() {
        // ITU-R BS.1770: a full-scale 997 Hz sine in one channel reads -3.01 LUFS.
        let loudness = measure(&tone(997.0, 1.0, 5.0)).loudness_lufs.unwrap();
        assert!((loudness - -3.01).abs() < 0.05, "{loudness}");
        let quieter = measure(&tone(997.0, 0.1, 5.0)).loudness_lufs.unwrap();
        assert!((quieter - -23.01).abs() < 0.05, "{quieter}");
    }

    #[test]
    fn silence_has_no_loudness() {
        for pcm in [
            tone(440.0, 0.0, 3.0),
            tone(440.0, 0.000_01, 3.0),
            tone(440.0, 0.0, 0.0),
        ] {
            let measurements = measure(&pcm);
            assert_eq!(measurements.loudness_lufs, None);
            assert!(measurements.is_silent);
        }
    }

    #[test]
    fn a_short_click_is_no_silence() {
        let measurements = measure(&tone(997.0, 0.5, 0.1));
        assert_eq!(measurements.loudness_lufs, None);
        assert!(!measurements.is_silent);
        assert_eq!(measurements.duration, Duration::from_millis(100));
    }
}
