//! Loudness as the sound comes, and its correction.

use std::{fmt, num::NonZeroU32};

use ebur128::{EbuR128, Mode};

use super::SILENCE_LUFS;

/// From which part of its ceiling on a [`Limiter`] rounds off.
const KNEE: f32 = 0.7;
/// How far below the ceiling samples stay, as a factor (1 dB): between two samples, the wave goes higher than both.
const MARGIN: f32 = 0.891_251;

/// Measures the loudness and the true peak of a sound that comes in pieces.
pub struct Loudness {
    meter: Option<EbuR128>,
}

impl Loudness {
    /// A meter for one channel at a rate in Hz.
    #[must_use]
    pub fn new(sample_rate: NonZeroU32) -> Self {
        Self {
            meter: EbuR128::new(1, sample_rate.get(), Mode::I | Mode::TRUE_PEAK).ok(),
        }
    }

    /// Takes the next samples.
    pub fn push(&mut self, samples: &[f32]) {
        if let Some(meter) = &mut self.meter {
            // It refuses half frames only, which one channel does not have.
            let _ = meter.add_frames_f32(samples);
        }
    }

    /// Integrated loudness in LUFS by EBU R 128 of all that came so far; `None` for silence, and for what is too short
    /// (0.4 s) to have a loudness.
    #[must_use]
    pub fn lufs(&self) -> Option<f64> {
        let lufs = self.meter.as_ref()?.loudness_global().ok()?;
        Some(lufs).filter(|lufs| lufs.is_finite() && *lufs > SILENCE_LUFS)
    }

    /// The highest point of the wave, between the samples too, where 1 is full scale.
    #[must_use]
    pub fn true_peak(&self) -> f64 {
        let peak = self.meter.as_ref().and_then(|meter| meter.true_peak(0).ok());
        peak.unwrap_or(0.0)
    }

    /// The factor that makes the sound as loud as `target` (in LUFS), or less where its true peak would go beyond
    /// `ceiling` (in dB of full scale). `None` if it has no loudness.
    #[must_use]
    pub fn gain_to(&self, target: f64, ceiling: f64) -> Option<f32> {
        let wanted = amplitude(target - self.lufs()?);
        let allowed = amplitude(ceiling) / self.true_peak().max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_possible_truncation, reason = "a factor needs no such precision")]
        Some(wanted.min(allowed) as f32)
    }
}

impl fmt::Debug for Loudness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loudness")
            .field("lufs", &self.lufs())
            .finish_non_exhaustive()
    }
}

/// A gain that is fixed beforehand, with peaks rounded off below a ceiling. Each sample is treated alone, so that the
/// result does not depend on how the sound was cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limiter {
    gain: f32,
    knee: f32,
    highest: f32,
}

impl Limiter {
    /// For a factor and a ceiling in dB of full scale. Samples stay 1 dB below the ceiling, so that the wave between
    /// them does not go beyond it.
    #[must_use]
    pub fn new(gain: f32, ceiling: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an amplitude needs no such precision"
        )]
        let highest = amplitude(ceiling) as f32 * MARGIN;
        Self {
            gain,
            knee: KNEE * highest,
            highest,
        }
    }

    /// Corrects samples in their place.
    pub fn apply(&self, samples: &mut [f32]) {
        let room = self.highest - self.knee;
        for sample in samples {
            *sample *= self.gain;
            let over = (sample.abs() - self.knee).max(0.0) / room;
            if over > 0.0 {
                // From the knee on, what is added grows ever slower towards the highest.
                *sample = sample.signum() * (self.knee + room * over / (1.0 + over));
            }
        }
    }
}

/// Decibels as a factor.
fn amplitude(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(48_000).unwrap();

    fn measured(samples: &[f32]) -> Loudness {
        let mut loudness = Loudness::new(RATE);
        samples.chunks(777).for_each(|chunk| loudness.push(chunk));
        loudness
    }

    /// A quarter of the rate, sampled beside its peaks: 3 dB of the wave are between the samples.
    fn between(amplitude: f32) -> Vec<f32> {
        (0..96_000)
            .map(|n| amplitude * (TAU * (n as f32 / 4.0 + 0.125)).sin())
            .collect()
    }

    #[test]
    fn a_gain_reaches_its_target_unless_the_true_peak_is_in_the_way() {
        let mut sound: Vec<f32> = (0..96_000)
            .map(|n| 0.01 * (TAU * 997.0 * n as f32 / 48_000.0).sin())
            .collect();
        let gain = measured(&sound).gain_to(-23.0, -1.0).unwrap();
        sound.iter_mut().for_each(|sample| *sample *= gain);
        assert!((measured(&sound).lufs().unwrap() + 23.0).abs() < 0.05);

        let gain = measured(&between(0.1)).gain_to(0.0, -1.0).unwrap();
        let peak = measured(&between(0.1 * gain)).true_peak();
        assert!((20.0 * peak.log10() + 1.0).abs() < 0.1, "{peak}");
        assert_eq!(measured(&[0.0; 96_000]).gain_to(-23.0, -1.0), None);
    }

    #[test]
    fn a_limiter_leaves_what_is_quiet_and_keeps_the_true_peak_of_what_is_loud_below_its_ceiling() {
        let limiter = Limiter::new(2.0, -1.0);
        let mut quiet = [0.1, -0.2];
        limiter.apply(&mut quiet);
        assert_eq!(quiet, [0.2, -0.4]);
        let mut speech: Vec<f32> = (0..96_000)
            .map(|n| {
                let phase = TAU * 130.0 * n as f32 / 48_000.0;
                (1..30).map(|k| (phase * k as f32).sin() / k as f32).sum::<f32>()
            })
            .collect();
        limiter.apply(&mut speech);
        let peak = 20.0 * measured(&speech).true_peak().log10();
        assert!(peak < -1.0, "{peak} dB");
    }
}
