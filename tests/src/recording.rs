//! Sounds for tests.

/// A recording (WAV, 16 bits, 16 kHz, mono) of something like a vowel that rises and falls, of this many seconds.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples of a short recording"
)]
pub fn recording(seconds: f64) -> Vec<u8> {
    const RATE: u32 = 16_000;
    let frames = (seconds * f64::from(RATE)) as u32;
    let mut samples = Vec::with_capacity(frames as usize * 2);
    let mut phase = 0.0_f64;
    for frame in 0..frames {
        let time = f64::from(frame) / f64::from(RATE);
        let pitch = 140.0 + 20.0 * (time * 2.0).sin();
        phase += pitch / f64::from(RATE);
        let syllable = (time * 4.0 * std::f64::consts::PI).sin().abs();
        let tone: f64 = (1..=12_u32)
            .map(|harmonic| (phase * std::f64::consts::TAU * f64::from(harmonic)).sin() / f64::from(harmonic))
            .sum();
        samples.extend_from_slice(&((tone * syllable * 6000.0) as i16).to_le_bytes());
    }
    wav(&samples, RATE)
}

/// A WAV file around 16-bit mono samples.
#[must_use]
pub fn wav(samples: &[u8], rate: u32) -> Vec<u8> {
    let length = u32::try_from(samples.len()).unwrap();
    let mut file = Vec::with_capacity(samples.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + 36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(samples);
    file
}

/// A picture (PNG) of a single pixel.
#[must_use]
pub fn picture() -> Vec<u8> {
    const PNG: [u8; 67] = [
        137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0,
        58, 126, 155, 85, 0, 0, 0, 10, 73, 68, 65, 84, 120, 156, 99, 104, 0, 0, 0, 130, 0, 129, 119, 205,
        114, 182, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
    ];
    PNG.to_vec()
}
