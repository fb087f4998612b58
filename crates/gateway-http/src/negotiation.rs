//! Which media type a client wants its answer in.

use http::{HeaderMap, HeaderValue, header};

/// The two JSON media types of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    /// `application/json`: request errors of a well-formed request are answered with 200.
    Plain,
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    GraphQl,
}

impl Json {
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Plain => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        })
    }
}

/// What a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The JSON type it likes best, if any.
    pub(crate) json: Option<Json>,
    /// Whether it names `text/event-stream`. A wildcard does not ask for a stream.
    pub(crate) event_stream: bool,
}

impl Accepted {
    /// Reads the `Accept` header by RFC 9110, section 12.5.1: the most specific range decides on a type, the greatest weight
    /// on the choice. Without the header, and where only a wildcard covers both, it is `application/json`; where both are
    /// named with the same weight, `application/graphql-response+json`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut plain = Weight::default();
        let mut graphql = Weight::default();
        let mut event_stream = false;
        let mut present = false;
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                let mut parts = range.split(';').map(str::trim);
                let media = parts.next().unwrap_or_default();
                if media.is_empty() {
                    continue;
                }
                present = true;
                let quality = quality(parts);
                if media.eq_ignore_ascii_case("application/json") {
                    plain.meet(2, quality);
                } else if media.eq_ignore_ascii_case("application/graphql-response+json") {
                    graphql.meet(2, quality);
                } else if media.eq_ignore_ascii_case("text/event-stream") {
                    event_stream = quality > 0;
                } else if media.eq_ignore_ascii_case("application/*") {
                    plain.meet(1, quality);
                    graphql.meet(1, quality);
                } else if media == "*/*" {
                    plain.meet(0, quality);
                    graphql.meet(0, quality);
                }
            }
        }
        if !present {
            return Self {
                json: Some(Json::Plain),
                event_stream: false,
            };
        }
        let json = match (plain.quality(), graphql.quality()) {
            (0, 0) => None,
            (plain_quality, graphql_quality) if graphql_quality > plain_quality => Some(Json::GraphQl),
            (plain_quality, graphql_quality) if graphql_quality < plain_quality => Some(Json::Plain),
            _ if graphql.specificity == Some(2) => Some(Json::GraphQl),
            _ => Some(Json::Plain),
        };
        Self { json, event_stream }
    }
}

/// What the header says about one type so far: from the most specific range that covers it.
#[derive(Debug, Default, Clone, Copy)]
struct Weight {
    specificity: Option<u8>,
    quality: u16,
}

impl Weight {
    fn meet(&mut self, specificity: u8, quality: u16) {
        if self.specificity <= Some(specificity) {
            *self = Self {
                specificity: Some(specificity),
                quality,
            };
        }
    }

    fn quality(self) -> u16 {
        self.quality
    }
}

/// The weight among a range's parameters, in thousandths; 1 where it is missing or malformed.
fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    let Some((whole, fraction)) = weight.map(|weight| weight.split_once('.').unwrap_or((weight, ""))) else {
        return 1000;
    };
    if whole != "0" {
        return 1000;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    digits.fold(0, |sum, digit| {
        sum * 10 + u16::from(digit.saturating_sub(b'0').min(9))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(header: &'static str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(header));
        Accepted::of(&headers)
    }

    #[test]
    fn without_a_named_type_the_answer_is_plain_json() {
        assert_eq!(Accepted::of(&HeaderMap::new()).json, Some(Json::Plain));
        for header in ["*/*", "application/*", "text/html, */*;q=0.1", "application/json"] {
            assert_eq!(accepted(header).json, Some(Json::Plain), "{header}");
        }
    }

    #[test]
    fn the_greater_weight_wins_and_the_new_type_wins_a_tie() {
        for (header, json) in [
            (
                "application/graphql-response+json, application/json",
                Json::GraphQl,
            ),
            (
                "application/json, application/graphql-response+json",
                Json::GraphQl,
            ),
            (
                "application/json, application/graphql-response+json;q=0.9",
                Json::Plain,
            ),
            (
                "application/json;q=0.25, Application/GraphQL-Response+JSON; q=0.3",
                Json::GraphQl,
            ),
            (
                "application/graphql-response+json; charset=utf-8, */*;q=0.1",
                Json::GraphQl,
            ),
            ("application/json;q=0, */*", Json::GraphQl),
        ] {
            assert_eq!(accepted(header).json, Some(json), "{header}");
        }
    }

    #[test]
    fn a_client_that_takes_neither_gets_neither() {
        for header in ["text/html", "image/*", "application/json;q=0", "*/*;q=0.000"] {
            assert_eq!(accepted(header).json, None, "{header}");
        }
    }

    #[test]
    fn an_event_stream_must_be_asked_for_by_name() {
        assert!(accepted("text/event-stream").event_stream);
        assert_eq!(accepted("text/event-stream").json, None);
        assert!(!accepted("*/*").event_stream);
        assert!(!accepted("text/event-stream;q=0").event_stream);
    }
}
