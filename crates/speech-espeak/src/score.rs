//! From the codes of a clause to a score: which sounds follow each other, with all that their neighbours do to them.

use espeak_ng::{
    PhonemeCode, PhonemeData,
    phoneme::{PH_PAUSE, PH_VOWEL, table::PhonemeTab},
    synthesize::{
        bytecode::{Neighbours, PhonemeExtract, interpret_phoneme, scan_phoneme},
        intonation::{Syllable, calc_pitches, tone_for_clause},
        setlengths::stress_code_to_level,
    },
    translate::CodeMarker,
};

/// Codes with a meaning of their own (`phoneme.h`).
const STRESS: std::ops::RangeInclusive<u8> = 1..=7;
const PAUSE: u8 = 9;
const LENGTHEN: u8 = 12;
const END_WORD: u8 = 15;

/// One sound of a clause.
pub(crate) struct Sound<'a> {
    /// The phonemes of its language: words of another language bring their own.
    pub(crate) table: &'a PhonemeData,
    pub(crate) phoneme: &'a PhonemeTab,
    neighbours: Neighbours,
    /// How much its syllable is stressed: 0 to 7.
    pub(crate) stress: u8,
    /// Whether it is held longer.
    pub(crate) lengthened: bool,
    /// Whether a pause is written before it.
    pub(crate) after_pause: bool,
    /// The sounds around it; `None` at a pause.
    pub(crate) previous: Option<&'a PhonemeTab>,
    pub(crate) next: Option<&'a PhonemeTab>,
    pub(crate) next_but_one: Option<&'a PhonemeTab>,
    /// Whether no other syllable of its word follows.
    pub(crate) in_last_syllable: bool,
    /// The melody, of vowels.
    pub(crate) melody: Option<Syllable>,
}

impl Sound<'_> {
    /// What the phoneme's program says, here among its neighbours.
    pub(crate) fn program(&self) -> PhonemeExtract {
        self.interpret(self.phoneme, &self.neighbours)
    }

    /// What the program of the sound before says about the transition to this one.
    pub(crate) fn previous_program(&self) -> Option<PhonemeExtract> {
        let Neighbours { prev, this, next, .. } = self.neighbours;
        let neighbours = Neighbours {
            this: prev,
            next: this,
            next2: next,
            ..Neighbours::default()
        };
        self.previous
            .map(|previous| self.interpret(previous, &neighbours))
    }

    /// What the program of the sound behind says about the transition from this one.
    pub(crate) fn next_program(&self) -> Option<PhonemeExtract> {
        let Neighbours {
            this, next, next2, ..
        } = self.neighbours;
        let neighbours = Neighbours {
            prev: this,
            this: next,
            next: next2,
            ..Neighbours::default()
        };
        self.next.map(|next| self.interpret(next, &neighbours))
    }

    /// What the program of another phoneme says which this one names in its place.
    pub(crate) fn instead(&self, code: u8) -> Option<PhonemeExtract> {
        self.table
            .get(code)
            .map(|phoneme| scan_phoneme(phoneme.program, &self.table.phonindex))
    }

    fn interpret(&self, phoneme: &PhonemeTab, neighbours: &Neighbours) -> PhonemeExtract {
        interpret_phoneme(phoneme.program, &self.table.phonindex, neighbours, |code| {
            self.table.get(code).cloned()
        })
    }
}

/// A phoneme as it is read, before its neighbours are known.
struct Written<'a> {
    table: &'a PhonemeData,
    phoneme: &'a PhonemeTab,
    stress: u8,
    lengthened: bool,
    begins_word: bool,
    after_pause: bool,
}

/// Reads the codes of one clause.
///
/// `table` answers the phonemes of another language, and `tone` is the row of the tone table for how the clause ends.
pub(crate) fn read<'a>(
    codes: &[PhonemeCode],
    own: &'a PhonemeData,
    table: impl Fn(&str) -> Option<&'a PhonemeData>,
    tone: usize,
) -> Vec<Sound<'a>> {
    let mut written: Vec<Written<'a>> = Vec::with_capacity(codes.len());
    let mut current = own;
    let (mut stress, mut begins_word, mut after_pause) = (0, true, true);
    for code in codes {
        match (&code.marker, code.code) {
            (Some(CodeMarker::LangSwitch(language)), _) => current = table(language).unwrap_or(own),
            (Some(_), _) => {}
            (None, 0) if code.is_boundary => (stress, begins_word, after_pause) = (0, true, true),
            (None, 0) => {}
            (None, mark) if STRESS.contains(&mark) && !code.is_boundary => stress = mark,
            (None, PAUSE) => (begins_word, after_pause) = (true, true),
            (None, LENGTHEN) => {
                if let Some(last) = written.last_mut() {
                    last.lengthened = true;
                }
            }
            (None, END_WORD) => (stress, begins_word) = (0, true),
            (None, phoneme) => {
                let Some(phoneme) = current.get(phoneme).filter(|phoneme| phoneme.typ != PH_PAUSE) else {
                    continue;
                };
                let level = stress_code_to_level(std::mem::take(&mut stress));
                written.push(Written {
                    table: current,
                    phoneme,
                    stress: level,
                    lengthened: false,
                    begins_word: std::mem::take(&mut begins_word),
                    after_pause: std::mem::take(&mut after_pause),
                });
            }
        }
    }

    let mut syllables: Vec<Syllable> = written
        .iter()
        .filter(|sound| sound.phoneme.typ == PH_VOWEL)
        .map(|sound| Syllable::new(sound.stress))
        .collect();
    calc_pitches(&mut syllables, tone, None);
    let mut melodies = syllables.into_iter();
    (0..written.len())
        .filter_map(|n| {
            let vowel = written.get(n)?.phoneme.typ == PH_VOWEL;
            sound(&written, n, vowel.then(|| melodies.next()).flatten())
        })
        .collect()
}

/// The row of the tone table for the mark at the end of a clause.
pub(crate) fn tone(intonation: usize, mark: Option<char>) -> usize {
    let column = match mark {
        Some(',' | ';' | ':' | '、' | '，' | '；' | '：' | '،' | '؛') => 1,
        Some('?' | '？' | '؟') => 2,
        Some('!' | '！') => 3,
        _ => 0,
    };
    tone_for_clause(intonation, column)
}

fn sound<'a>(written: &[Written<'a>], n: usize, melody: Option<Syllable>) -> Option<Sound<'a>> {
    let this = written.get(n)?;
    // Sounds on the other side of a pause, or of another language, are no neighbours.
    let beside = |at: Option<usize>, pause: bool| {
        at.and_then(|at| written.get(at))
            .filter(|other| !pause && std::ptr::eq(other.table, this.table))
    };
    let paused = |at: usize| written.get(at).is_none_or(|sound| sound.after_pause);
    let previous = beside(n.checked_sub(1), this.after_pause);
    let next = beside(Some(n + 1), paused(n + 1));
    let next_but_one = beside(Some(n + 2), paused(n + 1) || paused(n + 2));
    let code = |sound: Option<&Written<'_>>| sound.map_or(0, |sound| sound.phoneme.code);
    let begins_word = |sound: Option<&Written<'_>>| sound.is_none_or(|sound| sound.begins_word);
    let rest_of_word = written
        .iter()
        .skip(n + 1)
        .take_while(|sound| !sound.begins_word && !sound.after_pause);
    Some(Sound {
        table: this.table,
        phoneme: this.phoneme,
        neighbours: Neighbours {
            prev: code(previous),
            this: this.phoneme.code,
            next: code(next),
            next2: code(next_but_one),
            stress: this.stress,
            this_wordstart: this.begins_word,
            prev_wordstart: begins_word(previous),
            next_wordstart: begins_word(next),
            next2_wordstart: begins_word(next_but_one),
            ..Neighbours::default()
        },
        stress: this.stress,
        lengthened: this.lengthened,
        after_pause: this.after_pause && n > 0,
        previous: previous.map(|sound| sound.phoneme),
        next: next.map(|sound| sound.phoneme),
        next_but_one: next_but_one.map(|sound| sound.phoneme),
        in_last_syllable: !rest_of_word
            .into_iter()
            .any(|sound| sound.phoneme.typ == PH_VOWEL),
        melody,
    })
}
