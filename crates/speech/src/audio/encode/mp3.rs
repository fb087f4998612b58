//! MPEG Layer III through LAME.

use std::num::NonZeroU32;

use mp3lame_encoder::{
    Bitrate, Builder, Encoder, FlushGap, Mode, MonoPcm, Quality, max_required_buffer_size,
};

use super::{Codec, Failure, to_i16};

/// LAME is given so many samples at once at most.
const CHUNK: usize = 16_384;
/// What LAME needs room for at the end, by its documentation.
const FLUSH: usize = 7_200;
/// How much silence LAME puts before the sound, in samples.
const DELAY: u64 = 576;

pub(super) struct Mp3 {
    encoder: Encoder,
    rate: u32,
    frames: Option<u64>,
}

impl Mp3 {
    pub(super) fn new(rate: u32, frames: Option<u64>) -> Result<Self, Failure> {
        let bitrate = if low(rate) {
            Bitrate::Kbps32
        } else {
            Bitrate::Kbps64
        };
        let encoder = Builder::new()
            .ok_or_else(|| Failure::new("out of memory"))?
            .with_num_channels(1)
            .and_then(|builder| builder.with_mode(Mode::Mono))
            .and_then(|builder| builder.with_sample_rate(rate))
            .and_then(|builder| builder.with_output_sample_rate(NonZeroU32::new(rate)))
            .and_then(|builder| builder.with_brate(bitrate))
            .and_then(|builder| builder.with_quality(Quality::Ok))
            .and_then(|builder| builder.with_to_write_vbr_tag(false))
            .and_then(|builder| builder.build())
            .map_err(Failure::new)?;
        Ok(Self {
            encoder,
            rate,
            frames,
        })
    }
}

impl Codec for Mp3 {
    fn start(&mut self, file: &mut Vec<u8>) -> Result<(), Failure> {
        if let Some(frames) = self.frames {
            file.extend(tag(self.rate, frames));
        }
        Ok(())
    }

    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        for chunk in samples.chunks(CHUNK) {
            let chunk: Vec<i16> = chunk.iter().map(|sample| to_i16(*sample)).collect();
            file.reserve(max_required_buffer_size(chunk.len()));
            self.encoder
                .encode_to_vec(MonoPcm(&chunk), file)
                .map_err(Failure::new)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, file: &mut Vec<u8>) -> Result<(), Failure> {
        file.reserve(FLUSH);
        self.encoder
            .flush_to_vec::<FlushGap>(file)
            .map_err(Failure::new)?;
        Ok(())
    }
}

/// Whether a rate is one of MPEG-2.5, which allow half the bit rate only.
const fn low(rate: u32) -> bool {
    rate < 16_000
}

/// The first frame of a file, which carries no sound but the length and the silence at both ends, from which players
/// know the duration.
///
/// LAME writes such a tag only when all is done, for it is also for variable bit rates. At a constant one all of it can
/// be told beforehand, by LAME's own rules for delay and padding (`lame_encode_flush`) and for the sizes of frames.
fn tag(rate: u32, samples: u64) -> Vec<u8> {
    let mpeg1 = rate >= 32_000;
    let frame: u64 = if mpeg1 { 1152 } else { 576 };
    let kbps: u32 = if low(rate) { 32 } else { 64 };
    let mut padding = frame - (samples + DELAY) % frame;
    if padding < 576 {
        padding += frame;
    }
    let frames = (samples + DELAY + padding) / frame;

    // Frames are as long as the bit rate allows, and some are a byte longer to make up for what was rounded off.
    let bytes = frame / 8 * u64::from(kbps) * 1000;
    let (size, part) = (bytes / u64::from(rate), bytes % u64::from(rate));
    let longer = (frames.saturating_sub(1) * part).div_ceil(u64::from(rate));
    let total = size * (frames + 1) + longer;
    let saturated = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes();

    let (version, bitrate) = match (mpeg1, low(rate)) {
        (true, _) => (0xFB, 5),
        (false, false) => (0xF3, 8),
        (false, true) => (0xE3, 4),
    };
    let index: u8 = match rate {
        11_025 | 22_050 | 44_100 => 0,
        12_000 | 24_000 | 48_000 => 1,
        _ => 2,
    };
    let mut tag = vec![0xFF, version, bitrate << 4 | index << 2, 0xC4];
    tag.resize(if mpeg1 { 21 } else { 13 }, 0);
    // The number of frames, that of bytes, a table to seek by, and a quality follow.
    tag.extend(b"Info\0\0\0\x0F");
    tag.extend(saturated(frames));
    tag.extend(saturated(total));
    tag.extend((0..100_u8).map(|percent| u8::try_from(u32::from(percent) * 256 / 100).unwrap_or(u8::MAX)));
    tag.extend([0, 0, 0, 50]);
    // The encoder, a constant bit rate, no low-pass, no gain of any kind, the bit rate.
    tag.extend(b"LAME3.100\x01\0\0\0\0\0\0\0\0\0\0");
    tag.push(u8::try_from(kbps).unwrap_or(u8::MAX));
    let [_, high, middle, low] = u32::try_from(DELAY << 12 | padding).unwrap_or(0).to_be_bytes();
    tag.extend([high, middle, low, 0, 0, 0, 0]);
    tag.extend(saturated(total));
    // No checksum of the sound, which is not known yet, but one of all this.
    tag.extend([0, 0]);
    tag.extend(checksum(&tag).to_be_bytes());
    tag.resize(usize::try_from(size).unwrap_or(tag.len()), 0);
    tag
}

/// CRC-16 with the polynomial 0x8005, the low bit first.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xA001 }
        })
    })
}
