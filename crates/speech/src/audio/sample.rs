//! Recordings as engines want them that clone voices.

use std::{num::NonZeroU32, time::Duration};

use bytes::Bytes;

use super::{
    DecodeError, Decoded, Limits, Loudness, Pcm, decode,
    trim::{fade, voiced},
};

/// The loudness of programmes by EBU R 128, in LUFS, and the highest true peak, in dB of full scale.
const LOUDNESS: f64 = -23.0;
const CEILING: f64 = -1.0;
/// Silence at the ends is what is quieter than the loudest stretch by this factor (-40 dB), or than this of full scale
/// (-60 dB).
const RELATIVE_SILENCE: f32 = 0.01;
const SILENCE: f32 = 0.001;
/// So much of it is left.
const MARGIN: Duration = Duration::from_millis(100);
/// Loudness is judged over stretches of a hundredth of a second, which a single crackle does not make loud.
const STRETCHES: usize = 100;

/// A recording to make a voice from.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalisedSample {
    /// One channel at the rate asked for, without the silence at both ends, at -23 LUFS with a true peak of -1 dB at
    /// most.
    pub pcm: Pcm,
    /// How long the recording was before.
    pub original_duration: Duration,
    /// The rate it had.
    pub original_rate: u32,
    /// The channels it had.
    pub original_channels: u16,
    /// Its loudness before, in LUFS, without the silence at both ends.
    pub original_lufs: f64,
    /// The media type of the file.
    pub content_type: &'static str,
}

/// Why a recording is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// It cannot be read, or its sound is too short or too long.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There is nothing to hear (`AUDIO_SILENT`).
    #[error("there is nothing to hear")]
    Silent,
}

/// Decodes a recording and makes it what engines expect that clone voices.
///
/// The limits hold for the sound without the silence at both ends as well. Takes the processor for up to seconds: run
/// it on a blocking thread.
///
/// # Errors
/// See [`SampleError`].
pub fn normalise_sample(
    file: Bytes,
    limits: &Limits,
    sample_rate: NonZeroU32,
) -> Result<NormalisedSample, SampleError> {
    let Decoded {
        pcm: original,
        channels,
        content_type,
    } = decode(file, limits)?;
    let (original_duration, original_rate) = (original.duration(), original.sample_rate());
    let unconvertible = DecodeError::Unreadable("the sample rate cannot be converted");
    let mut samples = original
        .resampled(sample_rate)
        .ok_or(unconvertible)?
        .into_owned()
        .into_samples();
    drop(original);

    trim(&mut samples, sample_rate)?;
    let mut loudness = Loudness::new(sample_rate);
    loudness.push(&samples);
    let (Some(original_lufs), Some(gain)) = (loudness.lufs(), loudness.gain_to(LOUDNESS, CEILING)) else {
        return Err(SampleError::Silent);
    };
    samples.iter_mut().for_each(|sample| *sample *= gain);
    let pcm = Pcm::new(samples, sample_rate);
    let actual = pcm.duration();
    if actual < limits.min_duration {
        let minimum = limits.min_duration;
        return Err(DecodeError::TooShort { actual, minimum }.into());
    }
    Ok(NormalisedSample {
        pcm,
        original_duration,
        original_rate,
        original_channels: channels,
        original_lufs,
        content_type,
    })
}

/// Takes away the silence at both ends but a little.
fn trim(samples: &mut Vec<f32>, rate: NonZeroU32) -> Result<(), SampleError> {
    let rate = rate.get() as usize;
    let stretch = (rate / STRETCHES).max(1);
    let levels: Vec<f32> = samples
        .chunks(stretch)
        .map(|stretch| {
            let energy: f32 = stretch.iter().map(|sample| sample * sample).sum();
            (energy / stretch.len() as f32).sqrt()
        })
        .collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let threshold = SILENCE.max(loudest * RELATIVE_SILENCE);
    let heard = voiced(&levels, |level| *level > threshold).ok_or(SampleError::Silent)?;
    let margin = usize::try_from(MARGIN.as_millis()).unwrap_or(0) * rate / 1000;
    samples.truncate(heard.end * stretch + margin);
    samples.drain(..(heard.start * stretch).saturating_sub(margin));
    fade(samples, stretch / 2);
    Ok(())
}
