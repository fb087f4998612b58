use std::time::{Duration, Instant};

use bytes::Bytes;
use resonance_domain::AudioFormat;
use resonance_speech::audio::{DecodeError, Decoded, Limits, decode, encode};

use crate::{decoding::FIXTURES, sound::voice};

/// One file of every kind.
fn files() -> Vec<Bytes> {
    let ours = AudioFormat::ALL.map(|format| encode(&voice(2.0, 16_000), format).unwrap().bytes);
    ours.into_iter()
        .chain(FIXTURES.map(|(file, ..)| Bytes::from_static(file)))
        .collect()
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

/// Decodes, and insists that this ends soon.
fn decode_soon(file: Bytes) -> Result<Decoded, DecodeError> {
    let start = Instant::now();
    let result = decode(file, &Limits::VOICE_SAMPLE);
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    result
}

#[test]
fn the_first_bytes_of_a_file_alone_are_unreadable() {
    for file in files() {
        for length in [0, 1, 4, 12, 20, 40] {
            let refusal = decode_soon(file.slice(..length)).unwrap_err();
            assert!(
                matches!(refusal, DecodeError::Unreadable(_)),
                "{length} bytes: {refusal}"
            );
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_too_short_or_unreadable() {
    for file in files() {
        for part in 1..10 {
            let cut = file.slice(..file.len() * part / 10);
            let refusal = decode_soon(cut).unwrap_err();
            assert!(
                !matches!(refusal, DecodeError::TooLong { .. }),
                "{part} tenths: {refusal}"
            );
        }
    }
}

#[test]
fn a_file_with_noise_behind_its_signature_is_unreadable() {
    let mut numbers = Numbers(1);
    for file in files() {
        let mut fake = file[..12].to_vec();
        fake.extend((0..200_000).map(|_| numbers.next(256) as u8));
        let refusal = decode_soon(fake.into()).unwrap_err();
        assert!(
            matches!(refusal, DecodeError::Unreadable(_)),
            "{:?}: {refusal}",
            &file[..12]
        );
    }
}

#[test]
fn damage_anywhere_in_a_file_does_no_harm() {
    let mut numbers = Numbers(7);
    for file in files() {
        for round in 0..60 {
            let mut damaged = file.to_vec();
            // Every other round in the headers, where it hurts most.
            let reach = if round % 2 == 0 {
                400.min(damaged.len())
            } else {
                damaged.len()
            };
            for _ in 0..=numbers.next(8) {
                let place = numbers.next(reach);
                damaged[place] = [0, 0xFF, numbers.next(256) as u8][numbers.next(3)];
            }
            // All of them are too short for a voice, if they can be read.
            assert!(decode_soon(damaged.into()).is_err());
        }
    }
}

#[test]
fn a_wav_header_that_promises_too_much_is_refused() {
    let header = |channels: u16, rate: u32, bits: u16, align: u16, format: u16| {
        let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00".to_vec();
        file.extend(format.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate.wrapping_mul(u32::from(align))).to_le_bytes());
        file.extend(align.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.extend(b"data\xff\xff\xff\xff");
        file.extend([1; 200_000]);
        Bytes::from(file)
    };
    for file in [
        header(0, 44_100, 16, 2, 1),
        header(65_535, 44_100, 16, 65_535, 1),
        header(1, 0, 16, 2, 1),
        header(1, 1, 16, 2, 1),
        header(1, u32::MAX, 16, 2, 1),
        header(1, 44_100, 0, 0, 1),
        header(1, 44_100, 16, 65_535, 2),
        header(2, 44_100, 32, 8, 3),
    ] {
        assert!(decode_soon(file).is_err());
    }
}

#[test]
fn a_tag_as_long_as_the_file_hides_nothing() {
    let mut file = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f".to_vec();
    file.extend_from_slice(FIXTURES[5].0);
    assert!(matches!(
        decode_soon(file.into()),
        Err(DecodeError::Unreadable(_))
    ));
}
