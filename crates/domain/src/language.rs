//! Languages of voices.

use crate::{ErrorCode, FieldError};

/// A BCP 47 language tag with a region, such as `en-US` or `zh-Hant-TW`, in its canonical letter case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageTag(String);

impl LanguageTag {
    /// Checks `language[-Script]-REGION` and puts it into canonical case.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        let invalid = || {
            FieldError::new(
                ErrorCode::Invalid,
                "must be a language tag with a region, such as en-US",
            )
        };
        let letters = |s: &str| s.bytes().all(|b| b.is_ascii_alphabetic());
        let parts: Vec<&str> = raw.trim().split('-').collect();
        let (language, script, region) = match parts.as_slice() {
            [language, region] => (language, None, region),
            [language, script, region] => (language, Some(script), region),
            _ => return Err(invalid()),
        };
        let region_ok = (region.len() == 2 && letters(region))
            || (region.len() == 3 && region.bytes().all(|b| b.is_ascii_digit()));
        let script_ok = script.is_none_or(|s| s.len() == 4 && letters(s));
        if !(2..=3).contains(&language.len()) || !letters(language) || !region_ok || !script_ok {
            return Err(invalid());
        }
        let mut tag = language.to_ascii_lowercase();
        if let Some(script) = script {
            tag.push('-');
            tag.push_str(&script[..1].to_ascii_uppercase());
            tag.push_str(&script[1..].to_ascii_lowercase());
        }
        tag.push('-');
        tag.push_str(&region.to_ascii_uppercase());
        Ok(Self(tag))
    }

    /// Checks what languages are searched by: a whole tag, or a language alone, which stands for all its regions.
    /// Gives it in canonical case.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse_range(raw: &str) -> Result<String, FieldError> {
        let language = raw.trim();
        if (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Ok(language.to_ascii_lowercase());
        }
        let tag = Self::parse(raw).map_err(|_| {
            FieldError::new(
                ErrorCode::Invalid,
                "must be a language such as en, or one with a region such as en-US",
            )
        })?;
        Ok(tag.0)
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without script and region, such as `en`.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl Default for LanguageTag {
    fn default() -> Self {
        Self("en-US".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_brought_into_canonical_case() {
        assert_eq!(LanguageTag::parse("EN-us").unwrap().as_str(), "en-US");
        assert_eq!(LanguageTag::parse("zh-hANT-tw").unwrap().as_str(), "zh-Hant-TW");
        assert_eq!(LanguageTag::parse("es-419").unwrap().language(), "es");
    }

    #[test]
    fn ranges_are_tags_or_languages_alone() {
        assert_eq!(LanguageTag::parse_range(" EN ").as_deref(), Ok("en"));
        assert_eq!(LanguageTag::parse_range("pt-br").as_deref(), Ok("pt-BR"));
        for range in ["", "e", "engl", "en-", "%", "en_", "en-US-x", "ën"] {
            assert!(LanguageTag::parse_range(range).is_err(), "{range}");
        }
    }

    #[test]
    fn tags_without_a_region_are_refused() {
        for tag in [
            "",
            "en",
            "en-",
            "english-US",
            "en-USA",
            "e-US",
            "en-US-x",
            "en_US",
            "ën-US",
        ] {
            assert!(LanguageTag::parse(tag).is_err(), "{tag}");
        }
    }
}
