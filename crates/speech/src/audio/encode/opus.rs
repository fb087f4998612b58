//! Opus in an Ogg container (RFC 6716 and RFC 7845).

use std::num::NonZeroU32;

use ogg::{PacketWriteEndInfo, PacketWriter};
use opus_rs::{Application, OpusEncoder};

use super::{Failure, Pcm};

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
const PACKETS_PER_PAGE: usize = 50;
/// The level of the dither, of full scale.
const DITHER: f32 = 1e-10;
/// Tells logical streams in one file apart; here is only one, and the same sound must give the same bytes.
const SERIAL: u32 = 1;

pub(super) fn encode(pcm: &Pcm) -> Result<Vec<u8>, Failure> {
    let original_rate = pcm.sample_rate();
    let pcm = pcm
        .resampled(RATE)
        .ok_or_else(|| Failure::new("the sample rate cannot be converted"))?;
    let mut encoder = OpusEncoder::new(48_000, 1, Application::Audio).map_err(Failure::new)?;
    encoder.bitrate_bps = BITRATE;

    let mut writer = PacketWriter::new(Vec::new());
    let mut write = |packet: Vec<u8>, end, position| {
        writer
            .write_packet(packet, SERIAL, end, position)
            .map_err(Failure::new)
    };
    write(identification(original_rate), PacketWriteEndInfo::EndPage, 0)?;
    write(comment(), PacketWriteEndInfo::EndPage, 0)?;

    // Enough packets that the delayed end of the sound still comes out.
    let samples = pcm.samples();
    let end = samples.len() + usize::from(PRE_SKIP);
    let packets = end.div_ceil(FRAME);
    let mut buffer = [0_u8; MAX_PACKET];
    for packet in 0..packets {
        let frame = frame(samples, packet * FRAME);
        let length = encoder.encode(&frame, FRAME, &mut buffer).map_err(Failure::new)?;
        let bytes = buffer
            .get(..length)
            .ok_or_else(|| Failure::new("a packet is too long"))?;
        let last = packet + 1 == packets;
        let info = if last {
            PacketWriteEndInfo::EndStream
        } else if packet % PACKETS_PER_PAGE == PACKETS_PER_PAGE - 1 {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        // A position is that of the packet's last sample, the delay included; the last one cuts off the padding.
        let position = if last { end } else { (packet + 1) * FRAME };
        write(bytes.to_vec(), info, position as u64)?;
    }
    Ok(writer.into_inner())
}

/// One frame of the sound, with silence after its end.
///
/// Digital silence is dithered, at -200 dB: the encoder's filters would ring down into denormal numbers,
/// which makes it twenty times slower.
fn frame(samples: &[f32], start: usize) -> Vec<f32> {
    let rest = samples.get(start..).unwrap_or_default();
    let padded = rest.iter().copied().chain(std::iter::repeat(0.0)).take(FRAME);
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
