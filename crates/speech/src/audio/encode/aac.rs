//! AAC-LC in ADTS frames (ISO/IEC 14496-3).

use syom::{EncodeOptions, Encoder};

use super::{Codec, Failure};

/// A stream of frames, each of which says all that a decoder must know, and none of which says how long the whole is.
pub(super) struct Aac {
    encoder: Encoder,
}

impl Aac {
    pub(super) fn new(rate: u32) -> Result<Self, Failure> {
        // As for MP3. A frame has room for 6144 bits, which at 8 kHz are 48 kbit/s, and sounds bad when it is full.
        let bitrate = if rate < 16_000 { 32_000 } else { 64_000 };
        // To look a frame ahead keeps the noise of a plosive out of the silence before it.
        let options = EncodeOptions::adts()
            .with_bitrate_bps(bitrate)
            .with_lookahead(true);
        let encoder = Encoder::new(rate, 1, &options).map_err(Failure::new)?;
        Ok(Self { encoder })
    }
}

impl Codec for Aac {
    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        // It refuses what lies beyond full scale.
        let clipped: Vec<f32> = samples.iter().map(|sample| sample.clamp(-1.0, 1.0)).collect();
        let frame = |frame: syom::EncodedFrame<'_>| {
            file.extend(frame.au);
            Ok(())
        };
        self.encoder.feed(&[&clipped], frame).map_err(Failure::new)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>, file: &mut Vec<u8>) -> Result<(), Failure> {
        let frame = |frame: syom::EncodedFrame<'_>| {
            file.extend(frame.au);
            Ok(())
        };
        self.encoder.finish(frame).map_err(Failure::new)?;
        Ok(())
    }
}
