use std::time::Duration;

use resonance_domain::AudioFormat;
use resonance_speech::audio::{DecodeError, EncodeError, Limits, decode, encode};

use crate::sound::{correlation, silence, unpadded, voice};

#[test]
fn every_format_decodes_again_to_the_same_sound_of_the_same_length() {
    for format in AudioFormat::ALL {
        for rate in [22_050, 48_000] {
            let sound = voice(3.3, rate);
            let encoded = encode(&sound, format).unwrap();
            assert_eq!(encoded.content_type, format.content_type());
            assert_eq!(encoded.duration, sound.duration());
            let decoded = decode(encoded.bytes, &Limits::SPEECH).unwrap();
            assert_eq!(decoded.content_type, format.content_type());
            assert_eq!(decoded.channels, 1);
            let heard = unpadded(decoded.pcm, format, &sound);
            let drift = heard.duration().abs_diff(sound.duration());
            assert!(
                drift < Duration::from_micros(100),
                "{format:?} at {rate}: {drift:?}"
            );
            if heard.sample_rate() == rate {
                let alike = correlation(heard.samples(), sound.samples());
                assert!(alike > 0.99, "{format:?} at {rate}: {alike}");
            } else {
                assert_eq!(format, AudioFormat::Opus, "only opus has a rate of its own");
            }
        }
    }
}

#[test]
fn rates_that_a_format_does_not_know_are_converted() {
    for format in AudioFormat::ALL {
        for rate in [6_000, 11_025, 16_000, 17_000, 96_000] {
            let sound = voice(1.0, rate);
            let encoded = encode(&sound, format).unwrap();
            let decoded = decode(encoded.bytes, &Limits::SPEECH).unwrap();
            let heard = unpadded(decoded.pcm, format, &sound);
            let drift = heard.duration().abs_diff(sound.duration());
            assert!(
                drift < Duration::from_millis(1),
                "{format:?} at {rate}: {drift:?}"
            );
        }
    }
}

#[test]
fn the_same_sound_gives_the_same_bytes() {
    for format in AudioFormat::ALL {
        let sound = voice(1.0, 22_050);
        assert_eq!(encode(&sound, format), encode(&sound, format));
    }
}

#[test]
fn very_short_and_silent_sounds_have_files_too_but_none_at_all_has_not() {
    for format in AudioFormat::ALL {
        for sound in [voice(0.001, 22_050), silence(2.0, 22_050)] {
            let encoded = encode(&sound, format).unwrap();
            let decoded = decode(encoded.bytes, &Limits::SPEECH).unwrap();
            let heard = unpadded(decoded.pcm, format, &sound);
            let drift = heard.duration().abs_diff(sound.duration());
            assert!(drift < Duration::from_millis(1), "{format:?}: {drift:?}");
        }
        assert_eq!(encode(&silence(0.0, 22_050), format), Err(EncodeError::Empty));
    }
}

#[test]
fn compressed_formats_are_small() {
    let sound = voice(10.0, 22_050);
    for (format, bytes_per_second) in [
        (AudioFormat::Mp3, 8_200),
        (AudioFormat::Opus, 9_000),
        (AudioFormat::Aac, 8_400),
        (AudioFormat::Flac, 44_000),
    ] {
        let size = encode(&sound, format).unwrap().bytes.len();
        assert!(size < bytes_per_second * 10, "{format:?}: {size}");
    }
}

#[test]
fn an_hour_of_silence_in_a_small_file_is_refused_while_it_is_being_decoded() {
    for format in [
        AudioFormat::Flac,
        AudioFormat::Mp3,
        AudioFormat::Opus,
        AudioFormat::Aac,
    ] {
        let bomb = encode(&silence(700.0, 8_000), format).unwrap().bytes;
        let limits = Limits {
            max_duration: Duration::from_secs(60),
            ..Limits::VOICE_SAMPLE
        };
        assert_eq!(
            decode(bomb, &limits),
            Err(DecodeError::TooLong {
                maximum: limits.max_duration
            })
        );
    }
}
