use std::{num::NonZeroU32, time::Duration};

use resonance_domain::AudioFormat;
use resonance_speech::audio::{
    DecodeError, Limits, Loudness, Pcm, SampleError, SampleShape, decode, encode, measure, normalise_sample,
};

use crate::sound::{silence, voice};

const RATE: NonZeroU32 = NonZeroU32::new(24_000).unwrap();

/// Decodes a file and makes it what engines want.
fn normalise(file: bytes::Bytes, shape: SampleShape) -> Result<Pcm, SampleError> {
    let decoded = decode(file, &Limits::VOICE_SAMPLE)?;
    normalise_sample(decoded.pcm, &Limits::VOICE_SAMPLE, shape)
}

/// A file of a voice at a level, with a second of silence before it and two after it.
fn recording(level: f32, rate: u32, format: AudioFormat) -> bytes::Bytes {
    let sound = voice(12.0, rate);
    let sound: Vec<f32> = sound.samples().iter().map(|sample| sample * level).collect();
    let [before, after] = [1.0, 2.0].map(|seconds| silence(seconds, rate).samples().to_vec());
    let whole = Pcm::new([before, sound, after].concat(), NonZeroU32::new(rate).unwrap());
    encode(&whole, format).unwrap().bytes
}

#[test]
fn recordings_of_any_level_rate_and_format_become_equally_loud_and_lose_the_silence_around_them() {
    for (level, rate, format) in [
        (0.02, 8_000, AudioFormat::Wav),
        (0.9, 44_100, AudioFormat::Flac),
        (3.0, 48_000, AudioFormat::Mp3),
        (0.2, 48_000, AudioFormat::Opus),
    ] {
        let file = recording(level, rate, format);
        let pcm = normalise(file.clone(), SampleShape::USUAL).unwrap();
        let mut meter = Loudness::new(RATE);
        meter.push(pcm.samples());
        let lufs = meter.lufs().unwrap();
        assert!((lufs + 23.0).abs() < 0.2, "{format:?}: {lufs} LUFS");
        assert!(20.0 * meter.true_peak().log10() < -0.9);
        assert_eq!(pcm.sample_rate(), 24_000);
        let drift = pcm.duration().abs_diff(Duration::from_secs(12));
        assert!(drift < Duration::from_millis(260), "{format:?}: {drift:?}");
        assert!(normalise(file, SampleShape::USUAL).unwrap() == pcm);
    }
}

#[test]
fn an_engine_gets_its_rate_and_no_more_than_it_wants() {
    let file = recording(0.2, 44_100, AudioFormat::Flac);
    for (rate, seconds) in [(16_000, 11), (22_050, 10), (44_100, 11), (48_000, 10)] {
        let shape = SampleShape {
            rate: NonZeroU32::new(rate).unwrap(),
            longest: Duration::from_secs(seconds),
        };
        let pcm = normalise(file.clone(), shape).unwrap();
        assert_eq!(pcm.sample_rate(), rate);
        assert_eq!(pcm.duration(), Duration::from_secs(seconds));
        // What is left is as loud as the whole would have been, and ends without a click.
        let lufs = measure(&pcm).loudness_lufs.unwrap();
        assert!((lufs + 23.0).abs() < 0.2, "{lufs} LUFS");
        assert!(pcm.samples().last().unwrap().abs() < 0.001);
    }
}

#[test]
fn a_true_peak_between_the_samples_stays_below_its_ceiling() {
    // A click every second, over a quiet tone: as loud as the norm, the clicks would go beyond full scale.
    let samples = (0..240_000).map(|n| {
        if n % 24_000 < 2 {
            0.9
        } else {
            0.01 * (n as f32 * 0.2).sin()
        }
    });
    let file = encode(&Pcm::new(samples.collect(), RATE), AudioFormat::Wav).unwrap();
    let normalised = normalise(file.bytes, SampleShape::USUAL).unwrap();
    let mut meter = Loudness::new(RATE);
    meter.push(normalised.samples());
    assert!((20.0 * meter.true_peak().log10() + 1.0).abs() < 0.1);
    assert!(measure(&normalised).loudness_lufs.unwrap() < -23.0);
}

#[test]
fn what_no_voice_can_be_made_from_is_refused_for_what_it_is() {
    let file = |sound: &Pcm| encode(sound, AudioFormat::Flac).unwrap().bytes;
    let normalise = |file| normalise(file, SampleShape::USUAL).map(|sample| sample.duration());
    assert_eq!(normalise(file(&silence(20.0, 16_000))), Err(SampleError::Silent));
    // Eleven seconds, of which one is a voice.
    let padded = [silence(5.0, 16_000), voice(1.0, 16_000), silence(5.0, 16_000)];
    let padded: Vec<f32> = padded.iter().flat_map(|part| part.samples().to_vec()).collect();
    let padded = Pcm::new(padded, NonZeroU32::new(16_000).unwrap());
    let refused = normalise(file(&padded)).unwrap_err();
    assert!(
        matches!(refused, SampleError::Decode(DecodeError::TooShort { .. })),
        "{refused:?}"
    );
    let refused = normalise(file(&silence(601.0, 8_000))).unwrap_err();
    assert!(
        matches!(refused, SampleError::Decode(DecodeError::TooLong { .. })),
        "{refused:?}"
    );
    let fake = bytes::Bytes::from_static(b"RIFF\xff\xff\xff\xffWAVEfmt nothing of the kind");
    let refused = normalise(fake).unwrap_err();
    assert!(
        matches!(refused, SampleError::Decode(DecodeError::Unreadable(_))),
        "{refused:?}"
    );
}
