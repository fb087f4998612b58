//! Reading stored values back into the domain's types.

use resonance_domain::{LanguageTag, Metadata, RoleKey};
use serde_json::Value;

use crate::StorageError;

/// A value that the domain parses; `place` is `table.column`.
pub(crate) fn known<T>(value: Option<T>, place: &'static str) -> Result<T, StorageError> {
    value.ok_or(StorageError::corrupt(place))
}

pub(crate) fn role(text: &str, place: &'static str) -> Result<RoleKey, StorageError> {
    known(RoleKey::parse(text).ok(), place)
}

pub(crate) fn language(text: &str, place: &'static str) -> Result<LanguageTag, StorageError> {
    known(LanguageTag::parse(text).ok(), place)
}

pub(crate) fn metadata(value: Value, place: &'static str) -> Result<Metadata, StorageError> {
    known(Metadata::parse(value).ok(), place)
}

/// A count that is never negative.
pub(crate) fn count<T: TryFrom<i64>>(value: i64, place: &'static str) -> Result<T, StorageError> {
    known(T::try_from(value).ok(), place)
}
