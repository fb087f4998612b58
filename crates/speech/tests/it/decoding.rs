use std::{io::Cursor, time::Duration};

use bytes::Bytes;
use hound::{SampleFormat, WavSpec, WavWriter};
use resonance_domain::AudioFormat;
use resonance_speech::audio::{DecodeError, Limits, VoiceAnalysis, decode, encode};

use crate::sound::{silence, voice};

/// Recordings that we cannot make ourselves, with a voice around 131 Hz: name, type, rate, channels, duration in ms.
pub(crate) const FIXTURES: [(&[u8], &str, u32, u16, u64); 8] = [
    (
        include_bytes!("../fixtures/aac.aac"),
        "audio/aac",
        24_000,
        1,
        2560,
    ),
    (
        include_bytes!("../fixtures/aac.m4a"),
        "audio/mp4",
        24_000,
        2,
        2560,
    ),
    (
        include_bytes!("../fixtures/alac.m4a"),
        "audio/mp4",
        8_000,
        1,
        2500,
    ),
    (
        include_bytes!("../fixtures/opus.ogg"),
        "audio/ogg",
        48_000,
        2,
        2500,
    ),
    (
        include_bytes!("../fixtures/opus.webm"),
        "audio/webm",
        48_000,
        1,
        2514,
    ),
    (
        include_bytes!("../fixtures/tagged.mp3"),
        "audio/mpeg",
        22_050,
        1,
        2500,
    ),
    (
        include_bytes!("../fixtures/vorbis.ogg"),
        "audio/ogg",
        22_050,
        2,
        2500,
    ),
    (
        include_bytes!("../fixtures/vorbis.webm"),
        "audio/webm",
        22_050,
        1,
        2508,
    ),
];

#[test]
fn recordings_of_every_common_kind_are_decoded_and_measured() {
    for (file, content_type, rate, channels, milliseconds) in FIXTURES {
        let decoded = decode(Bytes::from_static(file), &Limits::SPEECH).unwrap();
        assert_eq!(decoded.content_type, content_type);
        let measured = decoded.measure();
        assert_eq!(
            (measured.sample_rate, measured.channels),
            (rate, channels),
            "{content_type}"
        );
        let drift = measured.duration.abs_diff(Duration::from_millis(milliseconds));
        assert!(
            drift < Duration::from_millis(2),
            "{content_type}: {:?}",
            measured.duration
        );
        let loudness = measured.loudness_lufs.unwrap();
        assert!((-22.0..-17.0).contains(&loudness), "{content_type}: {loudness}");
        assert!(!measured.is_silent);
        let pitch = VoiceAnalysis::of(&decoded.pcm).median_pitch_hz.unwrap();
        assert!((pitch - 131.0).abs() < 2.0, "{content_type}: {pitch}");
    }
}

fn wav(spec: WavSpec, frames: usize) -> Bytes {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for n in 0..frames * usize::from(spec.channels) {
        let sample = ((n / usize::from(spec.channels)) as f32 * 0.1).sin() * 0.5;
        match (spec.sample_format, spec.bits_per_sample) {
            (SampleFormat::Float, _) => writer.write_sample(sample).unwrap(),
            (SampleFormat::Int, bits) => {
                writer
                    .write_sample((sample * f32::powi(2.0, i32::from(bits) - 1)) as i32)
                    .unwrap();
            }
        }
    }
    writer.finalize().unwrap();
    file.into_inner().into()
}

#[test]
fn wav_files_of_every_depth_are_mixed_to_one_channel() {
    for (bits_per_sample, sample_format) in [
        (8, SampleFormat::Int),
        (16, SampleFormat::Int),
        (24, SampleFormat::Int),
        (32, SampleFormat::Int),
        (32, SampleFormat::Float),
    ] {
        for channels in [1, 2, 6] {
            let spec = WavSpec {
                channels,
                sample_rate: 44_100,
                bits_per_sample,
                sample_format,
            };
            let decoded = decode(wav(spec, 4_410), &Limits::SPEECH).unwrap();
            assert_eq!(decoded.channels, channels);
            assert_eq!(decoded.pcm.duration(), Duration::from_millis(100));
            let peak = decoded.measure().peak;
            assert!(
                (peak - 0.5).abs() < 0.02,
                "{bits_per_sample} bits, {channels} channels: {peak}"
            );
        }
    }
}

#[test]
fn samples_that_are_no_numbers_are_silent() {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let mut file = wav(spec, 800).to_vec();
    for sample in file[68..].chunks_exact_mut(4) {
        sample.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    let decoded = decode(file.into(), &Limits::SPEECH).unwrap();
    assert!(decoded.pcm.samples().iter().all(|sample| sample.is_finite()));
}

#[test]
fn a_recording_of_less_than_ten_seconds_is_too_short_for_a_voice() {
    for format in AudioFormat::ALL {
        let almost = encode(&voice(9.9, 16_000), format).unwrap().bytes;
        let enough = encode(&voice(10.0, 16_000), format).unwrap().bytes;
        let refusal = decode(almost, &Limits::VOICE_SAMPLE).unwrap_err();
        assert!(
            matches!(refusal, DecodeError::TooShort { .. }),
            "{format:?}: {refusal}"
        );
        assert!(decode(enough, &Limits::VOICE_SAMPLE).is_ok(), "{format:?}");
    }
}

#[test]
fn silence_is_decoded_and_recognised_as_silence() {
    for format in AudioFormat::ALL {
        let silent = encode(&silence(11.0, 22_050), format).unwrap().bytes;
        let measured = decode(silent, &Limits::VOICE_SAMPLE).unwrap().measure();
        assert!(measured.is_silent, "{format:?}: {measured:?}");
        assert_eq!(measured.loudness_lufs, None);
    }
}

#[test]
fn a_recording_of_a_voice_tells_its_pitch_and_tempo() {
    let analysis = VoiceAnalysis::of(&voice(10.0, 44_100));
    let (pitch, range, tempo) = (
        analysis.median_pitch_hz.unwrap(),
        analysis.pitch_range_semitones.unwrap(),
        analysis.syllables_per_second.unwrap(),
    );
    assert!((pitch - 120.0).abs() < 4.0, "{pitch}");
    assert!((4.0..6.0).contains(&range), "{range}");
    assert!((tempo - 4.0).abs() < 0.3, "{tempo}");
}
