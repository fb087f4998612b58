//! What members upload to make voices from: any bytes at all give sound within the limits, or an error.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use resonance_speech::audio::{Limits, SampleShape, decode, measure, normalise_sample};

fuzz_target!(|file: &[u8]| {
    let file = Bytes::copy_from_slice(file);
    // No recording is too short here, so that what is behind the decoder is reached.
    let limits = Limits {
        min_duration: std::time::Duration::ZERO,
        ..Limits::VOICE_SAMPLE
    };
    let Ok(decoded) = decode(file, &limits) else {
        return;
    };
    assert!(decoded.pcm.duration() <= limits.max_duration);
    let _ = measure(&decoded.pcm);
    let shape = SampleShape::USUAL;
    if let Ok(sample) = normalise_sample(decoded.pcm, &limits, shape) {
        assert_eq!(sample.rate(), shape.rate);
        assert!(sample.duration() <= shape.longest);
        assert!(sample.samples().iter().all(|sample| sample.is_finite()));
    }
});
