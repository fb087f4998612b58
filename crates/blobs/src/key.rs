//! The names of objects.

use std::fmt;

use object_store::path::Path;

/// The longest key, well below S3's 1,024 bytes, so that a configured prefix fits before it.
const MAX_KEY_CHARS: usize = 512;

/// The longest segment, well below the 255 bytes of a file name, so that a temporary suffix fits after it.
const MAX_SEGMENT_CHARS: usize = 128;

/// The name of an object, or the beginning of many: segments of ASCII letters, digits, `_`, `-` and inner `.`,
/// separated by `/`.
///
/// Such a name needs no escaping anywhere and cannot leave its folder. A key that begins others does so by
/// whole segments: `a/b` is the beginning of `a/b/c` and not of `a/bc`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// Reads a key of one or more segments.
    ///
    /// # Errors
    /// [`BlobKeyMalformed`].
    pub fn parse(text: &str) -> Result<Self, BlobKeyMalformed> {
        let well_formed = text.len() <= MAX_KEY_CHARS && text.split('/').all(is_segment);
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(BlobKeyMalformed(text.to_owned()))
        }
    }

    /// The key of one more segment, or of several separated by `/`.
    ///
    /// # Errors
    /// [`BlobKeyMalformed`].
    pub fn join(&self, rest: &str) -> Result<Self, BlobKeyMalformed> {
        Self::parse(&format!("{}/{rest}", self.0))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

fn is_segment(segment: &str) -> bool {
    (1..=MAX_SEGMENT_CHARS).contains(&segment.len())
        && !segment.starts_with('.')
        && !segment.ends_with('.')
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no key of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed object key `{0}`")]
pub struct BlobKeyMalformed(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_segments_that_no_store_changes() {
        for good in ["a", "org_1/audio/gen-2.wav", "A/b/c.tar.gz", &"x".repeat(128)] {
            let key = BlobKey::parse(good).unwrap();
            assert_eq!(key.path().as_ref(), good);
        }
        assert_eq!(
            BlobKey::parse("a").unwrap().join("b/c").unwrap().as_str(),
            "a/b/c"
        );
    }

    #[test]
    fn no_key_leaves_its_place_or_hides() {
        let long = ["x".repeat(129), ["x"; 257].join("/")];
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", ".a", "a/.b", "a.", "a b", "a\\b", "a#1", "ä",
            "a\0", "a%2e",
        ]
        .into_iter()
        .chain(long.iter().map(String::as_str))
        {
            assert!(BlobKey::parse(bad).is_err(), "{bad}");
        }
        assert!(BlobKey::parse("a").unwrap().join("../b").is_err());
    }
}
