//! Sounds to test with.

use std::{f32::consts::TAU, num::NonZeroU32};

use resonance_speech::audio::{OutputFormat, Pcm};

/// Something like a voice: harmonics of a pitch that wanders between 100 and 140 Hz, in four syllables a second.
pub(crate) fn voice(seconds: f32, rate: u32) -> Pcm {
    let mut phase = 0.0;
    let samples = (0..(seconds * rate as f32) as usize)
        .map(|n| {
            let time = n as f32 / rate as f32;
            phase += (120.0 + 20.0 * (TAU * 0.7 * time).sin()) / rate as f32;
            let swell = 0.55 - 0.45 * (TAU * 4.0 * time).cos();
            let harmonics = (1..12).map(|k| (TAU * phase * k as f32).sin() / k as f32);
            0.25 * swell * harmonics.sum::<f32>()
        })
        .collect();
    Pcm::new(samples, NonZeroU32::new(rate).unwrap())
}

pub(crate) fn silence(seconds: f32, rate: u32) -> Pcm {
    Pcm::new(
        vec![0.0; (seconds * rate as f32) as usize],
        NonZeroU32::new(rate).unwrap(),
    )
}

/// A decoded file without what its format adds to a sound that lasts as long as `sound`: ADTS cannot tell players to
/// drop the frame that AAC puts before a sound, and how much of the last one is sound.
pub(crate) fn unpadded(heard: Pcm, format: impl Into<OutputFormat>, sound: &Pcm) -> Pcm {
    if format.into() != OutputFormat::Aac {
        return heard;
    }
    let (from, to) = (sound.sample_rate() as usize, heard.sample_rate() as usize);
    let frames = (sound.samples().len() * to).div_ceil(from);
    let added = heard.samples().len() - frames;
    assert!((1024..2048).contains(&added), "{added} samples at {to} Hz");
    Pcm::new(heard.samples()[1024..1024 + frames].to_vec(), heard.rate())
}

/// How alike two sounds are, sample by sample: 1 is the same, 0 is unrelated.
pub(crate) fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}
