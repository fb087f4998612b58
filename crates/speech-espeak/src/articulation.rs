//! From sounds to positions of the mouth: the frames between which the voice glides, and the noises in between.
//!
//! The rules are those of eSpeak NG's `synthesize.c` and `setlengths.c`, on its data.

mod transition;

use espeak_ng::{
    phoneme::{PH_FRICATIVE, PH_STOP, PH_VFRICATIVE, PH_VOWEL, PH_VSTOP},
    synthesize::{
        bytecode::PhonemeExtract,
        intonation::Syllable,
        phondata::{FRFLAG_BREAK, FRFLAG_VOWEL_CENTRE, SpectFrame, SpectSeq},
        sample::parse_wav_sample,
        setlengths::{STRESS_AMPS_EN, calc_vowel_length_mod},
    },
};

use self::transition::{enter, leave};
use crate::{score::Sound, voice::Timbre};

/// eSpeak NG speaks vowels this much shorter than its tables say at its normal 175 words a minute, the last of a word
/// and the others (`speed_lookup` in `setlengths.c`, over 128).
const VOWEL_PACE: [f64; 2] = [0.68, 0.63];
/// And consonants.
const CONSONANT_PACE: f64 = 0.80;
/// The part of a vowel's length that its transitions take, in ms.
const TRANSITIONS_MS: f64 = 45.0;
/// What eSpeak NG calls full stress.
const FULL_STRESS: f64 = 22.0;

/// One stretch of sound.
pub(crate) enum Part {
    /// Nothing, for so many seconds.
    Silence(f64),
    /// Recorded noise.
    Noise(Vec<i16>),
    /// The voice, gliding through frames, with recorded noise on top.
    Voice {
        frames: Vec<Glide>,
        melody: Option<Syllable>,
        noise: Vec<i16>,
    },
}

impl Part {
    /// How long it takes, in seconds; of noise alone nobody asks.
    pub(crate) fn seconds(&self) -> f64 {
        match self {
            Self::Silence(seconds) => *seconds,
            Self::Noise(_) => 0.0,
            Self::Voice { frames, .. } => frames.iter().map(|glide| glide.seconds).sum(),
        }
    }
}

/// A position of the mouth, and the way to the next one.
pub(crate) struct Glide {
    pub(crate) frame: SpectFrame,
    /// How long it takes until the next one, in seconds.
    pub(crate) seconds: f64,
    /// How loud, where 1 is full stress.
    pub(crate) level: f64,
}

/// Says how one sound is made; `pace` stretches everything, so that 1 is eSpeak NG's normal speed.
pub(crate) fn articulate(sound: &Sound<'_>, timbre: &Timbre, rate: f64, pace: f64, parts: &mut Vec<Part>) {
    let mut program = sound.program();
    if let (None, None, Some(other)) = (program.fmt_addr, program.wav_addr, program.change_phoneme_code)
        && let Some(other) = sound.instead(other)
    {
        program = other;
    }
    if sound.after_pause {
        parts.push(Part::Silence(0.08 * pace));
    }
    let before = f64::from(program.pause_before_ms) / 1000.0 + closure(sound);
    if before > 0.0 {
        parts.push(Part::Silence(before * pace));
    }
    match sound.phoneme.typ {
        PH_STOP | PH_FRICATIVE => {
            // A stop bursts as fast as ever; only what can be held is held.
            let stretch = if sound.phoneme.typ == PH_STOP {
                pace.min(1.0)
            } else {
                pace * CONSONANT_PACE
            };
            let stretch = if sound.lengthened { stretch * 1.5 } else { stretch };
            parts.push(Part::Noise(noise(sound, &program, |_| stretch)));
        }
        PH_VOWEL => {
            let frames = vowel(sound, &program, timbre, pace);
            parts.push(Part::Voice {
                frames,
                melody: sound.melody,
                noise: Vec::new(),
            });
        }
        kind => {
            let frames = consonant(sound, &program, timbre, pace);
            let seconds: f64 = frames.iter().map(|glide| glide.seconds).sum();
            // The noise of a voiced fricative lasts as long as its voice, the burst of a voiced stop as long as a burst.
            let noise = match kind {
                PH_VFRICATIVE => noise(sound, &program, |frames| seconds * rate / frames),
                PH_VSTOP => noise(sound, &program, |_| 1.0),
                _ => Vec::new(),
            };
            parts.push(Part::Voice {
                frames,
                melody: None,
                noise,
            });
        }
    }
    if program.pause_after_ms > 0 {
        parts.push(Part::Silence(f64::from(program.pause_after_ms) / 1000.0 * pace));
    }
}

/// How long the mouth is closed before a sound bursts, in seconds.
fn closure(sound: &Sound<'_>) -> f64 {
    match (sound.phoneme.typ, sound.previous.map(|previous| previous.typ)) {
        (PH_STOP, None) => 0.0,
        (PH_STOP, Some(PH_FRICATIVE)) => 0.025,
        (PH_STOP, Some(PH_STOP)) => 0.060,
        (PH_STOP, Some(_)) => 0.048,
        _ => 0.0,
    }
}

/// The recorded noise of a sound; `stretch` says by how much to hold it, given its own length in samples.
fn noise(sound: &Sound<'_>, program: &PhonemeExtract, stretch: impl Fn(f64) -> f64) -> Vec<i16> {
    let recorded = |factor| {
        program.wav_addr.and_then(|address| {
            parse_wav_sample(
                address,
                &sound.table.phondata,
                factor,
                i32::from(program.wav_param),
            )
        })
    };
    recorded(1.0)
        .and_then(|natural| {
            let factor = stretch(natural.len() as f64);
            if factor == 1.0 {
                Some(natural)
            } else {
                recorded(factor)
            }
        })
        .unwrap_or_default()
}

fn sequence(sound: &Sound<'_>, address: Option<u32>) -> Vec<SpectFrame> {
    address
        .and_then(|address| SpectSeq::parse(&sound.table.phondata, address as usize))
        .map(|sequence| sequence.frames)
        .unwrap_or_default()
}

/// A row of frames, each with the milliseconds to the next one; the last one is where they lead.
type Frames = Vec<(SpectFrame, f64)>;

fn with_lengths(frames: Vec<SpectFrame>) -> Frames {
    frames
        .into_iter()
        .map(|frame| {
            let length = f64::from(frame.length);
            (frame, length)
        })
        .collect()
}

fn length(frames: &[(SpectFrame, f64)]) -> f64 {
    frames.iter().rev().skip(1).map(|(_, length)| length).sum()
}

fn scale(frames: &mut [(SpectFrame, f64)], factor: f64) {
    for (_, length) in frames {
        *length *= factor;
    }
}

fn consonant(sound: &Sound<'_>, program: &PhonemeExtract, timbre: &Timbre, pace: f64) -> Vec<Glide> {
    let mut frames = with_lengths(sequence(sound, program.fmt_addr));
    let own = length(&frames);
    let standard = f64::from(sound.phoneme.std_length) * 2.0;
    if standard > 0.0 && own > 0.0 {
        scale(&mut frames, standard / own);
    }
    if sound.lengthened {
        scale(&mut frames, 1.5);
    }
    scale(&mut frames, CONSONANT_PACE * pace);
    // The voice of a consonant is a little weaker than that of its syllable.
    glides(frames, 20.0 / FULL_STRESS, program.fmt_param, timbre)
}

fn vowel(sound: &Sound<'_>, program: &PhonemeExtract, timbre: &Timbre, pace: f64) -> Vec<Glide> {
    let frames = sequence(sound, program.fmt_addr);
    // A vowel's frames contain its start, up to a marked centre, and its body from there.
    let centre = frames
        .iter()
        .rposition(|frame| frame.frflags & FRFLAG_VOWEL_CENTRE != 0)
        .unwrap_or(0);
    let previous = sound.previous_program();
    let next = sound.next_program();

    let own_start = program.vwlstart_addr.filter(|_| !program.pd_fornextph);
    let given_start = previous
        .as_ref()
        .filter(|previous| previous.pd_fornextph)
        .and_then(|p| p.vwlstart_addr);
    let mut start = with_lengths(sequence(sound, own_start.or(given_start)));
    if start.is_empty() {
        start = with_lengths(frames.get(..=centre).unwrap_or_default().to_vec());
        if centre == 0 {
            start.clear();
        }
        if let Some([a, b, ..]) = previous.as_ref().map(|previous| previous.vowel_transition) {
            enter(&mut start, frames.get(centre), a, b, timbre);
        }
    }

    let mut body = with_lengths(frames.get(centre..).unwrap_or_default().to_vec());
    let ending = program
        .vwlending_addr
        .or_else(|| next.as_ref().and_then(|next| next.vwlending_addr));
    let ending = with_lengths(sequence(sound, ending));
    let mut added = 0.0;
    if ending.is_empty()
        && let Some([.., a, b]) = next.as_ref().map(|next| next.vowel_transition)
    {
        added = leave(&mut body, a, b, timbre);
    }
    let own = length(&body);
    let standard =
        f64::from(program.set_length.unwrap_or(sound.phoneme.std_length)) + f64::from(program.add_length);
    let standard = if sound.lengthened {
        standard * 1.6
    } else {
        standard
    };
    if own > 0.0 {
        scale(
            &mut body,
            (standard * 2.0 + added - TRANSITIONS_MS).max(10.0) / own,
        );
    }
    if let (Some(last), Some((_, first))) = (body.last_mut(), ending.first()) {
        last.1 = *first;
        body.extend(ending.into_iter().skip(1));
    }

    // The start leads to the body's first frame, so its own last one goes.
    start.pop();
    start.append(&mut body);
    let length_mod =
        |sound: Option<&espeak_ng::phoneme::table::PhonemeTab>| sound.map_or(1, |s| s.length_mod);
    let modified = calc_vowel_length_mod(
        sound.stress,
        length_mod(sound.next),
        length_mod(sound.next_but_one),
        !sound.in_last_syllable,
        sound.next.is_none(),
        sound.phoneme.std_length,
        timbre.stress_lengths.as_ref(),
    );
    let vowel_pace = if sound.in_last_syllable {
        VOWEL_PACE[0]
    } else {
        VOWEL_PACE[1]
    };
    scale(&mut start, f64::from(modified) / 256.0 * vowel_pace * pace);
    let stress = timbre.stress_level(sound.stress).unwrap_or_else(|| {
        f64::from(
            STRESS_AMPS_EN
                .get(usize::from(sound.stress))
                .copied()
                .unwrap_or(20),
        )
    });
    glides(start, stress / FULL_STRESS, program.fmt_param, timbre)
}

fn glides(frames: Frames, level: f64, loudness: i8, timbre: &Timbre) -> Vec<Glide> {
    let level = if loudness > 0 {
        level * f64::from(loudness) / 100.0
    } else {
        level
    };
    let last = frames.len().saturating_sub(1);
    let only = frames.len() == 1;
    frames
        .into_iter()
        .enumerate()
        .map(|(n, (frame, length))| {
            let ends = n == last && !only;
            Glide {
                frame: timbre.shape(frame),
                seconds: if ends { 0.0 } else { length / 1000.0 },
                level,
            }
        })
        .collect()
}

impl Glide {
    /// Whether the voice jumps to the frame that follows instead of gliding.
    pub(crate) fn breaks(&self) -> bool {
        self.frame.frflags & FRFLAG_BREAK != 0
    }
}
