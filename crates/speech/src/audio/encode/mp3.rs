//! MPEG Layer III through LAME.

use std::num::NonZeroU32;

use mp3lame_encoder::{Bitrate, Builder, FlushGap, Mode, MonoPcm, Quality, max_required_buffer_size};

use super::{Failure, Pcm};

/// The sample rates of MPEG-1, -2 and -2.5 Layer III, ascending.
const RATES: [u32; 9] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

/// The rate of the file for a sound of another: the next higher that the format knows.
pub(super) fn rate(sound: u32) -> u32 {
    RATES.into_iter().find(|rate| *rate >= sound).unwrap_or(48_000)
}

pub(super) fn encode(pcm: &Pcm) -> Result<Vec<u8>, Failure> {
    let rate = NonZeroU32::new(rate(pcm.sample_rate())).ok_or_else(|| Failure::new("no sample rate"))?;
    let pcm = pcm
        .resampled(rate)
        .ok_or_else(|| Failure::new("the sample rate cannot be converted"))?;
    let mut encoder = Builder::new()
        .ok_or_else(|| Failure::new("out of memory"))?
        .with_num_channels(1)
        .and_then(|builder| builder.with_mode(Mode::Mono))
        .and_then(|builder| builder.with_sample_rate(rate.get()))
        .and_then(|builder| builder.with_output_sample_rate(Some(rate)))
        .and_then(|builder| builder.with_brate(bitrate(rate.get())))
        .and_then(|builder| builder.with_quality(Quality::Ok))
        .and_then(|builder| builder.with_to_write_vbr_tag(true))
        .and_then(|builder| builder.build())
        .map_err(Failure::new)?;

    let samples = pcm.to_i16();
    let mut frames = Vec::with_capacity(max_required_buffer_size(samples.len()));
    encoder
        .encode_to_vec(MonoPcm(&samples), &mut frames)
        .map_err(Failure::new)?;
    frames.reserve(7200);
    encoder
        .flush_to_vec::<FlushGap>(&mut frames)
        .map_err(Failure::new)?;

    // The first frame carries no sound but LAME's tag: the exact length and the silence that encoding adds at both
    // ends, from which players know the duration. LAME leaves its place free and fills it in at the end.
    let mut file = Vec::with_capacity(encoder.lame_tag_size() + frames.len());
    encoder
        .lame_tag_encode_to_vec(&mut file)
        .ok_or_else(|| Failure::new("the tag was not written"))?;
    let place = file.len();
    file.extend_from_slice(frames.get(place..).unwrap_or_default());
    Ok(file)
}

/// 64 kbit/s, or the half where the low rates of MPEG-2.5 allow no more than that.
const fn bitrate(rate: u32) -> Bitrate {
    if rate < 16_000 {
        Bitrate::Kbps32
    } else {
        Bitrate::Kbps64
    }
}
