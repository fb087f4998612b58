//! The voice: harmonics of a pitch, as loud as the formants make them.
//!
//! The spectrum is that of eSpeak NG's `wavegen.c`; the harmonics are summed by recurrences, eight at a time.

use std::{f64::consts::TAU, sync::LazyLock};

use espeak_ng::synthesize::{
    intonation::{Syllable, pitch_to_hz},
    phondata::SpectFrame,
};

use crate::{
    articulation::{Glide, Part},
    voice::Timbre,
};

/// The sample rate, in Hz.
const RATE: f64 = 22_050.0;
/// Samples for which a spectrum holds: 3 ms.
const BLOCK: usize = 64;
/// The most harmonics that there are: those of the lowest voice up to the highest formant.
const MAX_HARMONICS: usize = 192;
/// Harmonics beyond this frequency are left out, in Hz.
const HIGHEST: f64 = 9_500.0;
/// Harmonics above this frequency have the opposite sign, which keeps the pulses of the voice apart.
const SIGN_CHANGE: f64 = 890.0;
/// Formants that are heard, with the heights of a normal voice (`default_heights` in `voices.c`, over 256).
const FORMANTS: [f64; 8] = [1.016, 1.0, 0.9375, 0.906, 0.781, 0.781, 1.6, 1.0];
/// What frames do not state: the widths of the two highest formants, which eSpeak NG makes of single pulses, in units,
/// and the frequency of the last one, in Hz.
const HIGHEST_FORMANT: f64 = 7_800.0;
const HIGHEST_WIDTH: u8 = 60;
/// Their widths, in Hz for one unit of a frame's width (`default_widths`, over 32).
const WIDTHS: [f64; 8] = [4.375, 4.0, 4.0, 5.0, 5.344, 5.344, 4.0, 4.0];
/// By how much of the way the pitch follows its melody in every block.
const PITCH_PACE: f64 = 0.35;
/// How far the pitch wanders by itself, as a factor, so that it does not sound like a machine's.
const FLUTTER: f64 = 0.006;
/// From the synthesiser's own scale to full scale.
const SCALE: f64 = 1.0 / 32_768.0;

/// The shape of a formant from its peak to where it ends, squared when it is heard.
static SHAPE: LazyLock<[f64; 129]> =
    LazyLock::new(|| std::array::from_fn(|n| (TAU / 4.0 * n as f64 / 128.0).cos().max(0.0).powf(1.5)));

/// Sings the parts of one clause.
pub(crate) fn sing(parts: &[Part], timbre: &Timbre) -> Vec<f32> {
    let mut out = Vec::new();
    let mut voice = Voice::new(timbre);
    let mut n = 0;
    while let Some(part) = parts.get(n) {
        match part {
            Part::Silence(seconds) => {
                out.resize(out.len() + samples(*seconds), 0.0);
                n += 1;
            }
            Part::Noise(noise) => {
                let at = out.len();
                out.resize(at + noise.len(), 0.0);
                mix(&mut out, at, noise);
                n += 1;
            }
            Part::Voice { .. } => {
                let run = parts.get(n..).unwrap_or_default();
                let length = run
                    .iter()
                    .take_while(|part| matches!(part, Part::Voice { .. }))
                    .count();
                voice.sing_run(run.get(..length).unwrap_or_default(), &mut out);
                n += length;
            }
        }
    }
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds at most"
)]
fn samples(seconds: f64) -> usize {
    (seconds * RATE).round() as usize
}

/// Adds noise, which comes and goes within a millisecond, smoothly.
fn mix(out: &mut [f32], at: usize, noise: &[i16]) {
    const FADE: usize = 22;
    for (n, (out, sample)) in out.iter_mut().skip(at).zip(noise).enumerate() {
        let edge = (n + 1).min(noise.len() - n).min(FADE) as f32 / FADE as f32;
        *out += f32::from(*sample) / 32_768.0 * edge * edge;
    }
}

/// One frame on the way of a run.
struct Step<'a> {
    glide: &'a Glide,
    /// The melody of its vowel, and how many seconds into how many it is.
    sung: Option<(Syllable, f64, f64)>,
}

/// The frames through which sounds flow into each other.
fn way(run: &[Part]) -> Vec<Step<'_>> {
    let mut way: Vec<Step<'_>> = Vec::new();
    for part in run {
        let Part::Voice { frames, melody, .. } = part else {
            continue;
        };
        // A sound leads to the first frame of the next one, unless it is to break off.
        if way
            .last()
            .is_some_and(|last| last.glide.seconds == 0.0 && !last.glide.breaks())
        {
            way.pop();
        }
        let whole = part.seconds();
        let mut within = 0.0;
        for glide in frames {
            way.push(Step {
                glide,
                sung: melody.map(|melody| (melody, within, whole)),
            });
            within += glide.seconds;
        }
    }
    way
}

/// A moment of a run: where the mouth is, how loud it is, and how high.
struct Moment<'a> {
    from: &'a Glide,
    to: &'a Glide,
    part: f64,
    pitch: f64,
}

struct Voice<'a> {
    timbre: &'a Timbre,
    /// Where in its period the voice is, in turns.
    phase: f64,
    /// How high it is, in Hz; `None` before its first vowel.
    pitch: Option<f64>,
    /// How long it has sung, in seconds, by which its pitch wanders.
    time: f64,
    levels: [f32; MAX_HARMONICS],
}

impl<'a> Voice<'a> {
    const fn new(timbre: &'a Timbre) -> Self {
        Self {
            timbre,
            phase: 0.0,
            pitch: None,
            time: 0.0,
            levels: [0.0; MAX_HARMONICS],
        }
    }

    fn hz(&self, value: f64) -> f64 {
        pitch_to_hz(value, self.timbre.pitch, self.timbre.pitch_range)
    }

    /// Sings sounds that flow into each other.
    fn sing_run(&mut self, run: &[Part], out: &mut Vec<f32>) {
        const BLOCK_SECONDS: f64 = BLOCK as f64 / RATE;
        let start = out.len();
        let way = way(run);
        // What is sung before the first vowel has its pitch already.
        if self.pitch.is_none() {
            let first = way.iter().find_map(|step| step.sung);
            self.pitch = first.map(|(melody, ..)| self.hz(melody.pitch_at(0.0)));
        }
        // Within a block the way can go on by several steps; what is left of the time is left for the next one.
        let mut elapsed = 0.0;
        for (n, step) in way.iter().enumerate() {
            let seconds = step.glide.seconds;
            let to = way.get(n + 1).map_or(step.glide, |next| next.glide);
            while elapsed < seconds {
                if let Some((melody, within, whole)) = step.sung {
                    let wanted = self.hz(melody.pitch_at((within + elapsed) / whole));
                    self.pitch = self
                        .pitch
                        .map(|pitch| pitch + (wanted - pitch) * PITCH_PACE)
                        .or(Some(wanted));
                }
                let pitch = self.pitch();
                self.block(
                    Some(&Moment {
                        from: step.glide,
                        to,
                        part: elapsed / seconds,
                        pitch,
                    }),
                    out,
                );
                elapsed += BLOCK_SECONDS;
            }
            elapsed -= seconds;
        }
        // The voice dies away within one more block.
        self.block(None, out);

        let mut at = 0.0;
        for part in run {
            if let Part::Voice { noise, .. } = part {
                let at = start + samples(at);
                out.resize(out.len().max(at + noise.len()), 0.0);
                mix(out, at, noise);
            }
            at += part.seconds();
        }
    }

    fn pitch(&self) -> f64 {
        self.pitch.unwrap_or(self.timbre.pitch)
    }

    /// Sings one block, from the levels of the last one to those of a moment; without one to silence.
    fn block(&mut self, moment: Option<&Moment<'_>>, out: &mut Vec<f32>) {
        let wander = (self.time * 7.1).sin() + (self.time * 12.7).sin() + (self.time * 4.3).sin();
        let pitch = moment.map_or_else(|| self.pitch(), |moment| moment.pitch);
        let pitch = (pitch * (1.0 + FLUTTER * wander / 3.0)).clamp(30.0, 700.0);
        let mut target = [0.0_f32; MAX_HARMONICS];
        let mut count = self
            .levels
            .iter()
            .rposition(|level| *level != 0.0)
            .map_or(0, |last| last + 1);
        if let Some(moment) = moment {
            count = count.max(spectrum(moment, pitch, self.timbre, &mut target));
        }
        let count = count.next_multiple_of(8).min(MAX_HARMONICS);
        out.extend(sum(self.phase, pitch / RATE, &self.levels, &target, count));
        self.phase = (self.phase + pitch / RATE * BLOCK as f64).fract();
        self.time += BLOCK as f64 / RATE;
        self.levels = target;
    }
}

/// How loud every harmonic is, and how many there are (`PeaksToHarmspect`).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts below the limit"
)]
fn spectrum(moment: &Moment<'_>, pitch: f64, timbre: &Timbre, levels: &mut [f32; MAX_HARMONICS]) -> usize {
    let between = |value: fn(&SpectFrame, usize) -> f64, n: usize| {
        let (from, to) = (value(&moment.from.frame, n), value(&moment.to.frame, n));
        from + (to - from) * moment.part
    };
    let level = moment.from.level + (moment.to.level - moment.from.level) * moment.part;
    let count = ((HIGHEST / pitch) as usize).min(MAX_HARMONICS);
    let mut heights = [0.0_f64; MAX_HARMONICS];
    let mut highest = 0;
    for (n, (loudness, hz_per_width)) in FORMANTS.into_iter().zip(WIDTHS).enumerate() {
        let centre = between(
            |frame, n| frame.ffreq.get(n).copied().map_or(HIGHEST_FORMANT, f64::from),
            n,
        );
        let height = between(|frame, n| frame.fheight.get(n).copied().map_or(0.0, f64::from), n) * loudness;
        if centre <= 0.0 || height <= 0.0 {
            continue;
        }
        let left = between(
            |frame, n| f64::from(frame.fwidth.get(n).copied().unwrap_or(HIGHEST_WIDTH)),
            n,
        );
        let right = if n < 3 {
            between(|frame, n| frame.fright.get(n).copied().map_or(0.0, f64::from), n)
        } else {
            left
        };
        let width = timbre.width(n) * hz_per_width;
        // A formant ends at half its width.
        let (left, right) = ((left * width / 2.0).max(1.0), (right * width / 2.0).max(1.0));
        let first = (((centre - left) / pitch).ceil() as usize).max(1);
        let last = (((centre + right) / pitch).floor() as usize).min(count);
        for harmonic in first..=last {
            let distance = harmonic as f64 * pitch - centre;
            let distance = if distance < 0.0 {
                -distance / left
            } else {
                distance / right
            };
            let shape = SHAPE.get((distance * 128.0) as usize).copied().unwrap_or(0.0);
            if let Some(sum) = heights.get_mut(harmonic - 1) {
                *sum += shape * height;
            }
        }
        highest = highest.max(last);
    }
    // The chest: falling from the fundamental to 1 kHz (`PeaksToHarmspect`, after the peaks).
    let chest = between(|frame, n| frame.fheight.get(n).copied().map_or(0.0, f64::from), 1) * 10.0 / 255.0;
    let up_to = (1000.0 / pitch).max(1.0);
    for (n, height) in heights.iter_mut().enumerate().take(up_to as usize) {
        *height += chest * (1.0 - n as f64 / up_to);
    }
    let highest = highest.max(up_to as usize).min(count);
    for (n, (level_of, height)) in levels.iter_mut().zip(heights).enumerate().take(highest) {
        let frequency = (n + 1) as f64 * pitch;
        // Heights are in the synthesiser's scale: 255 * 64 * 64 / 32768 of them, squared over 256.
        let height = height * 31.875;
        let first = if n == 0 { 1.25 } else { 1.0 };
        let sign = if frequency > SIGN_CHANGE { -1.0 } else { 1.0 };
        let loud = height * height / 256.0 * timbre.tone(frequency) * first * sign;
        *level_of = (loud * level * pitch * 0.9 / 256.0 * SCALE) as f32;
    }
    highest
}

/// The sum of the harmonics over one block, whose levels go from one row to another.
///
/// Each harmonic is a rotation: the next sample of a sine is twice its step's cosine times this one, less the last one.
#[expect(clippy::cast_possible_truncation, reason = "samples are in single precision")]
fn sum(
    phase: f64,
    step: f64,
    from: &[f32; MAX_HARMONICS],
    to: &[f32; MAX_HARMONICS],
    count: usize,
) -> [f32; BLOCK] {
    let mut now = [0.0_f32; MAX_HARMONICS];
    let mut last = [0.0_f32; MAX_HARMONICS];
    let mut turn = [0.0_f32; MAX_HARMONICS];
    // Multiples of an angle follow from each other in the same way.
    let multiples = |angle: f64, into: &mut [f32; MAX_HARMONICS], function: fn(f64) -> f64| {
        let twice = 2.0 * (TAU * angle).cos();
        let (mut before, mut current) = (function(0.0), function(TAU * angle));
        for value in into.iter_mut().take(count) {
            *value = current as f32;
            (before, current) = (current, twice * current - before);
        }
    };
    multiples(phase, &mut now, f64::sin);
    multiples(phase - step, &mut last, f64::sin);
    multiples(step, &mut turn, f64::cos);
    let mut out = [0.0_f32; BLOCK];
    let lanes = |row: &[f32; MAX_HARMONICS], n: usize| -> [f32; 8] {
        row.get(n..n + 8)
            .and_then(|lanes| lanes.try_into().ok())
            .unwrap_or_default()
    };
    for n in (0..count).step_by(8) {
        let (mut now, mut last, turn) = (lanes(&now, n), lanes(&last, n), lanes(&turn, n));
        let (mut level, to) = (lanes(from, n), lanes(to, n));
        if level == [0.0; 8] && to == [0.0; 8] {
            continue;
        }
        let change: [f32; 8] = std::array::from_fn(|k| (to[k] - level[k]) / BLOCK as f32);
        for sample in &mut out {
            let mut heard = [0.0_f32; 8];
            for k in 0..8 {
                heard[k] = now[k] * level[k];
                level[k] += change[k];
                let next = 2.0 * turn[k] * now[k] - last[k];
                last[k] = now[k];
                now[k] = next;
            }
            *sample += heard.iter().sum::<f32>();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "samples are in single precision")]
    fn the_sum_of_the_harmonics_is_that_of_their_sines() {
        let (mut from, mut to) = ([0.0; MAX_HARMONICS], [0.0; MAX_HARMONICS]);
        for n in 0..40 {
            from[n] = 1.0 / (n + 1) as f32;
            to[n] = if n % 3 == 0 { -0.5 } else { 0.1 };
        }
        let (phase, step) = (0.3, 110.0 / RATE);
        let block = sum(phase, step, &from, &to, 40);
        for (n, sample) in block.into_iter().enumerate() {
            let part = n as f32 / BLOCK as f32;
            let expected: f32 = (0..40)
                .map(|h| {
                    let angle = TAU * (phase + step * n as f64) * (h + 1) as f64;
                    (from[h] + (to[h] - from[h]) * part) * angle.sin() as f32
                })
                .sum();
            assert!(
                (sample - expected).abs() < 1e-3,
                "sample {n}: {sample} instead of {expected}"
            );
        }
    }
}
