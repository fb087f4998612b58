//! Which bytes of a file are asked for (RFC 9110, section 14).

use std::ops::Range;

use http::{HeaderMap, header};
use http_range_header::parse_range_header;

/// Which bytes of a file are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// All of them. Also the answer to what is no range, and to several at once, which a server may refuse to split.
    Whole,
    /// These, at least one.
    Part(Range<u64>),
    /// Bytes beyond the end.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads `Range`, obeying `If-Range`: parts of an older version are of no use.
    pub(crate) fn asked_for(headers: &HeaderMap, etag: &str, size: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(range) = text(header::RANGE) else {
            return Self::Whole;
        };
        if text(header::IF_RANGE).is_some_and(|version| version != etag) {
            return Self::Whole;
        }
        let Ok(ranges) = parse_range_header(range) else {
            return Self::Whole;
        };
        if ranges.ranges.len() != 1 {
            return Self::Whole;
        }
        match ranges.validate(size).as_deref() {
            Ok([range]) => Self::Part(*range.start()..range.end() + 1),
            _ => Self::Unsatisfiable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(header::HeaderName, &str)]) -> ByteRange {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        ByteRange::asked_for(&headers, "\"v1\"", 100)
    }

    #[test]
    fn players_get_the_part_that_they_ask_for() {
        assert_eq!(asked(&[]), ByteRange::Whole);
        assert_eq!(asked(&[(header::RANGE, "bytes=0-")]), ByteRange::Part(0..100));
        assert_eq!(asked(&[(header::RANGE, "bytes=10-19")]), ByteRange::Part(10..20));
        assert_eq!(
            asked(&[(header::RANGE, "bytes=90-500")]),
            ByteRange::Part(90..100)
        );
        assert_eq!(asked(&[(header::RANGE, "bytes=-1")]), ByteRange::Part(99..100));
    }

    #[test]
    fn what_cannot_be_served_in_parts_is_served_whole_or_refused() {
        assert_eq!(asked(&[(header::RANGE, "bytes=100-")]), ByteRange::Unsatisfiable);
        assert_eq!(asked(&[(header::RANGE, "lines=1-2")]), ByteRange::Whole);
        assert_eq!(asked(&[(header::RANGE, "bytes=0-1,5-6")]), ByteRange::Whole);
        assert_eq!(
            asked(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, "\"v0\"")]),
            ByteRange::Whole
        );
        assert_eq!(
            asked(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, "\"v1\"")]),
            ByteRange::Part(0..2)
        );
    }
}
