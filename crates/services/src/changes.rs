//! What events tell of a change: old and new values, in one shape.

use serde_json::{Map, Value, json};

/// What stands for a value that no record may hold.
const REDACTED: &str = "[redacted]";

/// An event's payload: `changes` names each changed field with its `old` and `new` value, null where there was or is
/// none; beside it stands what else tells what happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Changes {
    changed: Map<String, Value>,
    beside: Map<String, Value>,
}

impl Changes {
    /// A field that has changed. One whose values are the same has not.
    pub(crate) fn field(mut self, name: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        if old != new {
            self.changed
                .insert(name.to_owned(), json!({ "old": old, "new": new }));
        }
        self
    }

    /// A field of what is new.
    pub(crate) fn made(self, name: &str, new: impl Into<Value>) -> Self {
        self.field(name, Value::Null, new)
    }

    /// A field of what is no more.
    pub(crate) fn gone(self, name: &str, old: impl Into<Value>) -> Self {
        self.field(name, old, Value::Null)
    }

    /// A secret that has changed.
    pub(crate) fn secret(mut self, name: &str) -> Self {
        let values = json!({ "old": REDACTED, "new": REDACTED });
        self.changed.insert(name.to_owned(), values);
        self
    }

    /// The keys of an object that have changed, as `name.key`, without their values, which may be anything.
    pub(crate) fn keys(mut self, name: &str, old: &Value, new: &Value) -> Self {
        let none = Map::new();
        let (old, new) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
        let of = |value: Option<&Value>| value.map(|_| REDACTED);
        for key in old.keys().chain(new.keys()) {
            let (from, to) = (old.get(key), new.get(key));
            if from != to {
                let values = json!({ "old": of(from), "new": of(to) });
                self.changed.insert(format!("{name}.{key}"), values);
            }
        }
        self
    }

    /// What else tells what happened.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Changes> for Value {
    fn from(Changes { changed, mut beside }: Changes) -> Self {
        beside.insert("changes".to_owned(), Self::Object(changed));
        Self::Object(beside)
    }
}

/// The old and the new value of a field, as an event tells them.
pub(crate) fn told<'a>(payload: &'a Value, field: &str) -> (Option<&'a Value>, Option<&'a Value>) {
    let values = &payload["changes"][field];
    (values.get("old"), values.get("new"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_has_one_shape_and_what_is_secret_no_value() {
        let payload: Value = Changes::default()
            .field("name", "a", "b")
            .field("slug", "same", "same")
            .made("role", "org:member")
            .gone("email", "a@example.org")
            .secret("password")
            .keys(
                "metadata",
                &json!({ "a": 1, "b": 2, "c": 3 }),
                &json!({ "a": 1, "b": 3, "d": 4 }),
            )
            .with("user", "user_1")
            .into();
        let expected = json!({
            "changes": {
                "name": { "old": "a", "new": "b" },
                "role": { "old": null, "new": "org:member" },
                "email": { "old": "a@example.org", "new": null },
                "password": { "old": "[redacted]", "new": "[redacted]" },
                "metadata.b": { "old": "[redacted]", "new": "[redacted]" },
                "metadata.c": { "old": "[redacted]", "new": null },
                "metadata.d": { "old": null, "new": "[redacted]" },
            },
            "user": "user_1",
        });
        assert_eq!(payload, expected);
    }
}
