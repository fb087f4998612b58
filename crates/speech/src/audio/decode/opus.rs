//! Opus packets, which symphonia unpacks from their containers but does not decode.

use opus_rs::OpusDecoder;

use super::DecodeError;

/// The rate in which Opus counts.
pub(super) const RATE: u32 = 48_000;
/// The longest packet: 120 ms.
const MAX_FRAMES: usize = 5760;

/// A decoder for the packets of one stream.
pub(super) struct OpusPackets {
    decoder: Box<OpusDecoder>,
    channels: usize,
    /// Frames still to be dropped at the start, which the encoder's delay has put there.
    skip: usize,
    buffer: Vec<f32>,
}

impl OpusPackets {
    /// Reads the identification header (RFC 7845, section 5.1), which every container carries.
    pub(super) fn new(header: &[u8]) -> Result<Self, DecodeError> {
        let (channels, skip) = match *header {
            [
                b'O',
                b'p',
                b'u',
                b's',
                b'H',
                b'e',
                b'a',
                b'd',
                _,
                channels,
                low,
                high,
                ..,
            ] => (
                usize::from(channels),
                usize::from(u16::from_le_bytes([low, high])),
            ),
            _ => return Err(DecodeError::Unreadable("the opus header is damaged")),
        };
        let decoder = i32::try_from(RATE)
            .map_err(|_| "invalid rate")
            .and_then(|rate| OpusDecoder::new(rate, channels))
            .map_err(|_| DecodeError::Unreadable("opus with more than two channels"))?;
        Ok(Self {
            decoder: Box::new(decoder),
            channels,
            skip,
            buffer: vec![0.0; MAX_FRAMES * channels],
        })
    }

    pub(super) const fn channels(&self) -> usize {
        self.channels
    }

    /// Decodes one packet into interleaved samples, without the `trim_end` frames of padding at its end.
    /// `None` means that the packet is damaged.
    pub(super) fn decode(&mut self, packet: &[u8], trim_end: usize) -> Option<&[f32]> {
        let frames = self.decoder.decode(packet, MAX_FRAMES, &mut self.buffer).ok()?;
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let end = frames.saturating_sub(trim_end).max(skipped);
        self.buffer.get(skipped * self.channels..end * self.channels)
    }
}
