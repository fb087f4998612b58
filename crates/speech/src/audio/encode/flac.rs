//! FLAC with 16-bit samples.

use flacenc::{
    bitsink::ByteSink,
    component::{BitRepr, Stream, StreamInfo},
    config::Encoder,
    encode_fixed_size_frame,
    error::{Verified, Verify},
    source::{Fill, FrameBuf},
};

use super::{Codec, Failure, to_i16};
use crate::audio::blocks::Blocks;

pub(super) struct Flac {
    blocks: Blocks,
    writer: Writer,
    frames: Option<u64>,
}

struct Writer {
    config: Verified<Encoder>,
    info: StreamInfo,
    buffer: FrameBuf,
    number: usize,
}

impl Flac {
    pub(super) fn new(rate: u32, frames: Option<u64>) -> Result<Self, Failure> {
        let mut config = Encoder::default();
        // Several encodings run at once already; threads of its own would only fight with them.
        config.multithread = false;
        let config = config.into_verified().map_err(|(_, error)| Failure::new(error))?;
        let size = config.block_size;
        let mut info = StreamInfo::new(rate as usize, 1, 16).map_err(Failure::new)?;
        // The smallest block size must leave out the last block (RFC 9639, section 8.2), which flacenc counts in when
        // it writes a whole stream: decoders then take it for one of variable block sizes and give up.
        info.set_block_sizes(size, size).map_err(Failure::new)?;
        // Zero says that the sizes of frames are not known.
        info.set_frame_sizes(0, 0).map_err(Failure::new)?;
        let buffer = FrameBuf::with_size(1, size).map_err(Failure::new)?;
        Ok(Self {
            blocks: Blocks::new(size),
            writer: Writer {
                config,
                info,
                buffer,
                number: 0,
            },
            frames,
        })
    }
}

impl Codec for Flac {
    fn start(&mut self, file: &mut Vec<u8>) -> Result<(), Failure> {
        let mut info = self.writer.info.clone();
        // Zero says that the length is not known.
        info.set_total_samples(self.frames.and_then(|frames| frames.try_into().ok()).unwrap_or(0));
        let mut sink = ByteSink::new();
        Stream::with_stream_info(info)
            .write(&mut sink)
            .map_err(Failure::new)?;
        file.extend(sink.into_inner());
        Ok(())
    }

    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        let writer = &mut self.writer;
        self.blocks.feed(samples, |block| writer.write(block, file))
    }

    fn finish(mut self: Box<Self>, file: &mut Vec<u8>) -> Result<(), Failure> {
        let rest = self.blocks.into_rest();
        if rest.is_empty() {
            return Ok(());
        }
        self.writer.write(&rest, file)
    }
}

impl Writer {
    fn write(&mut self, block: &[f32], file: &mut Vec<u8>) -> Result<(), Failure> {
        let samples: Vec<i32> = block.iter().map(|sample| i32::from(to_i16(*sample))).collect();
        self.buffer.fill_interleaved(&samples).map_err(Failure::new)?;
        let frame = encode_fixed_size_frame(&self.config, &self.buffer, self.number, &self.info)
            .map_err(Failure::new)?;
        self.number += 1;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(Failure::new)?;
        file.extend(sink.into_inner());
        Ok(())
    }
}
