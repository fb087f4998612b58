//! RIFF WAVE with 16-bit samples, and the bare samples.

use hound::{SampleFormat, WavSpec};

use super::{Codec, Failure, to_i16};

/// Where the size of all that follows stands, and that of the samples.
const FILE_SIZE_AT: std::ops::Range<usize> = 4..8;
const DATA_SIZE_AT: std::ops::Range<usize> = 40..44;
/// What the first of them counts beyond the samples.
const REST_OF_HEADER: u32 = 36;

/// The largest size, which players take for "until the end" (as FFmpeg and OpenAI write it).
const UNKNOWN: u32 = u32::MAX;

pub(super) struct Wav {
    pub(super) rate: u32,
    pub(super) frames: Option<u64>,
}

impl Codec for Wav {
    fn start(&mut self, file: &mut Vec<u8>) -> Result<(), Failure> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: self.rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut header = spec.into_header_for_infinite_file();
        let data = self
            .frames
            .and_then(|frames| u32::try_from(frames.checked_mul(2)?).ok())
            .filter(|data| *data < UNKNOWN - REST_OF_HEADER);
        let all = data.map_or(UNKNOWN, |data| data + REST_OF_HEADER);
        for (place, size) in [(FILE_SIZE_AT, all), (DATA_SIZE_AT, data.unwrap_or(UNKNOWN))] {
            let place = header.get_mut(place);
            place
                .ok_or_else(|| Failure::new("the header is too short"))?
                .copy_from_slice(&size.to_le_bytes());
        }
        file.extend(header);
        Ok(())
    }

    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        Pcm16.push(samples, file)
    }
}

/// Nothing but 16-bit samples, the low byte first.
pub(super) struct Pcm16;

impl Codec for Pcm16 {
    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        file.reserve(samples.len() * 2);
        file.extend(samples.iter().flat_map(|sample| to_i16(*sample).to_le_bytes()));
        Ok(())
    }
}
