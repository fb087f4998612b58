//! The voices that the engine comes with.

use resonance_domain::{LanguageTag, VoiceCategory, VoiceCategory::*};
use resonance_speech::engine::CatalogueVoice;

use crate::{language::Language, voice::EspeakVoice};

/// One line of the catalogue.
struct Entry {
    /// Never changes.
    key: &'static str,
    name: &'static str,
    description: &'static str,
    category: VoiceCategory,
    /// eSpeak NG's name of the language.
    language: &'static str,
    /// The timbre; empty for the language's own.
    variant: &'static str,
    /// Pitch, range and tempo, as factors.
    manner: [f64; 3],
}

#[expect(clippy::too_many_arguments, reason = "columns of the table below")]
const fn entry(
    key: &'static str,
    name: &'static str,
    category: VoiceCategory,
    language: &'static str,
    variant: &'static str,
    pitch: f64,
    range: f64,
    tempo: f64,
    description: &'static str,
) -> Entry {
    Entry {
        key,
        name,
        description,
        category,
        language,
        variant,
        manner: [pitch, range, tempo],
    }
}

/// All voices, as they are offered.
pub(crate) fn voices() -> Vec<CatalogueVoice> {
    ENTRIES.iter().filter_map(Entry::voice).collect()
}

impl Entry {
    fn voice(&self) -> Option<CatalogueVoice> {
        let language = Language::named(self.language)?;
        let [pitch, range, tempo] = self.manner;
        let variant = Some(self.variant)
            .filter(|variant| !variant.is_empty())
            .map(str::to_owned);
        let voice = EspeakVoice {
            language: self.language.to_owned(),
            variant,
            pitch,
            range,
            tempo,
        };
        let beta = if language.beta {
            " Beta: the rhythm of this language is still being improved."
        } else {
            ""
        };
        Some(CatalogueVoice {
            key: self.key.to_owned(),
            name: self.name.to_owned(),
            description: format!("{} {}.{beta}", self.description, language.name),
            category: self.category,
            language: LanguageTag::parse(language.tag).ok()?,
            voice: voice.write(),
            preview_text: language.preview.to_owned(),
        })
    }
}

#[rustfmt::skip]
const ENTRIES: &[Entry] = &[
    // Every category in American English.
    entry("en-us-arthur", "Arthur", Audiobook, "en-us", "m3", 1.0, 1.0, 0.9, "A calm, even storyteller for long chapters in"),
    entry("en-us-grace", "Grace", Conversational, "en-us", "f2", 1.0, 1.1, 1.05, "A friendly woman who talks as over coffee, in"),
    entry("en-us-helen", "Helen", CustomerService, "en-us", "f5", 0.95, 1.0, 0.98, "A clear, patient voice for the help line in"),
    entry("en-us-sam", "Sam", General, "en-us", "", 1.0, 1.0, 1.0, "A neutral, plain voice for anything in"),
    entry("en-us-walter", "Walter", Narrative, "en-us", "m8", 1.05, 1.1, 0.92, "A deep, weighty narrator in"),
    entry("en-us-pip", "Pip", Characters, "en-us", "Annie", 1.55, 1.3, 1.15, "A small, excited creature in"),
    entry("en-us-selene", "Selene", Meditation, "en-us", "f4", 0.85, 0.6, 0.72, "Slow, soft and level, for guided meditations in"),
    entry("en-us-rocco", "Rocco", Motivational, "en-us", "m7", 1.2, 1.5, 1.12, "Loud and driven, for the last set, in"),
    entry("en-us-ruby", "Ruby", Podcast, "en-us", "Andrea", 1.0, 1.3, 1.1, "A lively host who is curious about everything, in"),
    entry("en-us-chad", "Chad", Advertising, "en-us", "m1", 1.25, 1.6, 1.2, "Fast and bright, with a smile for every price, in"),
    entry("en-us-iris", "Iris", Voiceover, "en-us", "linda", 0.95, 0.9, 0.97, "An even explainer for videos in"),
    entry("en-us-victor", "Victor", Corporate, "en-us", "m6", 0.95, 0.8, 1.0, "A composed presenter of quarterly results in"),
    entry("en-us-grumble", "Grumble", Characters, "en-us", "m4", 0.7, 1.4, 0.85, "An old giant, low and slow, in"),
    // British English.
    entry("en-gb-edmund", "Edmund", Audiobook, "en-gb", "m3", 0.95, 1.1, 0.9, "A warm reader by the fire, in"),
    entry("en-gb-poppy", "Poppy", Conversational, "en-gb", "f3", 0.9, 1.1, 1.05, "A bright young woman in"),
    entry("en-gb-harold", "Harold", Narrative, "en-gb", "grandpa", 1.0, 1.1, 0.88, "An old man who has seen it all, in"),
    entry("en-gb-beatrice", "Beatrice", Corporate, "en-gb", "f1", 0.9, 0.85, 1.0, "A precise announcer in"),
    // Three for each of the largest neighbours.
    entry("de-klara", "Klara", General, "de", "f2", 0.95, 1.0, 1.05, "A clear woman's voice for anything in"),
    entry("de-jonas", "Jonas", Podcast, "de", "m3", 1.1, 1.2, 1.12, "An alert host in"),
    entry("de-otto", "Otto", Audiobook, "de", "m8", 1.05, 1.0, 0.98, "A deep, unhurried reader in"),
    entry("fr-camille", "Camille", Voiceover, "fr-fr", "f5", 0.95, 1.0, 1.0, "An elegant commentator in"),
    entry("fr-luc", "Luc", Narrative, "fr-fr", "m1", 1.05, 1.1, 0.95, "A gentle narrator in"),
    entry("fr-margot", "Margot", Advertising, "fr-fr", "Annie", 1.2, 1.4, 1.12, "A sparkling saleswoman in"),
    entry("es-lucia", "Lucía", CustomerService, "es", "f2", 0.95, 1.0, 1.05, "A helpful woman at the counter, in"),
    entry("es-mateo", "Mateo", Motivational, "es", "m7", 1.15, 1.4, 1.12, "A coach who believes in you, in"),
    entry("es-419-valentina", "Valentina", Conversational, "es-419", "Andrea", 1.0, 1.15, 1.12, "A good friend on the phone, in"),
    entry("it-giulia", "Giulia", Conversational, "it", "f3", 0.9, 1.2, 1.15, "A spirited woman in"),
    entry("it-dante", "Dante", Audiobook, "it", "m6", 1.0, 1.1, 1.08, "A reader of verses in"),
    // One or two for everybody else.
    entry("nl-sanne", "Sanne", General, "nl", "f4", 0.9, 1.0, 1.0, "A plain and friendly voice in"),
    entry("nl-bram", "Bram", Corporate, "nl", "m1", 1.0, 0.9, 1.0, "A matter-of-fact presenter in"),
    entry("sv-elsa", "Elsa", Meditation, "sv", "f5", 0.85, 0.7, 0.78, "Quiet as a lake in the morning, in"),
    entry("sv-nils", "Nils", Podcast, "sv", "m3", 1.05, 1.1, 1.05, "A relaxed host in"),
    entry("da-freja", "Freja", General, "da", "f2", 0.95, 1.0, 1.0, "A fresh, open voice in"),
    entry("nb-ingrid", "Ingrid", Narrative, "nb", "linda", 0.9, 1.0, 0.97, "A teller of sagas in"),
    entry("fi-aino", "Aino", Meditation, "fi", "f4", 0.8, 0.7, 0.9, "Calm as snow, in"),
    entry("pl-zofia", "Zofia", CustomerService, "pl", "f2", 0.92, 1.0, 1.05, "A courteous adviser in"),
    entry("pl-marek", "Marek", Voiceover, "pl", "m6", 0.95, 0.8, 1.08, "A dry commentator who reads all the parts, in"),
    entry("cs-jana", "Jana", General, "cs", "f5", 0.9, 1.0, 1.05, "A clear voice for anything in"),
    entry("hu-eszter", "Eszter", Narrative, "hu", "f3", 0.88, 1.0, 1.0, "A teller of fairy tales in"),
    entry("ro-andrei", "Andrei", Corporate, "ro", "m1", 1.0, 0.9, 1.08, "A reliable speaker in"),
    entry("el-eleni", "Eleni", Voiceover, "el", "f1", 0.92, 1.0, 1.12, "A bright commentator in"),
    entry("tr-defne", "Defne", Advertising, "tr", "f3", 1.0, 1.4, 1.12, "A cheerful voice for the radio in"),
    entry("tr-emre", "Emre", General, "tr", "m3", 1.0, 1.0, 1.0, "A neutral voice for anything in"),
    entry("pt-br-beatriz", "Beatriz", Conversational, "pt-br", "f2", 0.95, 1.15, 1.25, "A warm talker in"),
    entry("pt-tiago", "Tiago", Narrative, "pt", "m3", 1.0, 1.0, 1.1, "A thoughtful narrator in"),
    entry("ru-anna", "Anna", Audiobook, "ru", "f5", 0.9, 1.0, 1.15, "A reader of long novels in"),
    entry("id-putri", "Putri", CustomerService, "id", "f4", 0.9, 1.0, 1.05, "A kind voice on the line, in"),
    entry("sw-amani", "Amani", General, "sw", "m1", 1.1, 1.1, 1.1, "An open, friendly voice in"),
    entry("ko-jiwoo", "Ji-woo", Podcast, "ko", "f2", 1.0, 1.1, 1.08, "A quick-witted host in"),
    entry("hi-asha", "Asha", Motivational, "hi", "f3", 0.95, 1.3, 1.05, "An encouraging voice in"),
    entry("ar-karim", "Karim", Narrative, "ar", "m6", 1.0, 1.1, 0.97, "A teller of a thousand and one tales in"),
    entry("vi-linh", "Linh", General, "vi", "f5", 0.95, 1.0, 1.0, "A clear voice for anything in"),
    entry("cmn-mei", "Mei", Conversational, "cmn", "f2", 0.95, 1.0, 0.9, "A friendly voice in"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use resonance_domain::{VoiceDescription, VoiceName};

    use super::*;
    use crate::language::LANGUAGES;

    #[test]
    fn every_entry_is_a_voice_that_can_be_stored_and_spoken() {
        let voices = voices();
        assert_eq!(voices.len(), ENTRIES.len());
        for voice in &voices {
            EspeakVoice::read(&voice.voice).unwrap();
            VoiceName::parse(&voice.name).unwrap();
            VoiceDescription::parse(&voice.description).unwrap();
        }
        let keys: HashSet<_> = voices.iter().map(|voice| &voice.key).collect();
        assert_eq!(keys.len(), voices.len(), "keys are unique");
        let sounds: HashSet<_> = voices.iter().map(|voice| voice.voice.to_string()).collect();
        assert_eq!(sounds.len(), voices.len(), "no two voices are the same");
    }

    #[test]
    fn there_is_a_voice_for_every_category_and_every_language() {
        let voices = voices();
        for category in VoiceCategory::ALL {
            assert!(
                voices.iter().any(|voice| voice.category == category),
                "{category:?}"
            );
        }
        for language in LANGUAGES {
            assert!(
                voices.iter().any(|voice| voice.language.as_str() == language.tag),
                "{}",
                language.tag
            );
        }
    }

    #[test]
    fn voices_of_unfinished_languages_say_so() {
        for voice in voices() {
            let beta = ["pt-BR", "ru-RU", "zh-CN"].contains(&voice.language.as_str());
            assert_eq!(voice.description.contains("Beta"), beta, "{}", voice.description);
        }
    }
}
