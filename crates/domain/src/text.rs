//! Texts with bounds.

use crate::{ErrorCode, FieldError};

/// Trims `raw` and checks that `min..=max` characters are left and none of them is a control character.
///
/// A character is a Unicode scalar value. Line breaks count as control characters.
///
/// # Errors
/// `TOO_SHORT`, `TOO_LONG` or `INVALID`.
pub fn one_line(raw: &str, min: usize, max: usize) -> Result<String, FieldError> {
    let text = bounded_text(raw, min, max)?;
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(
            ErrorCode::Invalid,
            "must not contain control characters",
        ));
    }
    Ok(text)
}

/// Trims `raw` and checks that `min..=max` characters (Unicode scalar values) are left.
///
/// NUL is refused, as PostgreSQL cannot store it.
///
/// # Errors
/// `TOO_SHORT`, `TOO_LONG` or `INVALID`.
pub fn bounded_text(raw: &str, min: usize, max: usize) -> Result<String, FieldError> {
    let text = raw.trim();
    // A text of n bytes has at least n/4 characters: what is hopelessly long is refused without counting.
    if text.len() / 4 > max || text.chars().count() > max {
        return Err(FieldError::new(
            ErrorCode::TooLong,
            format_args!("must have at most {max} characters"),
        ));
    }
    if text.chars().count() < min {
        return Err(FieldError::new(
            ErrorCode::TooShort,
            if min == 1 {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {min} characters")
            },
        ));
    }
    if text.contains('\0') {
        return Err(FieldError::new(ErrorCode::Invalid, "must not contain NUL"));
    }
    Ok(text.to_owned())
}

/// Makes a newtype over a checked text.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:ident, $min:literal..=$max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Trims and checks.
            ///
            /// # Errors
            /// `TOO_SHORT`, `TOO_LONG` or `INVALID`, without a field.
            pub fn parse(raw: &str) -> Result<Self, $crate::FieldError> {
                $crate::text::$check(raw, $min, $max).map(Self)
            }

            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The checked text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }
    };
}
pub(crate) use text_type;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_after_trimming_and_not_bytes() {
        assert_eq!(one_line(" \u{3000}ä b ", 1, 3).as_deref(), Ok("ä b"));
        assert_eq!(one_line("🎙🎙🎙", 1, 3).as_deref(), Ok("🎙🎙🎙"));
        assert_eq!(
            one_line("🎙🎙🎙🎙", 1, 3).map_err(|e| e.code),
            Err(ErrorCode::TooLong)
        );
        assert_eq!(
            one_line("   ", 1, 3).map_err(|e| e.code),
            Err(ErrorCode::TooShort)
        );
    }

    #[test]
    fn control_characters_are_refused_on_one_line_and_nul_everywhere() {
        assert_eq!(
            one_line("a\nb", 1, 9).map_err(|e| e.code),
            Err(ErrorCode::Invalid)
        );
        assert_eq!(
            one_line("a\u{7f}b", 1, 9).map_err(|e| e.code),
            Err(ErrorCode::Invalid)
        );
        assert_eq!(bounded_text("a\nb", 1, 9).as_deref(), Ok("a\nb"));
        assert_eq!(
            bounded_text("a\0b", 1, 9).map_err(|e| e.code),
            Err(ErrorCode::Invalid)
        );
    }
}
