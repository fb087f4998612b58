//! Recordings as engines want them that clone voices.

use std::{borrow::Cow, num::NonZeroU32, time::Duration};

use super::{
    DecodeError, Limits, Loudness, Pcm,
    pcm::duration_of,
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

/// What recordings are made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleShape {
    /// Samples per second.
    pub rate: NonZeroU32,
    /// The longest sound; of a longer one the beginning is taken.
    pub longest: Duration,
}

impl SampleShape {
    /// What most models that clone work at, and more than they listen to: 24 kHz, a minute.
    pub const USUAL: Self = Self {
        rate: NonZeroU32::new(24_000).unwrap(),
        longest: Duration::from_secs(60),
    };
}

/// Why a recording is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// It cannot be converted, or there is too little in it besides silence.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There is nothing to hear (`AUDIO_SILENT`).
    #[error("there is nothing to hear")]
    Silent,
}

/// Makes a recording what engines expect that clone voices: at the rate asked for, without the silence at both ends, no
/// longer than asked for, at -23 LUFS with a true peak of -1 dB at most.
///
/// What is left without the silence must still be as long as `limits` say. Takes the processor for up to seconds: run it
/// on a blocking thread.
///
/// # Errors
/// See [`SampleError`].
pub fn normalise_sample(recording: Pcm, limits: &Limits, shape: SampleShape) -> Result<Pcm, SampleError> {
    let rate = shape.rate;
    let unconvertible = DecodeError::Unreadable("the sample rate cannot be converted");
    let resampled = match recording.resampled(rate).ok_or(unconvertible)? {
        Cow::Owned(resampled) => Some(resampled),
        Cow::Borrowed(_) => None,
    };
    let mut samples = resampled.unwrap_or(recording).into_samples();
    trim(&mut samples, rate)?;
    let actual = duration_of(samples.len() as u64, rate.get());
    if actual < limits.min_duration {
        let minimum = limits.min_duration;
        return Err(DecodeError::TooShort { actual, minimum }.into());
    }
    samples.truncate(frames_in(shape.longest, rate));
    fade(&mut samples, stretch(rate) / 2);

    let mut loudness = Loudness::new(rate);
    loudness.push(&samples);
    let gain = loudness.gain_to(LOUDNESS, CEILING).ok_or(SampleError::Silent)?;
    samples.iter_mut().for_each(|sample| *sample *= gain);
    Ok(Pcm::new(samples, rate))
}

/// How many samples a stretch has.
const fn stretch(rate: NonZeroU32) -> usize {
    let stretch = rate.get() as usize / STRETCHES;
    if stretch == 0 { 1 } else { stretch }
}

/// How many samples last so long.
fn frames_in(time: Duration, rate: NonZeroU32) -> usize {
    usize::try_from(time.as_millis() * u128::from(rate.get()) / 1000).unwrap_or(usize::MAX)
}

/// Takes away the silence at both ends but a little.
fn trim(samples: &mut Vec<f32>, rate: NonZeroU32) -> Result<(), SampleError> {
    let stretch = stretch(rate);
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
    let margin = frames_in(MARGIN, rate);
    samples.truncate(heard.end * stretch + margin);
    samples.drain(..(heard.start * stretch).saturating_sub(margin));
    Ok(())
}
