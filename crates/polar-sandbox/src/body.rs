//! Reading bodies of requests, and saying what is wrong with them and where.

use serde_json::{Map, Value, json};

use crate::refusal::{Refusal, problem};

const MOST_METADATA: usize = 50;
const LONGEST_KEY: usize = 40;
const LONGEST_TEXT: usize = 500;

/// A body that is a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let wrong = |kind: &str, message: &str| {
        Refusal::schema(vec![problem(&json!(["body"]), kind, message, &Value::Null)])
    };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(wrong("model_attributes_type", "This must be an object.")),
        Err(_) => Err(wrong("json_invalid", "This is no JSON.")),
    }
}

/// An object of a body. What is wrong with its fields is collected.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: Vec<Value>,
    /// What was wrong so far.
    pub problems: Vec<Value>,
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self::at(map, vec![json!("body")])
    }

    /// An object somewhere in the body.
    pub(crate) fn at(map: &'a Map<String, Value>, place: Vec<Value>) -> Self {
        Self {
            map,
            place,
            problems: Vec::new(),
        }
    }

    /// Notes that a field is wrong.
    pub(crate) fn wrong(&mut self, within: &[&str], kind: &str, message: &str, input: &Value) {
        let mut place = self.place.clone();
        place.extend(within.iter().map(|part| json!(part)));
        self.problems
            .push(problem(&Value::Array(place), kind, message, input));
    }

    /// Notes that an entry of a list is wrong.
    pub(crate) fn wrong_entry(&mut self, name: &str, index: usize, message: &str, input: &Value) {
        let mut place = self.place.clone();
        place.extend([json!(name), json!(index)]);
        self.problems
            .push(problem(&Value::Array(place), "value_error", message, input));
    }

    /// What a field holds, unless that is null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be absent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        if value.is_string() {
            return value.as_str().map(str::to_owned);
        }
        self.wrong(&[name], "string_type", "This must be a string.", value);
        None
    }

    /// A text that must be there; empty, if it is not.
    pub(crate) fn needed(&mut self, name: &str) -> String {
        if self.get(name).is_none() {
            self.missing(name);
        }
        self.text(name).unwrap_or_default()
    }

    /// Notes that a field is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        let whole = Value::Object(self.map.clone());
        self.wrong(&[name], "missing", "This field is needed.", &whole);
    }

    /// A truth value that may be absent.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            self.wrong(&[name], "bool_type", "This must be true or false.", value);
        }
        value.as_bool()
    }

    /// An e-mail address that may be absent.
    pub(crate) fn email(&mut self, name: &str) -> Option<String> {
        let email = self.text(name)?;
        let whole = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.contains('@')
        });
        if !whole {
            self.wrong(
                &[name],
                "value_error",
                "This is no e-mail address.",
                &json!(email),
            );
        }
        Some(email)
    }

    /// Key-value pairs, within Polar's bounds; those named in `structured` may be objects.
    pub(crate) fn metadata(&mut self, name: &str, structured: &[&str]) -> Map<String, Value> {
        let Some(value) = self.get(name) else {
            return Map::new();
        };
        let Some(pairs) = value.as_object() else {
            self.wrong(&[name], "dict_type", "This must be an object.", value);
            return Map::new();
        };
        if pairs.len() > MOST_METADATA {
            self.wrong(&[name], "too_long", "These are more than 50 pairs.", value);
        }
        for (key, value) in pairs {
            let fits = match value {
                Value::String(text) => (1..=LONGEST_TEXT).contains(&text.chars().count()),
                Value::Number(_) | Value::Bool(_) => true,
                Value::Object(_) => structured.contains(&key.as_str()),
                Value::Null | Value::Array(_) => false,
            };
            if !fits || !(1..=LONGEST_KEY).contains(&key.chars().count()) {
                let message =
                    "Keys have up to 40 characters, values are numbers, truth values or texts of up to 500.";
                self.wrong(&[name, key], "value_error", message, value);
            }
        }
        pairs.clone()
    }

    /// Refuses, if something was wrong.
    pub(crate) fn done(self) -> Result<(), Refusal> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Refusal::schema(self.problems))
        }
    }
}
