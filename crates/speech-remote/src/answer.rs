//! Whether an answer is the sound that was asked for.

use bytes::Bytes;
use resonance_speech::{
    audio::{Limits, Pcm, decode},
    engine::EngineError,
};

/// Decodes a WAV file that is complete, not empty, and of a plausible rate and length for so many characters.
pub(crate) fn sound(file: Bytes, characters: usize) -> Result<Pcm, EngineError> {
    let bad = |why: &str| EngineError::BadAnswer(why.to_owned());
    let file = complete(file)?;
    let decoded = decode(file, &Limits::SPEECH).map_err(|error| bad(&error.to_string()))?;
    let pcm = decoded.pcm;
    if pcm.samples().is_empty() {
        return Err(bad("the sound is empty"));
    }
    if !(8_000..=192_000).contains(&pcm.sample_rate()) {
        return Err(bad("the sample rate is implausible"));
    }
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    let longest = (characters as f64).mul_add(2.0, 30.0);
    if pcm.duration().as_secs_f64() > longest {
        return Err(bad("the sound is too long for the text"));
    }
    Ok(pcm)
}

/// The file, if nothing of it is missing. Servers that stream do not know the lengths when they write the head: then it
/// is put right.
fn complete(file: Bytes) -> Result<Bytes, EngineError> {
    let bad = |why: &str| EngineError::BadAnswer(why.to_owned());
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(bad("it is no WAV file"));
    }
    let mut at = 12;
    loop {
        let head = file.get(at..at + 8).ok_or_else(|| bad("the file has no sound"))?;
        let (name, size) = head.split_at(4);
        let size = size
            .iter()
            .rev()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let rest = file.len() - at - 8;
        if name != b"data" {
            if size > rest {
                return Err(bad("the file is cut off"));
            }
            at += 8 + size + size % 2;
            continue;
        }
        // All ones, or nearly, and nothing at all are what streams say.
        if size != 0 && size < 0x7fff_0000 {
            return if size > rest {
                Err(bad("the file is cut off"))
            } else {
                Ok(file)
            };
        }
        let mut known = file.to_vec();
        for (at, size) in [(4, file.len() - 8), (at + 4, rest)] {
            let size = u32::try_from(size).map_err(|_| bad("the file is too large"))?;
            if let Some(place) = known.get_mut(at..at + 4) {
                place.copy_from_slice(&size.to_le_bytes());
            }
        }
        return Ok(known.into());
    }
}
