//! RIFF WAVE with 16-bit samples.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::{Failure, Pcm};

pub(super) fn encode(pcm: &Pcm) -> Result<Vec<u8>, Failure> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: pcm.sample_rate(),
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::with_capacity(44 + pcm.samples().len() * 2));
    let mut writer = WavWriter::new(&mut file, spec).map_err(Failure::new)?;
    for sample in pcm.to_i16() {
        writer.write_sample(sample).map_err(Failure::new)?;
    }
    writer.finalize().map_err(Failure::new)?;
    Ok(file.into_inner())
}
