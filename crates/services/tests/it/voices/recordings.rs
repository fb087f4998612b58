//! Recordings to make voices from.

use std::sync::LazyLock;

use bytes::Bytes;
use resonance_domain::AudioFormat;
use resonance_testkit::recording;

/// Ten and a half seconds in a format that we write.
pub(super) fn in_format(format: AudioFormat) -> Bytes {
    recording(10.5, 16_000, 0.3, format)
}

/// A WAV of some length.
pub(super) fn wav(seconds: f32) -> Bytes {
    recording(seconds, 8_000, 0.3, AudioFormat::Wav)
}

/// The quickest one to decode that is long enough.
pub(super) fn short_wav() -> Bytes {
    static WAV: LazyLock<Bytes> = LazyLock::new(|| wav(10.0));
    WAV.clone()
}

/// A WAV without a sound.
pub(super) fn silence() -> Bytes {
    recording(11.0, 8_000, 0.0, AudioFormat::Wav)
}

/// Formats that others write: name, media type, file. See the folder's README.
pub(super) const FOREIGN: [(&str, &str, &[u8]); 4] = [
    ("m4a", "audio/mp4", include_bytes!("../../recordings/aac.m4a")),
    ("aac", "audio/aac", include_bytes!("../../recordings/aac.aac")),
    ("ogg", "audio/ogg", include_bytes!("../../recordings/vorbis.ogg")),
    ("webm", "audio/webm", include_bytes!("../../recordings/opus.webm")),
];
