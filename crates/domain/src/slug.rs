//! Slugs: the names that stand in addresses.

use crate::{ErrorCode, FieldError, OrganizationName};

/// Lower-case letters and digits with single hyphens inside; 2 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

const MIN: usize = 2;
const MAX: usize = 64;

impl Slug {
    /// Checks a slug that somebody chose. Nothing is corrected: a slug is what people type.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG` or `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        if raw.len() < MIN {
            return Err(FieldError::new(
                ErrorCode::TooShort,
                format_args!("must have at least {MIN} characters"),
            ));
        }
        if raw.len() > MAX {
            return Err(FieldError::new(
                ErrorCode::TooLong,
                format_args!("must have at most {MAX} characters"),
            ));
        }
        let clean = raw
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !clean || raw.starts_with('-') || raw.ends_with('-') || raw.contains("--") {
            return Err(FieldError::new(
                ErrorCode::Invalid,
                "must consist of lower-case letters, digits and single hyphens between them",
            ));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The slug that a name suggests. Latin letters lose their accents; other scripts have no slug of their own
    /// and give `organization`.
    #[must_use]
    pub fn derive(name: &OrganizationName) -> Self {
        let mut slug = String::with_capacity(name.as_str().len());
        for c in name.as_str().chars().flat_map(char::to_lowercase) {
            let latin = latin(c);
            if latin.is_empty() {
                // An apostrophe joins (`o'neil` is one word); all else separates.
                if !matches!(c, '\'' | '’') && !slug.is_empty() && !slug.ends_with('-') {
                    slug.push('-');
                }
            } else if slug.len() + latin.len() <= MAX {
                slug.push_str(latin);
            }
        }
        let slug = slug.trim_end_matches('-');
        if slug.len() < MIN {
            Self("organization".to_owned())
        } else {
            Self(slug.to_owned())
        }
    }

    /// This slug with a number behind it, for when the plain one is taken.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!("-{number}");
        let stem: String = self.0.chars().take(MAX - suffix.len()).collect();
        Self(format!("{}{suffix}", stem.trim_end_matches('-')))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The ASCII spelling of a lower-case Latin letter or digit, or nothing.
fn latin(c: char) -> &'static str {
    const ASCII: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    if let Some(at) = ASCII.find(c) {
        return &ASCII[at..=at];
    }
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn derived(name: &str) -> String {
        Slug::derive(&OrganizationName::parse(name).unwrap())
            .as_str()
            .to_owned()
    }

    #[test]
    fn names_become_readable_slugs() {
        assert_eq!(derived("Acme Corp. — Text to Speech"), "acme-corp-text-to-speech");
        assert_eq!(derived("Müller & Søn"), "mueller-son");
        assert_eq!(derived("O'Neil's"), "oneils");
        assert_eq!(derived("東京"), "organization");
        assert_eq!(derived("X"), "organization");
    }

    #[test]
    fn what_is_no_slug_is_refused() {
        for slug in [
            "",
            "a",
            "-ab",
            "ab-",
            "a--b",
            "Ab",
            "a_b",
            "ä-b",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(Slug::parse(slug).is_err(), "{slug}");
        }
    }

    proptest! {
        #[test]
        fn every_derived_and_numbered_slug_is_a_slug(name in "[^\\p{Cc}]{1,256}", number: u32) {
            if let Ok(name) = OrganizationName::parse(&name) {
                let slug = Slug::derive(&name);
                prop_assert!(Slug::parse(slug.as_str()).is_ok());
                prop_assert!(Slug::parse(slug.numbered(number).as_str()).is_ok());
            }
        }
    }
}
