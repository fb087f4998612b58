//! The languages that are spoken well enough.

use resonance_domain::LanguageTag;

/// A language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Language {
    /// Its BCP 47 tag.
    pub(crate) tag: &'static str,
    /// eSpeak NG's name for it.
    pub(crate) espeak: &'static str,
    /// Its English name.
    pub(crate) name: &'static str,
    /// Whether its rhythm or its tones still differ audibly from eSpeak NG's own.
    pub(crate) beta: bool,
    /// A text that shows a voice.
    pub(crate) preview: &'static str,
}

impl Language {
    /// The language of a tag. Where there is none for the region, the last one in the table speaks for the others.
    pub(crate) fn of(tag: &LanguageTag) -> Option<&'static Self> {
        let primary = |tag: &'static str| tag.split('-').next();
        // Norwegian has an old tag, and a written form that is read aloud by the same rules.
        let wanted = match tag.language() {
            "no" | "nn" => "nb",
            other => other,
        };
        LANGUAGES
            .iter()
            .find(|language| language.tag == tag.as_str())
            .or_else(|| {
                LANGUAGES
                    .iter()
                    .rfind(|language| primary(language.tag) == Some(wanted))
            })
    }

    /// The language of eSpeak NG's name.
    pub(crate) fn named(espeak: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|language| language.espeak == espeak)
    }
}

const fn language(
    tag: &'static str,
    espeak: &'static str,
    name: &'static str,
    preview: &'static str,
) -> Language {
    Language {
        tag,
        espeak,
        name,
        beta: false,
        preview,
    }
}

const fn beta(
    tag: &'static str,
    espeak: &'static str,
    name: &'static str,
    preview: &'static str,
) -> Language {
    Language {
        tag,
        espeak,
        name,
        beta: true,
        preview,
    }
}

/// The languages in which the phonemes of test sentences agree with those of eSpeak NG itself, and the durations
/// nearly so; those that agree less are beta.
pub(crate) const LANGUAGES: &[Language] = &[
    language(
        "en-US",
        "en-us",
        "American English",
        "Good words deserve a good voice. Let me read yours aloud, from the first line to the last.",
    ),
    language(
        "en-GB",
        "en-gb",
        "British English",
        "Good words deserve a good voice. Let me read yours aloud, from the first line to the last.",
    ),
    language(
        "de-DE",
        "de",
        "German",
        "Gute Worte verdienen eine gute Stimme. Ich lese deine vor, von der ersten Zeile bis zur letzten.",
    ),
    language(
        "fr-FR",
        "fr-fr",
        "French",
        "Les bons mots méritent une bonne voix. Je lis les vôtres, de la première ligne à la dernière.",
    ),
    language(
        "it-IT",
        "it",
        "Italian",
        "Le belle parole meritano una bella voce. Leggo le tue, dalla prima riga all'ultima.",
    ),
    language(
        "es-ES",
        "es",
        "Spanish",
        "Las buenas palabras merecen una buena voz. Yo leo las tuyas, de la primera línea a la última.",
    ),
    language(
        "es-419",
        "es-419",
        "Latin American Spanish",
        "Las buenas palabras merecen una buena voz. Yo leo las tuyas, de la primera línea a la última.",
    ),
    language(
        "nl-NL",
        "nl",
        "Dutch",
        "Goede woorden verdienen een goede stem. Ik lees de jouwe voor, van de eerste regel tot de laatste.",
    ),
    language(
        "sv-SE",
        "sv",
        "Swedish",
        "Goda ord förtjänar en god röst. Jag läser dina, från första raden till den sista.",
    ),
    language(
        "da-DK",
        "da",
        "Danish",
        "Gode ord fortjener en god stemme. Jeg læser dine højt, fra den første linje til den sidste.",
    ),
    language(
        "nb-NO",
        "nb",
        "Norwegian",
        "Gode ord fortjener en god stemme. Jeg leser dine høyt, fra den første linjen til den siste.",
    ),
    language(
        "fi-FI",
        "fi",
        "Finnish",
        "Hyvät sanat ansaitsevat hyvän äänen. Luen sinun sanasi ensimmäisestä rivistä viimeiseen.",
    ),
    language(
        "pl-PL",
        "pl",
        "Polish",
        "Dobre słowa zasługują na dobry głos. Przeczytam twoje, od pierwszego wiersza do ostatniego.",
    ),
    language(
        "cs-CZ",
        "cs",
        "Czech",
        "Dobrá slova si zaslouží dobrý hlas. Přečtu ta vaše, od prvního řádku do posledního.",
    ),
    language(
        "hu-HU",
        "hu",
        "Hungarian",
        "A jó szavak jó hangot érdemelnek. Felolvasom a tiédet, az első sortól az utolsóig.",
    ),
    language(
        "ro-RO",
        "ro",
        "Romanian",
        "Cuvintele bune merită o voce bună. Le citesc pe ale tale, de la primul rând până la ultimul.",
    ),
    language(
        "el-GR",
        "el",
        "Greek",
        "Τα καλά λόγια αξίζουν μια καλή φωνή. Διαβάζω τα δικά σας, από την πρώτη γραμμή ως την τελευταία.",
    ),
    language(
        "tr-TR",
        "tr",
        "Turkish",
        "Güzel sözler güzel bir sesi hak eder. Seninkileri okuyorum, ilk satırdan son satıra kadar.",
    ),
    beta(
        "pt-BR",
        "pt-br",
        "Brazilian Portuguese",
        "Boas palavras merecem uma boa voz. Eu leio as suas, da primeira linha até a última.",
    ),
    language(
        "pt-PT",
        "pt",
        "Portuguese",
        "As boas palavras merecem uma boa voz. Eu leio as suas, da primeira linha à última.",
    ),
    beta(
        "ru-RU",
        "ru",
        "Russian",
        "Хорошие слова заслуживают хорошего голоса. Я прочту ваши, от первой строки до последней.",
    ),
    language(
        "id-ID",
        "id",
        "Indonesian",
        "Kata yang baik pantas mendapat suara yang baik. Saya membaca kata Anda, dari baris pertama sampai terakhir.",
    ),
    language(
        "sw-KE",
        "sw",
        "Swahili",
        "Maneno mazuri yanastahili sauti nzuri. Ninasoma yako, kutoka mstari wa kwanza hadi wa mwisho.",
    ),
    language(
        "ko-KR",
        "ko",
        "Korean",
        "좋은 말에는 좋은 목소리가 어울립니다. 첫 줄부터 마지막 줄까지 읽어 드리겠습니다.",
    ),
    language(
        "hi-IN",
        "hi",
        "Hindi",
        "अच्छे शब्दों को अच्छी आवाज़ मिलनी चाहिए। मैं आपके शब्द पढ़ता हूँ, पहली पंक्ति से आखिरी तक।",
    ),
    language(
        "ar-SA",
        "ar",
        "Arabic",
        "الكلمات الجميلة تستحق صوتا جميلا. سأقرأ كلماتك من السطر الأول إلى السطر الأخير.",
    ),
    language(
        "vi-VN",
        "vi",
        "Vietnamese",
        "Lời hay xứng đáng với một giọng đọc hay. Tôi đọc lời của bạn, từ dòng đầu đến dòng cuối.",
    ),
    beta(
        "zh-CN",
        "cmn",
        "Mandarin Chinese",
        "好的文字值得好的声音。我来朗读你的文字，从第一行到最后一行。",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_of_a_language_is_spoken_by_the_nearest() {
        for (tag, expected) in [
            ("en-US", Some("en-us")),
            ("en-AU", Some("en-gb")),
            ("de-AT", Some("de")),
            ("es-ES", Some("es")),
            ("es-MX", Some("es-419")),
            ("pt-BR", Some("pt-br")),
            ("pt-AO", Some("pt")),
            ("no-NO", Some("nb")),
            ("zh-Hans-CN", Some("cmn")),
            ("om-ET", None),
            ("tlh-US", None),
        ] {
            let tag = LanguageTag::parse(tag).unwrap();
            assert_eq!(
                Language::of(&tag).map(|language| language.espeak),
                expected,
                "{tag:?}"
            );
        }
    }

    #[test]
    fn all_tags_are_canonical_and_each_is_there_once() {
        for (n, language) in LANGUAGES.iter().enumerate() {
            assert_eq!(LanguageTag::parse(language.tag).unwrap().as_str(), language.tag);
            assert!(
                LANGUAGES[..n].iter().all(|other| other.tag != language.tag),
                "{}",
                language.tag
            );
        }
    }
}
