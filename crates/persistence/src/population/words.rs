//! Made-up names and texts.

use super::draw::Draw;

const FIRST_NAMES: &[&str] = &[
    "Ada", "Amara", "Anouk", "Aylin", "Björn", "Carmen", "Chidi", "Chloé", "Dalia", "Daniel", "Elif",
    "Emeka", "Esra", "Fatima", "Farid", "Freya", "Giulia", "Hana", "Hugo", "Imani", "Ines", "Ivan", "Jonas",
    "José", "Kaito", "Lars", "Leila", "Łukasz", "Mads", "Maya", "Mei", "Mina", "Nadia", "Nils", "Noor",
    "Olga", "Omar", "Pablo", "Priya", "Quentin", "Rosa", "Samir", "Sofia", "Søren", "Tariq", "Uma", "Viktor",
    "Wanda", "Xenia", "Yuki", "Zoë",
];

const LAST_NAMES: &[&str] = &[
    "Abe", "Adeyemi", "Almeida", "Andersen", "Bauer", "Bianchi", "Çelik", "Chen", "Costa", "Dubois",
    "Eriksson", "Ferrari", "Fischer", "García", "Haddad", "Hansen", "Hoffmann", "Ito", "Jansen", "Kaya",
    "Khan", "Kim", "Kowalski", "Lambert", "Larsen", "Li", "Lopez", "Mäkinen", "Martin", "Mbeki", "Meyer",
    "Moreau", "Müller", "Nakamura", "Nguyen", "Novák", "Okafor", "Olsen", "Patel", "Pereira", "Petrov",
    "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Suzuki", "Tanaka", "Virtanen", "Weber", "Wong", "Yılmaz",
];

const TRADES: &[&str] = &[
    "Academy",
    "Audio",
    "Books",
    "Broadcast",
    "Clinic",
    "Collective",
    "Games",
    "Institute",
    "Labs",
    "Learning",
    "Logistics",
    "Media",
    "Museum",
    "Pictures",
    "Press",
    "Publishing",
    "Radio",
    "Records",
    "Software",
    "Stories",
    "Studio",
    "Support",
    "Theatre",
    "Travel",
    "Workshop",
];

const VOICE_ADJECTIVES: &[&str] = &[
    "Bright", "Calm", "Clear", "Deep", "Dry", "Gentle", "Husky", "Lively", "Mellow", "Quick", "Quiet",
    "Soft", "Steady", "Warm", "Young",
];

const WORDS: &[&str] = &[
    "a", "after", "again", "all", "and", "answer", "are", "at", "before", "begins", "book", "by", "call",
    "chapter", "city", "door", "early", "every", "finally", "first", "for", "from", "garden", "gives", "has",
    "heard", "her", "here", "his", "hour", "in", "is", "it", "its", "journey", "kept", "last", "late",
    "letter", "light", "listen", "little", "long", "morning", "music", "near", "never", "new", "night",
    "not", "of", "often", "old", "on", "once", "open", "order", "our", "over", "paper", "people", "quiet",
    "reads", "river", "road", "room", "said", "sea", "second", "she", "silence", "small", "some", "song",
    "soon", "speaks", "station", "story", "summer", "that", "the", "their", "they", "three", "through",
    "time", "to", "today", "town", "train", "two", "under", "until", "very", "voice", "waits", "walks",
    "was", "we", "welcome", "when", "window", "winter", "with", "word", "year", "you", "your",
];

/// A person's name.
pub(super) fn person(draw: &mut Draw) -> String {
    format!("{} {}", draw.one_of(FIRST_NAMES), draw.one_of(LAST_NAMES))
}

/// An organization's name.
pub(super) fn organization(draw: &mut Draw) -> String {
    format!("{} {}", draw.one_of(LAST_NAMES), draw.one_of(TRADES))
}

/// A voice's name.
pub(super) fn voice(draw: &mut Draw) -> String {
    format!("{} {}", draw.one_of(VOICE_ADJECTIVES), draw.one_of(FIRST_NAMES))
}

/// One to five sentences of 4 to 14 words.
pub(super) fn text(draw: &mut Draw) -> String {
    let mut text = String::new();
    for sentence in 0..=draw.below(5) {
        if sentence > 0 {
            text.push(' ');
        }
        for word in 0..4 + draw.below(11) {
            let chosen = draw.one_of(WORDS);
            if word == 0 {
                let mut letters = chosen.chars();
                text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                text.push_str(letters.as_str());
            } else {
                text.push(' ');
                text.push_str(chosen);
            }
        }
        text.push('.');
    }
    text
}
