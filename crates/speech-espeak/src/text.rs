//! Texts into pieces that can be spoken one by one.

use std::iter::Peekable;

/// What is longer is spoken in pieces even without a comma, so that work can be stopped and its progress shown.
const MAX_CLAUSE: usize = 300;
/// What is longer is no word. The synthesiser cannot take words of a hundred syllables.
const MAX_WORD: usize = 50;
/// What is longer is no number but a row of digits; spoken as one word it would have too many syllables, too.
const MAX_DIGITS: usize = 18;

/// What follows a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Nothing: a word goes on.
    None,
    /// A breath: the piece was too long.
    Breath,
    /// A comma, or something like it.
    Comma,
    /// A colon or a semicolon.
    Colon,
    /// The end of a sentence.
    Sentence,
    /// The end of a paragraph.
    Paragraph,
}

impl Pause {
    /// How long, at normal speed, in seconds.
    pub(crate) const fn seconds(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Breath => 0.05,
            Self::Comma => 0.16,
            Self::Colon => 0.25,
            Self::Sentence => 0.4,
            Self::Paragraph => 0.7,
        }
    }
}

/// A piece that is spoken in one go, with a melody of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) text: String,
    pub(crate) pause: Pause,
}

impl Clause {
    /// The mark that it ends with, by which its melody goes.
    pub(crate) fn mark(&self) -> Option<char> {
        let last = |character: &char| pause_after(*character).is_some();
        self.text
            .chars()
            .rev()
            .take_while(|c| closes(*c) || last(c))
            .find(last)
    }
}

/// Splits a text into clauses, as eSpeak NG does with its own input: at punctuation that something follows, and
/// between paragraphs.
///
/// What would be a command to the synthesiser and not a sound is taken out: control characters, invisible formatting,
/// and the brackets around eSpeak NG's phoneme codes.
pub(crate) fn clauses(text: &str) -> Vec<Clause> {
    let mut splitter = Splitter::default();
    let mut characters = text.chars().filter_map(speakable).peekable();
    while let Some(character) = characters.next() {
        splitter.take(character, &mut characters);
    }
    splitter.end(Pause::Sentence);
    splitter.clauses
}

/// What the synthesiser may see of a character.
fn speakable(character: char) -> Option<char> {
    match character {
        '\n' | '\u{2029}' => Some('\n'),
        '\t' | '\r' | '\u{2028}' | '\u{85}' => Some(' '),
        // Zero-width spaces, marks of direction, byte-order marks, soft hyphens, interlinear annotations, tags.
        '\u{AD}'
        | '\u{200B}'
        | '\u{200E}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF0}'..='\u{FFFF}'
        | '\u{E0000}'..='\u{E007F}' => None,
        control if control.is_control() => None,
        other => Some(other),
    }
}

#[derive(Default)]
struct Splitter {
    clauses: Vec<Clause>,
    current: String,
    /// Characters in `current`, in its last word, and in the digits at its end.
    length: usize,
    word: usize,
    digits: usize,
}

impl Splitter {
    fn take(&mut self, character: char, following: &mut Peekable<impl Iterator<Item = char>>) {
        if character == '\n' {
            // One line break is a space; with an empty line, it ends a paragraph.
            let mut breaks = 1;
            while let Some(space) = following.next_if(|next| next.is_whitespace()) {
                breaks += usize::from(space == '\n');
            }
            if breaks > 1 {
                return self.end(Pause::Paragraph);
            }
        }
        if character.is_whitespace() {
            self.push(' ');
            self.word = 0;
            self.digits = 0;
            if self.length >= MAX_CLAUSE {
                self.end(Pause::Breath);
            }
            return;
        }
        self.digits = if character.is_numeric() {
            self.digits + 1
        } else {
            0
        };
        if self.word >= MAX_WORD || self.digits > MAX_DIGITS {
            self.end(Pause::None);
        }
        // Two brackets would begin phoneme codes.
        if character == '[' && self.current.ends_with('[') {
            self.push(' ');
        }
        let pause = pause_after(character);
        let initial = pause == Some(Pause::Sentence) && character == '.' && self.ends_with_abbreviation();
        self.push(character);
        let Some(pause) = pause.filter(|_| !initial) else {
            return;
        };
        // Closing quotes and further marks belong to the clause that they close.
        while let Some(closing) = following.next_if(|next| closes(*next)) {
            self.push(closing);
        }
        let at_end = following.peek().is_none_or(|next| next.is_whitespace());
        // Chinese, Japanese and Korean punctuation is not followed by a space.
        if at_end || matches!(character, '\u{3001}'..='\u{3002}' | '\u{FF01}'..='\u{FF1F}') {
            self.end(pause);
        }
    }

    fn push(&mut self, character: char) {
        self.current.push(character);
        self.length += 1;
        self.word += 1;
    }

    /// Whether a full stop that follows does not end a sentence: after an initial, or after something short with a
    /// capital and without a vowel, such as "Dr", "Mrs" or "St".
    fn ends_with_abbreviation(&self) -> bool {
        let word = self
            .current
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let mut letters = word.chars();
        let capital = letters.next().is_some_and(char::is_uppercase);
        let rest = letters.as_str();
        capital
            && rest.chars().count() < 3
            && rest
                .chars()
                .all(|c| c.is_ascii_lowercase() && !"aeiouy".contains(c))
    }

    fn end(&mut self, pause: Pause) {
        let text = self.current.trim();
        if text.chars().any(|c| !c.is_whitespace()) {
            let mut text = text.to_owned();
            if pause == Pause::Breath {
                // The melody goes on.
                text.push(',');
            }
            self.clauses.push(Clause { text, pause });
        } else if let Some(last) = self.clauses.last_mut()
            && pause == Pause::Paragraph
        {
            last.pause = pause;
        }
        self.current.clear();
        self.length = 0;
        self.word = 0;
        self.digits = 0;
    }
}

/// The pause that a mark makes if the clause ends with it.
const fn pause_after(character: char) -> Option<Pause> {
    match character {
        '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।' | '؟' => Some(Pause::Sentence),
        ':' | ';' | '：' | '；' | '؛' => Some(Pause::Colon),
        ',' | '、' | '，' | '،' => Some(Pause::Comma),
        _ => None,
    }
}

const fn closes(character: char) -> bool {
    matches!(
        character,
        '"' | '\'' | ')' | ']' | '}' | '”' | '’' | '»' | '“' | '」' | '』' | '）' | '.' | '!' | '?' | '…'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        clauses(text).into_iter().map(|clause| clause.text).collect()
    }

    #[test]
    fn clauses_end_where_people_breathe() {
        assert_eq!(
            clauses("Hello, world! \"Is it you?\" he asked: well…\n\nYes"),
            [
                ("Hello,", Pause::Comma),
                ("world!", Pause::Sentence),
                ("\"Is it you?\"", Pause::Sentence),
                ("he asked:", Pause::Colon),
                ("well…", Pause::Paragraph),
                ("Yes", Pause::Sentence),
            ]
            .map(|(text, pause)| Clause {
                text: text.to_owned(),
                pause
            })
        );
        assert_eq!(texts("一，二。三"), ["一，", "二。", "三"]);
    }

    #[test]
    fn numbers_abbreviations_and_addresses_are_not_torn_apart() {
        for text in [
            "It costs 3.50 or 1,000,000 at 10:30",
            "Dr. Smith met Mrs. Jones in St. Louis",
            "J. R. R. Tolkien",
            "see example.org/a.b for more",
            "one\ntwo",
        ] {
            assert_eq!(texts(text).len(), 1, "{text}");
        }
        assert_eq!(texts("Yes. No.").len(), 2);
    }

    #[test]
    fn pieces_are_never_too_long_for_the_synthesiser() {
        for text in [
            "a".repeat(5000),
            "ab ".repeat(1600),
            "好".repeat(5000),
            "a,".repeat(2500),
            "[".repeat(5000),
        ] {
            let pieces = texts(&text);
            for piece in &pieces {
                assert!(piece.chars().count() <= MAX_CLAUSE + MAX_WORD + 2, "{piece}");
                let longest = piece.split_whitespace().map(|word| word.chars().count()).max();
                assert!(longest <= Some(MAX_WORD + 1), "{piece}");
            }
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            assert_eq!(letters(&pieces.concat()), letters(&text), "nothing is lost");
        }
    }

    #[test]
    fn commands_to_the_synthesiser_do_not_get_through() {
        for text in ["[[h@l'oU]]", "[\u{200B}[h]]", "[\u{1}[h]]", "[[[[x"] {
            assert!(texts(text).iter().all(|piece| !piece.contains("[[")), "{text}");
        }
        assert_eq!(texts("a\u{1}50Pb\0c\u{202E}d"), ["a50Pbcd"]);
    }

    #[test]
    fn text_without_anything_in_it_has_no_clauses() {
        assert_eq!(clauses(" \n\n\t \u{200B}\u{FEFF} "), []);
    }
}
