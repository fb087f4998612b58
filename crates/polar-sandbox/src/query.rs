//! Filters and pages of lists.

use axum::extract::Query;
use serde_json::{Value, json};

use crate::refusal::{Refusal, problem};

/// Polar gives no more at once, whatever is asked for.
const MOST: usize = 100;

/// A query string, whose names may come more than once.
pub(crate) type Pairs = Query<Vec<(String, String)>>;

/// What of a list is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pairs: Vec<(String, String)>,
    page: usize,
    limit: usize,
}

impl Asked {
    pub(crate) fn new(Query(pairs): Pairs) -> Result<Self, Refusal> {
        let number = |name: &str, otherwise: usize| {
            let Some((_, text)) = pairs.iter().find(|(key, _)| key == name) else {
                return Ok(otherwise);
            };
            text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                let place = json!(["query", name]);
                Refusal::schema(vec![problem(
                    &place,
                    "greater_than",
                    "This must be above 0.",
                    &json!(text),
                )])
            })
        };
        let (page, limit) = (number("page", 1)?, number("limit", 10)?.min(MOST));
        Ok(Self { pairs, page, limit })
    }

    /// Whether something passes a filter: it is not asked for, or one of its values is this.
    pub(crate) fn admits(&self, name: &str, value: Option<&str>) -> bool {
        let mut asked = self
            .pairs
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, text)| text.as_str())
            .peekable();
        asked.peek().is_none() || value.is_some_and(|value| asked.any(|text| text == value))
    }

    /// As [`Asked::admits`], of a truth value.
    pub(crate) fn admits_flag(&self, name: &str, value: bool) -> bool {
        self.admits(name, Some(if value { "true" } else { "false" }))
    }

    /// The page of what was found.
    pub(crate) fn page<T>(&self, found: &[T], mut show: impl FnMut(&T) -> Value) -> Value {
        let first = (self.page - 1).saturating_mul(self.limit);
        let items: Vec<Value> = found.iter().skip(first).take(self.limit).map(&mut show).collect();
        json!({
            "items": items,
            "pagination": { "total_count": found.len(), "max_page": found.len().div_ceil(self.limit) },
        })
    }
}
