//! Recordings, for those who make voices of them.

use std::{f32::consts::TAU, num::NonZeroU32};

use bytes::Bytes;
use resonance_domain::AudioFormat;
use resonance_speech::audio::{Pcm, encode};

/// A recording of something like a voice: a tone of 120 Hz with overtones, loud and soft four times a second. At a
/// `loudness` of 0 it is silent, at 0.3 as loud as speech.
///
/// # Panics
/// If it cannot be encoded.
#[must_use]
pub fn recording(seconds: f32, rate: u32, loudness: f32, format: AudioFormat) -> Bytes {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count"
    )]
    let frames = (seconds * rate as f32) as usize;
    let sample = |n: usize| {
        let t = n as f32 / rate as f32;
        let tone: f32 = (1..=6_u8)
            .map(|overtone| (TAU * 120.0 * f32::from(overtone) * t).sin() / f32::from(overtone))
            .sum();
        loudness * tone * (0.55 + 0.45 * (TAU * 4.0 * t).sin())
    };
    let pcm = Pcm::new((0..frames).map(sample).collect(), NonZeroU32::new(rate).unwrap());
    encode(&pcm, format).unwrap().bytes
}
