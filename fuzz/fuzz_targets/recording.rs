//! What members upload to make voices from: any bytes at all give sound within the limits, or an error.

#![no_main]

use std::num::NonZeroU32;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use resonance_speech::audio::{Limits, decode, measure, normalise_sample};

const RATE: NonZeroU32 = NonZeroU32::new(24_000).unwrap();

fuzz_target!(|file: &[u8]| {
    let file = Bytes::copy_from_slice(file);
    // No recording is too short here, so that what is behind the decoder is reached.
    let limits = Limits {
        min_duration: std::time::Duration::ZERO,
        ..Limits::VOICE_SAMPLE
    };
    if let Ok(decoded) = decode(file.clone(), &limits) {
        assert!(decoded.pcm.duration() <= limits.max_duration);
        let _ = measure(&decoded.pcm);
    }
    if let Ok(sample) = normalise_sample(file, &limits, RATE) {
        assert_eq!(sample.pcm.sample_rate(), RATE.get());
        assert!(sample.pcm.samples().iter().all(|sample| sample.is_finite()));
    }
});
