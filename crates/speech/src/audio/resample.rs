//! Sound at another rate, bit by bit.

use std::num::NonZeroU32;

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};

use super::blocks::Blocks;

/// How many frames the resampler takes at a time: long enough to be quick, short enough to stay in the cache.
const CHUNK: usize = 1024;

/// Converts a sound that comes in pieces. What comes out does not depend on where the pieces were cut.
pub(super) struct StreamResampler {
    converter: Converter,
    blocks: Blocks,
    rates: (u64, u64),
    taken: u64,
}

/// The resampler could not work with what it was given.
#[derive(Debug)]
pub(super) struct Unconvertible;

impl StreamResampler {
    pub(super) fn new(from: NonZeroU32, to: NonZeroU32) -> Result<Self, Unconvertible> {
        let (from, to) = (from.get(), to.get());
        let fft = Fft::<f32>::new(from as usize, to as usize, CHUNK, 1, FixedSync::Both)
            .map_err(|_| Unconvertible)?;
        Ok(Self {
            blocks: Blocks::new(fft.input_frames_next()),
            converter: Converter {
                delay: fft.output_delay(),
                chunk: vec![0.0; fft.output_frames_max()],
                fft,
                given: 0,
            },
            rates: (u64::from(from), u64::from(to)),
            taken: 0,
        })
    }

    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), Unconvertible> {
        self.taken += samples.len() as u64;
        let converter = &mut self.converter;
        self.blocks
            .feed(samples, |block| converter.convert(block, block.len(), out))
    }

    /// The rest: in the end there are as many frames as last as long as what came in, rounded up.
    pub(super) fn finish(mut self, out: &mut Vec<f32>) -> Result<(), Unconvertible> {
        let wanted = frames_at(self.taken, self.rates.0, self.rates.1);
        let size = self.blocks.size();
        let mut rest = self.blocks.into_rest();
        let mut partial = rest.len();
        rest.resize(size, 0.0);
        while self.converter.given < wanted {
            self.converter.convert(&rest, partial, out)?;
            rest.fill(0.0);
            partial = 0;
        }
        // The resampler rounds up to its own steps; a sample more would change the duration.
        let beyond = usize::try_from(self.converter.given - wanted).unwrap_or(usize::MAX);
        out.truncate(out.len().saturating_sub(beyond));
        Ok(())
    }
}

struct Converter {
    fft: Fft<f32>,
    /// Frames that are still to be dropped: what the resampler puts before the sound.
    delay: usize,
    chunk: Vec<f32>,
    /// Frames that came out so far.
    given: u64,
}

impl Converter {
    fn convert(&mut self, block: &[f32], partial: usize, out: &mut Vec<f32>) -> Result<(), Unconvertible> {
        let room = self.chunk.len();
        let input = InterleavedSlice::new(block, 1, block.len()).map_err(|_| Unconvertible)?;
        let mut output = InterleavedSlice::new_mut(&mut self.chunk, 1, room).map_err(|_| Unconvertible)?;
        let indexing = Indexing::new().partial_len(partial);
        let indexing = (partial < block.len()).then_some(&indexing);
        let (_, made) = self
            .fft
            .process_into_buffer(&input, &mut output, indexing)
            .map_err(|_| Unconvertible)?;
        let dropped = self.delay.min(made);
        self.delay -= dropped;
        let sound = self.chunk.get(dropped..made).ok_or(Unconvertible)?;
        self.given += sound.len() as u64;
        out.extend_from_slice(sound);
        Ok(())
    }
}

/// How many frames at one rate last as long as `frames` at another, rounded up.
pub(super) fn frames_at(frames: u64, from: u64, to: u64) -> u64 {
    let wanted = (u128::from(frames) * u128::from(to)).div_ceil(u128::from(from.max(1)));
    u64::try_from(wanted).unwrap_or(u64::MAX)
}
