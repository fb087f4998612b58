//! Where the sentences of a recording begin.

use std::{num::NonZeroU32, ops::Range};

/// Sound is looked at in steps of so many milliseconds.
const STEP_MS: usize = 10;
/// What is quieter than this part of the loudest step is a pause (-32 dB).
const QUIET: f32 = 0.025;
/// A pause between sentences lasts so many steps at least.
const SHORTEST: usize = 6;

/// Where each of several sentences begins in a recording of all of them, in frames.
///
/// `shares` says how long each is, in whatever unit. Each border is expected where the shares put it, and then found in
/// the longest pause around there, at most half a neighbouring sentence away; without a pause it stays where it was
/// expected. An estimate: engines do not tell.
#[must_use]
pub fn sentence_starts(samples: &[f32], rate: NonZeroU32, shares: &[usize]) -> Vec<u64> {
    let step = (rate.get() as usize * STEP_MS / 1000).max(1);
    let total = shares.iter().sum::<usize>().max(1);
    let pauses = pauses(samples, step);
    let place = |share: usize| (share as u128 * samples.len() as u128 / total as u128) as usize;
    let mut starts = Vec::with_capacity(shares.len());
    let mut passed = 0;
    for (n, share) in shares.iter().enumerate() {
        if n == 0 {
            starts.push(0);
        } else {
            let before = shares.get(n - 1).copied().unwrap_or(0);
            let expected = place(passed);
            let window = place(passed - before / 2)..place(passed + share / 2);
            let inside = pauses
                .iter()
                .filter(|pause| window.contains(&usize::midpoint(pause.start, pause.end)));
            let longest = inside.max_by_key(|pause| pause.len());
            starts.push(longest.map_or(expected, |pause| pause.end) as u64);
        }
        passed += share;
    }
    starts
}

/// The pauses, in frames.
fn pauses(samples: &[f32], step: usize) -> Vec<Range<usize>> {
    let peaks: Vec<f32> = samples
        .chunks(step)
        .map(|chunk| chunk.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs())))
        .collect();
    let limit = peaks.iter().copied().fold(0.0, f32::max) * QUIET;
    let mut pauses = Vec::new();
    let mut begun = None;
    for (n, peak) in peaks.iter().copied().chain([f32::INFINITY]).enumerate() {
        match begun {
            None if peak <= limit => begun = Some(n),
            Some(start) if peak > limit => {
                if n - start >= SHORTEST {
                    pauses.push(start * step..(n * step).min(samples.len()));
                }
                begun = None;
            }
            _ => {}
        }
    }
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

    #[test]
    fn sentences_begin_after_the_pause_that_is_nearest_to_where_they_are_expected() {
        let tone = |frames| vec![0.5; frames];
        let quiet = |frames| vec![0.001; frames];
        // A short pause within the first sentence, and longer ones between the sentences.
        let sound = [
            tone(400),
            quiet(70),
            tone(430),
            quiet(200),
            tone(500),
            quiet(150),
            tone(900),
        ]
        .concat();
        assert_eq!(sentence_starts(&sound, RATE, &[90, 50, 90]), [0, 1_100, 1_750]);
        // Without pauses, by their shares.
        assert_eq!(sentence_starts(&tone(1_000), RATE, &[1, 1, 2]), [0, 250, 500]);
        assert_eq!(sentence_starts(&[], RATE, &[3, 4]), [0, 0]);
        assert_eq!(sentence_starts(&sound, RATE, &[]), [0_u64; 0]);
    }
}
