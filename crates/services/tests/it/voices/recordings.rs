//! Recordings to make voices from.

use std::{f32::consts::TAU, num::NonZeroU32, sync::LazyLock};

use bytes::Bytes;
use resonance_domain::AudioFormat;
use resonance_speech::audio::{Pcm, encode};

/// Something like a voice: a tone of 120 Hz with overtones, loud and soft four times a second.
fn voice(seconds: f32, rate: u32, loudness: f32) -> Pcm {
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
    Pcm::new((0..frames).map(sample).collect(), NonZeroU32::new(rate).unwrap())
}

fn file(pcm: &Pcm, format: AudioFormat) -> Bytes {
    encode(pcm, format).unwrap().bytes
}

/// Ten and a half seconds in a format that we write.
pub(super) fn in_format(format: AudioFormat) -> Bytes {
    file(&voice(10.5, 16_000, 0.3), format)
}

/// A WAV of some length.
pub(super) fn wav(seconds: f32) -> Bytes {
    file(&voice(seconds, 8_000, 0.3), AudioFormat::Wav)
}

/// The quickest one to decode that is long enough.
pub(super) fn short_wav() -> Bytes {
    static WAV: LazyLock<Bytes> = LazyLock::new(|| wav(10.0));
    WAV.clone()
}

/// A WAV without a sound.
pub(super) fn silence() -> Bytes {
    file(&voice(11.0, 8_000, 0.0), AudioFormat::Wav)
}

/// Formats that others write: name, media type, file. See the folder's README.
pub(super) const FOREIGN: [(&str, &str, &[u8]); 4] = [
    ("m4a", "audio/mp4", include_bytes!("../../recordings/aac.m4a")),
    ("aac", "audio/aac", include_bytes!("../../recordings/aac.aac")),
    ("ogg", "audio/ogg", include_bytes!("../../recordings/vorbis.ogg")),
    ("webm", "audio/webm", include_bytes!("../../recordings/opus.webm")),
];
