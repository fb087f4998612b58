//! What consonants do to the vowels beside them.

use espeak_ng::synthesize::phondata::SpectFrame;

use super::Frames;
use crate::voice::Timbre;

/// The level of a vowel's first frame if nothing else is said.
const START_RMS: i32 = 28;
/// The end of a vowel that leads to a consonant, in ms.
const EXIT_MS: f64 = 36.0;
/// The front part of a vowel that follows a consonant, in ms.
const FRONT_MS: f64 = 50.0;

/// What a consonant does to the vowel beside it, unpacked (`FormantTransition2`).
struct Transition {
    length_ms: f64,
    rms: i32,
    flags: u32,
    second: i32,
    second_range: (i32, i32),
    third: i32,
    reduce_high: i32,
    first: u32,
}

impl Transition {
    #[expect(clippy::cast_possible_wrap, reason = "a few bits each")]
    fn new(a: u32, b: u32) -> Self {
        let signed = |bits: u32| ((bits & 0x1F) as i32 - 15) * 50;
        Self {
            length_ms: ((a & 0x3F) * 2) as f64,
            rms: ((a >> 6) & 0x3F) as i32,
            flags: a >> 12,
            second: ((b & 0x3F) * 50) as i32,
            second_range: (signed(b >> 6), signed(b >> 11)),
            third: signed(b >> 16),
            reduce_high: (((b >> 21) & 0x1F) * 8) as i32,
            first: (b >> 26) & 0x7,
        }
    }

    /// Moves the formants towards the place of the consonant (`AdjustFormants`).
    fn bend(&self, frame: &mut SpectFrame, timbre: &Timbre) {
        let [tilt, first, second, third, fourth, fifth, _] = &mut frame.ffreq;
        let narrow = |value: i32| i16::try_from(value.max(0)).unwrap_or(i16::MAX);
        let target = self.second * timbre.formant_factor / 256;
        let (low, high) = self.second_range;
        let shift = ((target - i32::from(*second)) / 2).max(low).min(high);
        *second = narrow(i32::from(*second) + shift);
        *third = narrow(i32::from(*third) + self.third);
        let higher = if self.flags & 0x20 != 0 {
            -self.third
        } else {
            self.third
        };
        *fourth = narrow(i32::from(*fourth) + higher);
        *fifth = narrow(i32::from(*fifth) + higher);
        let below = |frequency: i32, low: i32, high: i32| (frequency - i32::from(*first)).clamp(low, high);
        let (shift, also_tilt) = match self.first {
            1 => (below(235, -100, -60), false),
            2 => (below(235, -300, -150), true),
            3 => (below(100, -400, i32::from(i16::MAX)), true),
            _ => (0, false),
        };
        *first = narrow(i32::from(*first) + shift);
        if also_tilt {
            *tilt = narrow(i32::from(*tilt) + shift);
        }
        if self.reduce_high > 0 {
            for height in frame.fheight.iter_mut().skip(2) {
                *height = u8::try_from(i32::from(*height) * self.reduce_high / 100).unwrap_or(u8::MAX);
            }
        }
    }
}

/// Sets the level of a frame (`set_frame_rms`): its amplitude is the square of its heights.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "limited to a byte"
)]
fn set_rms(frame: &mut SpectFrame, rms: i32) {
    if rms <= 0 || frame.rms == 0 {
        return;
    }
    let factor = (f64::from(rms) / f64::from(frame.rms)).sqrt();
    for height in &mut frame.fheight {
        *height = (f64::from(*height) * factor).round().min(255.0) as u8;
    }
    frame.rms = u8::try_from(rms).unwrap_or(u8::MAX);
}

/// Begins a vowel where the consonant before it left the mouth.
pub(super) fn enter(start: &mut Frames, centre: Option<&SpectFrame>, a: u32, b: u32, timbre: &Timbre) {
    let Some(centre) = centre else { return };
    if start.is_empty() {
        start.push((centre.clone(), 0.0));
        start.push((centre.clone(), 0.0));
    }
    let transition = Transition::new(a, b);
    let next_rms = start
        .get(1)
        .map_or(i32::from(centre.rms), |(frame, _)| i32::from(frame.rms));
    let Some((frame, length)) = start.first_mut() else {
        return;
    };
    *length = if transition.length_ms > 0.0 {
        transition.length_ms
    } else {
        FRONT_MS
    };
    let relative = transition.rms & 0x20 != 0;
    if transition.second == 0 {
        set_rms(frame, START_RMS);
        return;
    }
    if relative {
        set_rms(frame, next_rms * (transition.rms & 0x1F) / 30);
    }
    transition.bend(frame, timbre);
    if !relative {
        set_rms(frame, transition.rms * 2);
    }
}

/// Ends a vowel where the consonant after it wants the mouth, and answers by how much that makes it longer, in ms.
pub(super) fn leave(body: &mut Frames, a: u32, b: u32, timbre: &Timbre) -> f64 {
    let transition = Transition::new(a, b);
    if transition.second == 0 && transition.flags == 0 {
        return 0.0;
    }
    let Some((mut frame, _)) = body.last().cloned() else {
        return 0.0;
    };
    let length = if transition.length_ms > 0.0 {
        transition.length_ms
    } else {
        EXIT_MS
    };
    if let Some(last) = body.last_mut() {
        last.1 = length;
    }
    if transition.second != 0 {
        transition.bend(&mut frame, timbre);
    }
    set_rms(&mut frame, transition.rms * 2);
    body.push((frame, 0.0));
    length
}
