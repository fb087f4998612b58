//! Finding texts by their words: what counts as a word, and what a query asks for.
//!
//! Databases cut texts into words each in their own way. So texts and queries are cut here, in one way, and a database
//! only compares words that it is given.
//!
//! INVARIANT: what [`words`] makes of a text is stored. When it changes, a migration makes the words of all stored texts
//! anew.

use std::collections::HashSet;

use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};
use unicode_segmentation::UnicodeSegmentation as _;

/// Words of a text that are kept, and so found, at most, and the bytes that they have together. More do not fit into what
/// PostgreSQL keeps of one text (1 MB), with the marks that stand before them.
pub const MAX_WORDS: usize = 16_000;
const MAX_BYTES: usize = 600_000;
/// Characters of a word that count; what follows them does not.
pub const MAX_WORD: usize = 64;

/// The different words of a text, in the order in which they come first.
///
/// A word is a run of letters and digits, as Unicode finds the bounds of words (UAX 29): so every Chinese character is a
/// word, and a script without spaces is searched by its characters. Case, accents, points and forms of compatibility
/// (`ﬁ`, `Ⅳ`, `ｱ`) do not count; neither does any punctuation.
///
/// ```
/// assert_eq!(resonance_domain::words("L'Été, l’ÉTÉ! 東京"), ["l", "ete", "東", "京"]);
/// ```
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let plain = plain(text);
    let mut seen = HashSet::new();
    let (mut words, mut bytes) = (Vec::new(), 0);
    for run in plain.unicode_words().flat_map(runs) {
        if words.len() == MAX_WORDS {
            break;
        }
        let end = run.char_indices().nth(MAX_WORD).map_or(run.len(), |(end, _)| end);
        let word = run.get(..end).unwrap_or(run);
        if seen.insert(word) {
            bytes += word.len();
            if bytes > MAX_BYTES {
                break;
            }
            words.push(word.to_owned());
        }
    }
    words
}

/// The text without what does not count within words.
fn plain(text: &str) -> String {
    text.nfkd()
        .flat_map(char::to_lowercase)
        // At the end of a word it is another letter; a prefix may end anywhere.
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .filter(|c| !is_accent(*c) && !is_hint(*c))
        .nfc()
        .collect()
}

/// Whether a mark is written over, under or through a letter that stays what it is without it. Marks of the classes below
/// 10 are parts of letters: the strokes that tell が from か, nuktas, viramas. So are those of no class, such as the vowel
/// signs of Indic scripts.
fn is_accent(c: char) -> bool {
    is_combining_mark(c) && canonical_combining_class(c) >= 10
}

/// Whether it only says how what stands beside it is to be shown: soft hyphens, variation selectors, and signs that
/// enclose others.
const fn is_hint(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{20dd}'..='\u{20e4}' | '\u{fe00}'..='\u{fe0f}')
}

/// The runs of letters and digits in what Unicode takes for one word, such as `l'amour` and `example.org`.
fn runs(word: &str) -> impl Iterator<Item = &str> {
    word.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .map(|run| run.trim_start_matches(is_combining_mark))
        .filter(|run| run.contains(char::is_alphanumeric))
}

/// What is searched for: texts in which all the words occur, and a word that begins as the last one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words that must occur.
    pub whole: Vec<String>,
    /// How another one must begin; never empty. It may be one of those as well.
    pub beginning: String,
}

impl SearchQuery {
    /// Reads what somebody typed, who may be in the middle of the last word. `None` if there is no word in it.
    ///
    /// ```
    /// use resonance_domain::SearchQuery;
    /// let query = SearchQuery::read("\"Good\" -mor*").unwrap();
    /// assert_eq!((query.whole, query.beginning), (vec!["good".to_owned()], "mor".to_owned()));
    /// assert_eq!(SearchQuery::read(" * - "), None);
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let plain = plain(text);
        let last = plain.unicode_words().flat_map(runs).last()?;
        let beginning: String = last.chars().take(MAX_WORD).collect();
        let mut whole = words(text);
        // A word that is only there at the end need not occur as a whole.
        let occurrences = plain.unicode_words().flat_map(runs).filter(|run| *run == last);
        if occurrences.count() == 1 {
            whole.retain(|word| *word != beginning);
        }
        Some(Self { whole, beginning })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_signs_that_stand_for_many_letters_fit_into_what_is_kept_of_a_text() {
        // Four to six letters each, and each word another one.
        let sign = |n: usize, place: u32| ['㌖', '㌀', '㌔', '㌢'][n / 4_usize.pow(place) % 4];
        let word = |n: usize| (0..7).map(move |place| sign(n, place)).chain([' ']);
        let text: String = (0..16_000).flat_map(word).collect();
        let bytes: usize = words(&text).iter().map(String::len).sum();
        assert!((500_000..=MAX_BYTES).contains(&bytes), "{bytes}");
    }

    #[test]
    fn words_are_letters_and_digits_without_case_accents_and_forms() {
        for (text, expected) in [
            ("", &[][..]),
            ("--- !? *", &[]),
            ("Hello, hello WORLD", &["hello", "world"]),
            ("Crème brûlée", &["creme", "brulee"]),
            ("Cre\u{300}me İstanbul", &["creme", "istanbul"]),
            ("ΟΔΟΣ οδος", &["οδοσ"]),
            (
                "can't example.org snake_case 3.14",
                &["can", "t", "example", "org", "snake", "case", "3", "14"],
            ),
            ("ﬁve Ⅳ ½ ｱﾊﾟｰﾄ", &["five", "iv", "1", "2", "アパート"]),
            ("東京都 한국어", &["東", "京", "都", "한국어"]),
            ("か が", &["か", "が"]),
            ("हिन्दी", &["हिन्दी"]),
            ("שָׁלוֹם", &["שלום"]),
            ("straße", &["straße"]),
            ("🎙 a🎙b 1\u{fe0f}\u{20e3} hy\u{ad}phen", &["a", "b", "1", "hyphen"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn neither_words_nor_texts_grow_beyond_measure() {
        assert_eq!(words(&"x".repeat(100)), ["x".repeat(MAX_WORD)]);
        let long: String = (0..MAX_WORDS + 9).map(|n| format!("{n} ")).collect();
        assert_eq!(words(&long).len(), MAX_WORDS);
    }

    #[test]
    fn the_last_word_of_a_query_may_be_unfinished() {
        let read = |text| SearchQuery::read(text).map(|query| (query.whole, query.beginning));
        let query = |whole: &[&str], beginning: &str| {
            Some((
                whole.iter().map(ToString::to_string).collect(),
                beginning.to_owned(),
            ))
        };
        assert_eq!(read("Hello"), query(&[], "hello"));
        assert_eq!(read("one two one"), query(&["one", "two"], "one"));
        assert_eq!(read("one AND \"two*\""), query(&["one", "and"], "two"));
        assert_eq!(read("東京"), query(&["東"], "京"));
        assert_eq!(read("'; --"), None);
    }

    proptest! {
        #[test]
        fn a_text_has_every_word_of_a_query_that_is_a_part_of_it(
            text in "\\PC{0,40}", more in "\\PC{0,20}",
        ) {
            let found = words(&format!("{text} {more}"));
            for word in words(&text) {
                prop_assert!(found.contains(&word), "{word:?} of {text:?}");
            }
        }

        #[test]
        fn words_are_words_of_themselves(text in "\\PC{0,60}") {
            for word in words(&text) {
                prop_assert_eq!(words(&word), [word.clone()]);
                prop_assert!(!word.chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric()));
            }
        }
    }
}
