//! The fundamental frequency, with YIN.

use super::RATE;

/// Pitches of voices, in Hz.
const LOWEST: u32 = 60;
const HIGHEST: u32 = 500;
/// The longest and the shortest period, in samples.
const MAX_LAG: usize = (RATE.get() / LOWEST) as usize;
const MIN_LAG: usize = (RATE.get() / HIGHEST) as usize;
/// The length over which a frame is compared with itself: 32 ms, two of the longest periods.
const WINDOW: usize = 256;
/// From frame to frame: 16 ms.
const HOP: usize = 128;
/// How unlike itself a voiced frame may be one period later, where 1 is as unlike as on average. YIN's authors take 0.1
/// to 0.15 for clean signals; rooms, codecs and gliding pitches need more.
const VOICED: f32 = 0.3;
/// How much less alike than at the best of all periods a frame may be at a shorter one which is taken instead. Multiples
/// of the period are all equally good; a strong overtone's period is not.
const TOLERANCE: f32 = 0.08;
/// Frames this much quieter than the loudest ones (in power: 35 dB) are pauses.
const PAUSE: f32 = 3.2e-4;
/// No more frames than this are analysed, spread evenly over what there is.
const MAX_FRAMES: usize = 4000;

/// The pitches of a recording's voiced frames, ascending.
pub(super) struct Contour(Vec<f32>);

impl Contour {
    /// Finds the pitches in samples at [`RATE`].
    pub(super) fn of(samples: &[f32]) -> Self {
        let frames: Vec<&[f32]> = samples.windows(WINDOW + MAX_LAG).step_by(HOP).collect();
        let power = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
        let loudest = frames.iter().map(|frame| power(frame)).fold(0.0, f32::max);
        let stride = frames.len().div_ceil(MAX_FRAMES).max(1);
        let mut pitches: Vec<f32> = frames
            .into_iter()
            .step_by(stride)
            .filter(|frame| power(frame) > (loudest * PAUSE).max(1e-9))
            .filter_map(pitch)
            .collect();
        pitches.sort_by(f32::total_cmp);
        Self(pitches)
    }

    pub(super) fn median(&self) -> Option<f32> {
        self.percentile(50)
    }

    pub(super) fn range_semitones(&self) -> Option<f32> {
        Some(12.0 * (self.percentile(90)? / self.percentile(10)?).log2())
    }

    fn percentile(&self, percent: usize) -> Option<f32> {
        self.0
            .get(self.0.len().saturating_sub(1) * percent / 100)
            .copied()
    }
}

/// The pitch of one frame, in Hz; `None` if it is unvoiced.
fn pitch(frame: &[f32]) -> Option<f32> {
    let window = frame.get(..WINDOW)?;
    // The cumulative mean normalised difference (YIN's equations 6 and 8), which starts at 1 and falls towards 0 at
    // every multiple of the period.
    let mut normalised = [1.0_f32; MAX_LAG + 1];
    let mut sum = 0.0;
    for (lag, value) in normalised.iter_mut().enumerate().skip(1) {
        let later = frame.get(lag..lag + WINDOW)?;
        let difference: f32 = window.iter().zip(later).map(|(a, b)| (a - b) * (a - b)).sum();
        sum += difference;
        *value = if sum > 0.0 {
            difference * lag as f32 / sum
        } else {
            1.0
        };
    }
    // The first dip that is nearly as deep as the deepest, down to its bottom: later ones are multiples of the period.
    let at = |lag: usize| normalised.get(lag).copied().unwrap_or(1.0);
    let deepest = (MIN_LAG..MAX_LAG).map(at).fold(1.0, f32::min);
    if deepest > VOICED {
        return None;
    }
    let mut lag = (MIN_LAG..MAX_LAG).find(|lag| at(*lag) <= deepest + TOLERANCE)?;
    while lag < MAX_LAG - 1 && at(lag + 1) < at(lag) {
        lag += 1;
    }
    // The bottom of the parabola through the lowest point and its neighbours lies between the samples.
    let (before, bottom, after) = (at(lag - 1), at(lag), at(lag + 1));
    let curvature = before - 2.0 * bottom + after;
    let shift = if curvature > 0.0 {
        ((before - after) / (2.0 * curvature)).clamp(-1.0, 1.0)
    } else {
        0.0
    };
    Some(RATE.get() as f32 / (lag as f32 + shift))
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    /// A voice-like tone: a fundamental weaker than its harmonics, gliding from one pitch to another.
    fn glide(from_hz: f32, to_hz: f32, seconds: usize) -> Vec<f32> {
        let rate = RATE.get() as f32;
        let mut phase = 0.0;
        let frames = seconds * RATE.get() as usize;
        (0..frames)
            .map(|n| {
                phase += (from_hz + (to_hz - from_hz) * n as f32 / frames as f32) / rate;
                (1..8)
                    .map(|k| (TAU * phase * k as f32).sin() * if k == 1 { 0.05 } else { 0.2 / k as f32 })
                    .sum()
            })
            .collect()
    }

    #[test]
    fn the_pitch_of_voices_is_found_to_a_hundredth() {
        for hz in [75.0, 110.0, 180.0, 262.0, 400.0] {
            let median = Contour::of(&glide(hz, hz, 2)).median().unwrap();
            assert!((median / hz - 1.0).abs() < 0.01, "{median} for {hz}");
        }
    }

    #[test]
    fn the_range_of_a_glide_over_an_octave_is_most_of_it() {
        // Linear in Hz from 100 to 200: the 10th percentile is 110 Hz and the 90th 190 Hz, 9.46 semitones.
        let range = Contour::of(&glide(100.0, 200.0, 4)).range_semitones().unwrap();
        assert!((range - 9.46).abs() < 0.3, "{range}");
        assert!(Contour::of(&glide(150.0, 150.0, 2)).range_semitones().unwrap() < 0.2);
    }

    #[test]
    fn noise_and_silence_have_no_pitch() {
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..16_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        assert_eq!(Contour::of(&noise).median(), None);
        assert_eq!(Contour::of(&[0.0; 16_000]).median(), None);
        assert_eq!(Contour::of(&[]).median(), None);
    }
}
