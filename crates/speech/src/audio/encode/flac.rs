//! FLAC with 16-bit samples.

use flacenc::{bitsink::ByteSink, component::BitRepr, config, error::Verify, source::MemSource};

use super::{Failure, Pcm};

/// STREAMINFO states the smallest and the largest block size right after the marker `fLaC` and its block's own header.
const MIN_BLOCK_SIZE_AT: std::ops::Range<usize> = 8..10;
const MAX_BLOCK_SIZE_AT: std::ops::Range<usize> = 10..12;

pub(super) fn encode(pcm: &Pcm) -> Result<Vec<u8>, Failure> {
    let mut encoder = config::Encoder::default();
    // Several encodings run at once already; threads of its own would only fight with them.
    encoder.multithread = false;
    let encoder = encoder
        .into_verified()
        .map_err(|(_, error)| Failure::new(error))?;
    let samples: Vec<i32> = pcm.to_i16().into_iter().map(i32::from).collect();
    let source = MemSource::from_samples(&samples, 1, 16, pcm.sample_rate() as usize);
    let stream =
        flacenc::encode_with_fixed_block_size(&encoder, source, encoder.block_size).map_err(Failure::new)?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(Failure::new)?;
    let mut file = sink.into_inner();
    // The smallest block size must leave out the last block (RFC 9639, section 8.2), which flacenc counts in: decoders
    // then take the stream for one of variable block sizes and give up.
    if file.len() >= MAX_BLOCK_SIZE_AT.end {
        file.copy_within(MAX_BLOCK_SIZE_AT, MIN_BLOCK_SIZE_AT.start);
    }
    Ok(file)
}
