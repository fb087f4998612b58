//! Free-form data that applications hang on an organization.

use serde_json::{Map, Value};

use crate::{ErrorCode, FieldError};

/// The most that one metadata object may hold, in bytes of its compact JSON.
pub const METADATA_MAX_BYTES: usize = 8 * 1024;

/// How deep metadata may nest.
const MAX_DEPTH: usize = 32;

/// A JSON object of at most [`METADATA_MAX_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Takes a JSON object.
    ///
    /// # Errors
    /// `INVALID` if it is no object, nests too deeply or contains NUL; `TOO_LONG` if it is too large.
    pub fn parse(value: Value) -> Result<Self, FieldError> {
        let Value::Object(object) = value else {
            return Err(FieldError::new(ErrorCode::Invalid, "must be a JSON object"));
        };
        Self(object).checked()
    }

    /// Merges `changes` into this object, deeply, as RFC 7396 does: objects merge key by key, `null` removes a
    /// key, anything else replaces.
    ///
    /// # Errors
    /// As [`Metadata::parse`], for the changes or for the result.
    pub fn merged(&self, changes: Value) -> Result<Self, FieldError> {
        let changes = Self::parse(changes)?;
        let mut merged = self.0.clone();
        merge(&mut merged, changes.0);
        Self(merged).checked()
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The object, as a JSON value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    fn checked(self) -> Result<Self, FieldError> {
        if self.0.values().any(|value| too_deep(value, 1)) {
            return Err(FieldError::new(ErrorCode::Invalid, "must not nest so deeply"));
        }
        let text = Value::Object(self.0.clone()).to_string();
        if text.len() > METADATA_MAX_BYTES {
            return Err(FieldError::new(
                ErrorCode::TooLong,
                format_args!("must take at most {METADATA_MAX_BYTES} bytes"),
            ));
        }
        if text.contains("\\u0000") {
            return Err(FieldError::new(ErrorCode::Invalid, "must not contain NUL"));
        }
        Ok(self)
    }
}

fn merge(into: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (key, change) in changes {
        match change {
            Value::Null => {
                into.remove(&key);
            }
            Value::Object(change) => {
                let entry = into.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = Value::Object(Map::new());
                }
                if let Value::Object(entry) = entry {
                    merge(entry, change);
                }
            }
            change => {
                into.insert(key, change);
            }
        }
    }
}

fn too_deep(value: &Value, depth: usize) -> bool {
    depth > MAX_DEPTH
        || match value {
            Value::Object(object) => object.values().any(|v| too_deep(v, depth + 1)),
            Value::Array(array) => array.iter().any(|v| too_deep(v, depth + 1)),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_is_deep_and_null_removes() {
        let before = Metadata::parse(json!({"a": {"b": 1, "c": 2}, "d": [1], "e": 5})).unwrap();
        let after = before
            .merged(json!({"a": {"b": null, "x": {"y": null, "z": 1}}, "d": {"k": 1}, "e": null}))
            .unwrap();
        assert_eq!(
            after.into_value(),
            json!({"a": {"c": 2, "x": {"z": 1}}, "d": {"k": 1}})
        );
    }

    #[test]
    fn only_objects_within_bounds_are_accepted() {
        assert_eq!(
            Metadata::parse(json!([1])).map_err(|e| e.code),
            Err(ErrorCode::Invalid)
        );
        let long = json!({ "a": "x".repeat(METADATA_MAX_BYTES) });
        assert_eq!(Metadata::parse(long).map_err(|e| e.code), Err(ErrorCode::TooLong));
        let half = json!({ "a": "x".repeat(METADATA_MAX_BYTES / 2) });
        let other = json!({ "b": "x".repeat(METADATA_MAX_BYTES / 2) });
        assert_eq!(
            Metadata::parse(half).unwrap().merged(other).map_err(|e| e.code),
            Err(ErrorCode::TooLong)
        );
        let deep = (0..40).fold(json!({}), |inner, _| json!({ "k": inner }));
        assert_eq!(Metadata::parse(deep).map_err(|e| e.code), Err(ErrorCode::Invalid));
        assert_eq!(
            Metadata::parse(json!({"a": "\0"})).map_err(|e| e.code),
            Err(ErrorCode::Invalid)
        );
    }
}
