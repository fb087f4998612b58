//! Opus in an Ogg container (RFC 6716 and RFC 7845).

use std::num::NonZeroU32;

use ogg::{PacketWriteEndInfo, PacketWriter};
use opus_rs::{Application, OpusEncoder};

use super::{Codec, Failure};
use crate::audio::blocks::Blocks;

/// The rate in which Opus counts, whatever it is given.
pub(super) const RATE: NonZeroU32 = NonZeroU32::new(48_000).unwrap();
/// Samples in one packet: 20 ms.
const FRAME: usize = 960;
/// The encoder's delay in samples, which players drop at the start: 4 ms to choose a mode and 2.5 ms of overlap.
const PRE_SKIP: u16 = 312;
/// Bits per second.
const BITRATE: i32 = 64_000;
/// The largest packet of one frame (RFC 6716, section 3.2.1), with its header.
const MAX_PACKET: usize = 1276;
/// Packets on a page: one second, the most that RFC 7845 recommends.
const PACKETS_PER_PAGE: u64 = 50;
/// The level of the dither, of full scale.
const DITHER: f32 = 1e-10;
/// Tells logical streams in one file apart; here is only one, and the same sound must give the same bytes.
const SERIAL: u32 = 1;

pub(super) struct Opus {
    blocks: Blocks,
    writer: Writer,
    original_rate: u32,
    samples: u64,
}

struct Writer {
    encoder: OpusEncoder,
    ogg: PacketWriter<'static, Vec<u8>>,
    packets: u64,
}

impl Opus {
    pub(super) fn new(original_rate: u32) -> Result<Self, Failure> {
        let mut encoder = OpusEncoder::new(48_000, 1, Application::Audio).map_err(Failure::new)?;
        encoder.bitrate_bps = BITRATE;
        Ok(Self {
            blocks: Blocks::new(FRAME),
            writer: Writer {
                encoder,
                ogg: PacketWriter::new(Vec::new()),
                packets: 0,
            },
            original_rate,
            samples: 0,
        })
    }
}

impl Codec for Opus {
    fn start(&mut self, file: &mut Vec<u8>) -> Result<(), Failure> {
        for packet in [identification(self.original_rate), comment()] {
            self.writer.put(packet, PacketWriteEndInfo::EndPage, 0)?;
        }
        self.writer.take(file);
        Ok(())
    }

    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        self.samples += samples.len() as u64;
        let writer = &mut self.writer;
        self.blocks.feed(samples, |block| writer.write(block, None))?;
        self.writer.take(file);
        Ok(())
    }

    fn finish(mut self: Box<Self>, file: &mut Vec<u8>) -> Result<(), Failure> {
        // Enough packets that the delayed end of the sound still comes out: one always, sometimes two.
        let end = self.samples + u64::from(PRE_SKIP);
        let packets = end.div_ceil(FRAME as u64);
        let mut rest = self.blocks.into_rest();
        while self.writer.packets < packets {
            let last = self.writer.packets + 1 == packets;
            self.writer.write(&rest, last.then_some(end))?;
            rest.clear();
        }
        self.writer.take(file);
        Ok(())
    }
}

impl Writer {
    /// Writes one packet, the last one with the position at which the sound ends.
    fn write(&mut self, samples: &[f32], end: Option<u64>) -> Result<(), Failure> {
        let mut buffer = [0_u8; MAX_PACKET];
        let length = self
            .encoder
            .encode(&frame(samples), FRAME, &mut buffer)
            .map_err(Failure::new)?;
        let bytes = buffer
            .get(..length)
            .ok_or_else(|| Failure::new("a packet is too long"))?;
        self.packets += 1;
        let info = match end {
            Some(_) => PacketWriteEndInfo::EndStream,
            None if self.packets.is_multiple_of(PACKETS_PER_PAGE) => PacketWriteEndInfo::EndPage,
            None => PacketWriteEndInfo::NormalPacket,
        };
        // A position is that of the packet's last sample, the delay included; the last one cuts off the padding.
        let position = end.unwrap_or(self.packets * FRAME as u64);
        self.put(bytes.to_vec(), info, position)
    }

    fn put(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, position: u64) -> Result<(), Failure> {
        self.ogg
            .write_packet(packet, SERIAL, end, position)
            .map_err(Failure::new)
    }

    /// Hands out the pages that are complete.
    fn take(&mut self, file: &mut Vec<u8>) {
        file.append(self.ogg.inner_mut());
    }
}

/// One frame of the sound, with silence after its end.
///
/// Digital silence is dithered, at -200 dB: the encoder's filters would ring down into denormal numbers,
/// which makes it twenty times slower.
fn frame(samples: &[f32]) -> Vec<f32> {
    let padded = samples.iter().copied().chain(std::iter::repeat(0.0)).take(FRAME);
    padded
        .enumerate()
        .map(|(n, sample)| {
            if n % 3 == 0 {
                sample + DITHER
            } else {
                sample - DITHER / 2.0
            }
        })
        .collect()
}

/// The identification header: version 1, one channel, no gain, no channel mapping.
fn identification(original_rate: u32) -> Vec<u8> {
    let mut packet = b"OpusHead\x01\x01".to_vec();
    packet.extend(PRE_SKIP.to_le_bytes());
    packet.extend(original_rate.to_le_bytes());
    packet.extend([0, 0, 0]);
    packet
}

/// The comment header, with the name of the maker and no comments.
fn comment() -> Vec<u8> {
    const VENDOR: &[u8; 9] = b"resonance";
    let mut packet = b"OpusTags".to_vec();
    packet.extend(9_u32.to_le_bytes());
    packet.extend(VENDOR);
    packet.extend(0_u32.to_le_bytes());
    packet
}
