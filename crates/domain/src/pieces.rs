//! Texts into pieces that are spoken one after the other.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Sentences are joined up to so many characters: an engine is not called for every few words.
const TARGET: usize = 300;

/// Marks after which a long sentence may be cut; those of Latin scripts only before white space.
const CLAUSE_MARKS: &str = ",;:—–…،؛、，；：";

/// What comes to an end where a piece does, and so how long the pause after it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// Nothing: a long sentence was cut between two words, or even inside one.
    Word,
    /// A clause of a long sentence.
    Clause,
    /// A sentence.
    Sentence,
    /// A paragraph: an empty line follows, or the end of the text.
    Paragraph,
}

/// A stretch of a text that is spoken in one go. Offsets count Unicode scalar values from the start of the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text from `start` to `end`, without white space around it.
    pub text: String,
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// Its sentences in order, or the one part of a sentence that it is.
    pub sentences: Vec<Range<usize>>,
    /// What ends with it.
    pub boundary: Boundary,
}

/// Splits a text into pieces of at most `limit` characters (Unicode scalar values; at least 1).
///
/// The first piece is one sentence, so that the first sound comes soon; later ones join sentences of a paragraph up to
/// a few hundred characters. A sentence beyond the limit is cut after a clause, else between words, else between
/// characters as readers see them. All that is not white space is in exactly one piece, in order.
///
/// ```
/// use resonance_domain::pieces;
///
/// let texts: Vec<_> = pieces("Well. It works! So?", 2_000).into_iter().map(|piece| piece.text).collect();
/// assert_eq!(texts, ["Well.", "It works! So?"]);
/// ```
#[must_use]
pub fn pieces(text: &str, limit: usize) -> Vec<Piece> {
    let limit = limit.max(1);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = false;
    for sentence in Sentences::of(text) {
        let length = sentence.span.end - sentence.span.start;
        if open
            && let Some(last) = pieces.last_mut()
            && last.boundary == Boundary::Sentence
            && sentence.span.end - last.start <= limit.min(TARGET)
        {
            last.text.push_str(sentence.gap);
            last.text.push_str(sentence.text);
            last.end = sentence.span.end;
            last.sentences.push(sentence.span);
            last.boundary = sentence.boundary;
            continue;
        }
        open = length <= limit && !pieces.is_empty();
        cut(&sentence, limit, &mut pieces);
    }
    pieces
}

/// The sentences of a text by Unicode's rules (UAX #29), without the white space between them, as ranges of Unicode
/// scalar values.
///
/// A single line break within a sentence does not end it, and what has no letter or digit belongs to its neighbour.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    Sentences::of(text).map(|sentence| sentence.span).collect()
}

/// One sentence.
struct Sentence<'a> {
    /// The white space before it.
    gap: &'a str,
    text: &'a str,
    span: Range<usize>,
    boundary: Boundary,
}

/// Goes through the sentences of a text.
struct Sentences<'a> {
    text: &'a str,
    bounds: std::iter::Peekable<unicode_segmentation::USentenceBoundIndices<'a>>,
    /// Where the last sentence ended, in bytes and in characters.
    done: (usize, usize),
}

impl<'a> Sentences<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            bounds: text.split_sentence_bound_indices().peekable(),
            done: (0, 0),
        }
    }
}

impl<'a> Iterator for Sentences<'a> {
    type Item = Sentence<'a>;

    fn next(&mut self) -> Option<Sentence<'a>> {
        let (mut start, mut end) = (None, 0);
        let mut spoken = false;
        while let Some((at, part)) = self.bounds.next() {
            let trimmed = part.trim();
            if trimmed.is_empty() {
                continue;
            }
            start.get_or_insert(at + part.len() - part.trim_start().len());
            end = at + part.trim_end().len();
            spoken |= trimmed.contains(char::is_alphanumeric);
            let rest = self.text.get(end..).unwrap_or_default();
            if ends_paragraph(rest) {
                // What has nothing to speak must not stand alone, not even before a paragraph.
                if spoken {
                    break;
                }
                continue;
            }
            let goes_on = part.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
                && !trimmed.ends_with(|mark: char| !mark.is_alphanumeric() && mark != ',' && mark != '-');
            let only_marks_follow = self
                .bounds
                .peek()
                .is_some_and(|(_, next)| !next.trim().is_empty() && !next.contains(char::is_alphanumeric));
            if spoken && !goes_on && !only_marks_follow {
                break;
            }
        }
        let start = start?;
        let slice = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let (gap, text) = (slice(self.done.0..start), slice(start..end));
        let first = self.done.1 + gap.chars().count();
        let span = first..first + text.chars().count();
        let paragraph = ends_paragraph(slice(end..self.text.len()));
        self.done = (end, span.end);
        Some(Sentence {
            gap,
            text,
            span,
            boundary: if paragraph {
                Boundary::Paragraph
            } else {
                Boundary::Sentence
            },
        })
    }
}

/// Whether an empty line follows, or nothing but white space.
fn ends_paragraph(rest: &str) -> bool {
    let space = rest.len() - rest.trim_start().len();
    let gap = rest.get(..space).unwrap_or_default();
    space == rest.len() || gap.matches('\n').count() > 1 || gap.contains('\u{2029}')
}

/// Adds a sentence, in parts if it is longer than the limit.
fn cut(sentence: &Sentence<'_>, limit: usize, pieces: &mut Vec<Piece>) {
    let (mut rest, mut start) = (sentence.text, sentence.span.start);
    while !rest.is_empty() {
        let (at, boundary) = head(rest, limit).unwrap_or((rest.len(), sentence.boundary));
        let (part, tail) = rest.split_at(at);
        let text = part.trim_end();
        let end = start + text.chars().count();
        let after = tail.trim_start();
        if !text.is_empty() {
            pieces.push(Piece {
                text: text.to_owned(),
                start,
                end,
                sentences: std::iter::once(start..end).collect(),
                boundary,
            });
        }
        start += part.chars().count() + tail.chars().count() - after.chars().count();
        rest = after;
    }
}

/// Where to cut a sentence, in bytes, and what ends there; `None` if it is short enough.
fn head(sentence: &str, limit: usize) -> Option<(usize, Boundary)> {
    let (window, _) = sentence.char_indices().nth(limit)?;
    let within = |index: &usize| *index > 0 && *index <= window;
    let mut clause = None;
    let mut characters = sentence.char_indices().peekable();
    while let Some((at, mark)) = characters.next() {
        let end = at + mark.len_utf8();
        if end > window {
            break;
        }
        let free = !mark.is_ascii() || characters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if free && CLAUSE_MARKS.contains(mark) {
            clause = Some(end);
        }
    }
    if let Some(end) = clause {
        return Some((end, Boundary::Clause));
    }
    let (mut word, mut space) = (None, None);
    let mut previous = "";
    for (at, part) in sentence.split_word_bound_indices() {
        if at > window {
            break;
        }
        if within(&at) {
            word = Some(at);
            if previous.ends_with(char::is_whitespace) || part.starts_with(char::is_whitespace) {
                space = Some(at);
            }
        }
        previous = part;
    }
    let grapheme = || {
        let bounds = sentence.grapheme_indices(true).map(|(at, _)| at);
        bounds.take_while(|at| *at <= window).filter(within).last()
    };
    let at = space.or(word).or_else(grapheme).unwrap_or(window);
    Some((at, Boundary::Word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str, limit: usize) -> Vec<String> {
        pieces(text, limit).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn the_first_piece_is_one_sentence_and_the_others_are_joined_within_their_paragraph() {
        let found = pieces("One. Two! Three?\n\nFour. Five.", 100);
        let texts: Vec<_> = found.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(texts, ["One.", "Two! Three?", "Four. Five."]);
        assert_eq!(found[1].sentences, [5..9, 10..16]);
        let boundaries: Vec<_> = found.iter().map(|piece| piece.boundary).collect();
        assert_eq!(
            boundaries,
            [Boundary::Sentence, Boundary::Paragraph, Boundary::Paragraph]
        );
    }

    #[test]
    fn a_long_sentence_is_cut_after_a_clause_else_between_words_else_between_characters() {
        assert_eq!(texts("one, two three four", 12), ["one,", "two three", "four"]);
        assert_eq!(texts("一二三，四五六七八", 5), ["一二三，", "四五六七八"]);
        assert_eq!(texts("abcdefgh", 3), ["abc", "def", "gh"]);
        // A family is one character to its reader: five scalar values.
        assert_eq!(texts("a👨‍👩‍👧", 5), ["a", "👨‍👩‍👧"]);
        assert_eq!(texts("3,5 and 1:30", 9), ["3,5 and", "1:30"]);
    }

    #[test]
    fn offsets_count_characters_of_the_whole_text() {
        assert_eq!(sentences("  Grüße! 你好。再见。 "), [2..8, 9..12, 12..15]);
    }

    #[test]
    fn a_line_break_within_a_sentence_does_not_end_it_and_marks_do_not_stand_alone() {
        assert_eq!(sentences("This goes\non. And\r\nthis."), [0..13, 14..24]);
        assert_eq!(texts("… Hello. ?!\n\n* * *\n\nBye.", 100).len(), 2);
        assert_eq!(texts("…", 100), ["…"]);
        assert_eq!(texts(" \n ", 100), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_longer_than_the_limit(text in "(\\PC|[ab.,!?;\n\r ]|\u{2029}|👨‍👩‍👧|é){0,200}", limit in 1..80_usize) {
            let characters: Vec<char> = text.chars().collect();
            let mut covered = 0;
            for piece in pieces(&text, limit) {
                prop_assert!(piece.start >= covered && piece.start < piece.end);
                prop_assert!(piece.end - piece.start <= limit);
                prop_assert!(characters[covered..piece.start].iter().all(|c| c.is_whitespace()));
                let slice: String = characters[piece.start..piece.end].iter().collect();
                prop_assert_eq!(slice.trim(), &slice);
                prop_assert_eq!(&slice, &piece.text);
                prop_assert_eq!(piece.sentences[0].start, piece.start);
                prop_assert_eq!(piece.sentences.last().unwrap().end, piece.end);
                covered = piece.end;
            }
            prop_assert!(characters[covered..].iter().all(|c| c.is_whitespace()));
        }
    }
}
