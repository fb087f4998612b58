//! How fast somebody speaks.

use super::RATE;

/// One value of intensity per 10 ms, over 40 ms.
const HOP: usize = (RATE.get() / 100) as usize;
const WINDOW: usize = 4 * HOP;
/// What is this much quieter than the loud moments is a pause, in dB.
const PAUSE_DB: f32 = 25.0;
/// How deep the intensity must fall between two syllables, in dB.
const DIP_DB: f32 = 2.0;
/// No more than this is listened to, in samples: five minutes.
const MAX_SAMPLES: usize = 300 * RATE.get() as usize;

/// Counts the syllable nuclei in samples at [`RATE`], per second of speech without its pauses.
pub(super) fn syllables_per_second(samples: &[f32]) -> Option<f32> {
    let intensity = intensity(samples.get(..MAX_SAMPLES).unwrap_or(samples));
    let mut sorted = intensity.clone();
    sorted.sort_by(f32::total_cmp);
    // The loudest moments may be a cough: the 95th percentile is speech.
    let loud = *sorted.get(sorted.len() * 95 / 100)?;
    if loud < -70.0 {
        return None;
    }
    let floor = loud - PAUSE_DB;
    let speech = intensity.iter().filter(|db| **db > floor).count() as f32 * HOP as f32 / RATE.get() as f32;

    // Climbing from valley to peak and back, a syllable is every peak with a dip of its own on both sides.
    let (mut syllables, mut valley, mut peak) = (0_u32, f32::INFINITY, f32::NEG_INFINITY);
    for db in intensity.into_iter().map(|db| db.max(floor)) {
        if db > peak {
            peak = db;
        }
        if peak - db >= DIP_DB {
            if peak > floor && peak - valley >= DIP_DB {
                syllables += 1;
            }
            (valley, peak) = (db, db);
        } else if db < valley {
            (valley, peak) = (db, db);
        }
    }
    (syllables > 0 && speech > 0.0).then(|| syllables as f32 / speech)
}

/// The intensity in dB of full scale.
fn intensity(samples: &[f32]) -> Vec<f32> {
    samples
        .windows(WINDOW)
        .step_by(HOP)
        .map(|window| {
            let power = window.iter().map(|sample| sample * sample).sum::<f32>() / WINDOW as f32;
            10.0 * power.max(1e-12).log10()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    /// A tone that swells `per_second` times a second, with a pause of a second in the middle.
    fn syllables(per_second: f32) -> Vec<f32> {
        (0..9 * RATE.get())
            .map(|n| {
                let time = n as f32 / RATE.get() as f32;
                let pause = (4.0..5.0).contains(&time);
                let swell = if pause {
                    0.0
                } else {
                    0.55 - 0.45 * (TAU * per_second * time).cos()
                };
                0.5 * swell * (TAU * 150.0 * time).sin()
            })
            .collect()
    }

    #[test]
    fn syllables_are_counted_and_pauses_are_not() {
        for rate in [2.0, 4.0, 6.0] {
            let measured = syllables_per_second(&syllables(rate)).unwrap();
            assert!((measured / rate - 1.0).abs() < 0.15, "{measured} for {rate}");
        }
    }

    #[test]
    fn silence_has_no_tempo() {
        assert_eq!(syllables_per_second(&[0.0; 16_000]), None);
        assert_eq!(syllables_per_second(&[]), None);
    }
}
