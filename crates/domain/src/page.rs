//! Pages of lists, by key.

use crate::{ErrorCode, FieldError};

/// From which end a page is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The first items after the cursor.
    Forward,
    /// The last items before the cursor.
    Backward,
}

/// Which page of a list is wanted.
///
/// `C` is the list's cursor: the sort key and the id of an item, so that a page costs the same wherever in the
/// list it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// From which end.
    pub direction: Direction,
    /// How many items at most; 0 is allowed and asks for nothing but the count.
    pub limit: u32,
    /// The item next to the page; `None` starts at the end that the direction says.
    pub cursor: Option<C>,
}

impl<C> PageRequest<C> {
    /// Items on a page when nothing is said.
    pub const DEFAULT: u32 = 25;
    /// The most items on a page.
    pub const MAX: u32 = 100;

    /// The first `limit` items.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self {
            direction: Direction::Forward,
            limit,
            cursor: None,
        }
    }

    /// Reads Relay's four arguments.
    ///
    /// # Errors
    /// `INVALID` for a negative or too large number, and for `first`/`after` mixed with `last`/`before`.
    pub fn parse(
        first: Option<i32>,
        after: Option<C>,
        last: Option<i32>,
        before: Option<C>,
    ) -> Result<Self, FieldError> {
        let mixed = || {
            FieldError::new(
                ErrorCode::Invalid,
                "take first and after, or last and before, not both",
            )
        };
        let limit = |field: &str, given: i32| match u32::try_from(given) {
            Ok(limit) if limit <= Self::MAX => Ok(limit),
            _ => Err(FieldError::new(
                ErrorCode::Invalid,
                format_args!("must be from 0 to {}", Self::MAX),
            )
            .at(field)),
        };
        match (first, after, last, before) {
            (first, after, None, None) => Ok(Self {
                direction: Direction::Forward,
                limit: first.map_or(Ok(Self::DEFAULT), |n| limit("first", n))?,
                cursor: after,
            }),
            (None, None, last, before) => Ok(Self {
                direction: Direction::Backward,
                limit: last.map_or(Ok(Self::DEFAULT), |n| limit("last", n))?,
                cursor: before,
            }),
            _ => Err(mixed()),
        }
    }
}

/// One page of a list, in the list's order whatever the direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether items lie behind this page. Known exactly when paging forward; when paging backward, whether
    /// there was a cursor to come from.
    pub has_next: bool,
    /// Whether items lie before this page, likewise.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Makes a page of what a query for `limit + 1` items returned, in query order (backward pages come
    /// reversed).
    #[must_use]
    pub fn from_rows<C>(request: &PageRequest<C>, mut rows: Vec<T>) -> Self {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let came_from_somewhere = request.cursor.is_some();
        match request.direction {
            Direction::Forward => Self {
                items: rows,
                has_next: more,
                has_previous: came_from_somewhere,
            },
            Direction::Backward => {
                rows.reverse();
                Self {
                    items: rows,
                    has_next: came_from_somewhere,
                    has_previous: more,
                }
            }
        }
    }

    /// The same page of other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_arguments_are_read_and_mixtures_refused() {
        assert_eq!(
            PageRequest::<u8>::parse(None, None, None, None).unwrap().limit,
            25
        );
        assert_eq!(
            PageRequest::parse(None, None, Some(3), Some(7))
                .unwrap()
                .direction,
            Direction::Backward
        );
        assert!(PageRequest::parse(Some(1), None, None, Some(7)).is_err());
        assert!(PageRequest::<u8>::parse(Some(1), None, Some(1), None).is_err());
        assert!(PageRequest::<u8>::parse(Some(-1), None, None, None).is_err());
        assert_eq!(
            PageRequest::<u8>::parse(Some(101), None, None, None)
                .unwrap_err()
                .field
                .as_deref(),
            Some("first")
        );
    }

    #[test]
    fn one_row_more_than_asked_for_tells_that_there_is_more() {
        let forward = PageRequest {
            direction: Direction::Forward,
            limit: 2,
            cursor: Some(0),
        };
        let page = Page::from_rows(&forward, vec![1, 2, 3]);
        assert_eq!(
            (page.items, page.has_next, page.has_previous),
            (vec![1, 2], true, true)
        );
        let backward = PageRequest::<u8> {
            direction: Direction::Backward,
            limit: 2,
            cursor: None,
        };
        let page = Page::from_rows(&backward, vec![9, 8]);
        assert_eq!(
            (page.items, page.has_next, page.has_previous),
            (vec![8, 9], false, false)
        );
    }
}
