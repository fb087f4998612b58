//! Where sound begins and ends.

use std::ops::Range;

/// From the first to the last sample that is heard; `None` if there is none.
pub(super) fn voiced(samples: &[f32], heard: impl Fn(&f32) -> bool) -> Option<Range<usize>> {
    let first = samples.iter().position(&heard)?;
    let last = samples.iter().rposition(&heard)?;
    Some(first..last + 1)
}

/// Lets a sound begin and end at nothing, over so many samples.
pub(super) fn fade(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    for (n, sample) in samples.iter_mut().take(length).enumerate() {
        *sample *= n as f32 / length as f32;
    }
    for (n, sample) in samples.iter_mut().rev().take(length).enumerate() {
        *sample *= n as f32 / length as f32;
    }
}
