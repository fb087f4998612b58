//! The schema, as the server tells it.

use serde_json::{Value, json};

use crate::Client;

/// What introspection said.
#[derive(Debug, Clone)]
pub struct SchemaDocument {
    types: serde_json::Map<String, Value>,
}

/// A field of an object type.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it says about itself.
    pub description: String,
    /// The type of what it gives, without lists and exclamation marks.
    pub gives: String,
    /// Arguments: name, type as written, and whether it must be there.
    pub arguments: Vec<(String, String, bool)>,
}

impl SchemaDocument {
    /// Asks for it.
    ///
    /// # Panics
    /// If the server does not tell.
    pub async fn ask(client: &Client) -> Self {
        const TYPE: &str =
            "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
        let query = format!(
            "{{ __schema {{ types {{ name kind description
                fields {{ name description args {{ name description defaultValue type {{ {TYPE} }} }} type {{ {TYPE} }} }}
                inputFields {{ name description type {{ {TYPE} }} }}
                enumValues {{ name description }} possibleTypes {{ name }} }} }} }}"
        );
        let data = client.data(&query, json!({})).await;
        let types = data["__schema"]["types"].as_array().unwrap();
        Self {
            types: types
                .iter()
                .map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone()))
                .collect(),
        }
    }

    /// All types.
    pub fn types(&self) -> impl Iterator<Item = &Value> {
        self.types.values()
    }

    /// The fields of an object type; none if there is no such type.
    ///
    /// # Panics
    /// If the server told nonsense.
    #[must_use]
    pub fn fields(&self, name: &str) -> Vec<Field> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = self.types.get(name).and_then(|one| one["fields"].as_array());
        fields
            .into_iter()
            .flatten()
            .map(|field| Field {
                name: text(&field["name"]),
                description: text(&field["description"]),
                gives: bare(&field["type"]).to_owned(),
                arguments: field["args"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|argument| {
                        let must =
                            argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
                        (text(&argument["name"]), written(&argument["type"]), must)
                    })
                    .collect(),
            })
            .collect()
    }

    /// Everything that can be asked of a type, in braces, as deep as `depth`, without going twice through the same
    /// type; empty for types without fields. `arguments` gives those of `Type.field`, in parentheses, or leaves the
    /// field out.
    #[must_use]
    pub fn everything(
        &self,
        name: &str,
        depth: usize,
        arguments: &dyn Fn(&str, &Field) -> Option<String>,
    ) -> String {
        self.selection(name, depth, arguments, &mut Vec::new())
    }

    fn selection(
        &self,
        name: &str,
        depth: usize,
        arguments: &dyn Fn(&str, &Field) -> Option<String>,
        above: &mut Vec<String>,
    ) -> String {
        let Some(one) = self.types.get(name) else {
            return String::new();
        };
        if !matches!(one["kind"].as_str(), Some("OBJECT" | "INTERFACE" | "UNION")) {
            return String::new();
        }
        above.push(name.to_owned());
        let mut parts = vec!["__typename".to_owned()];
        for possible in one["possibleTypes"].as_array().into_iter().flatten() {
            let possible = possible["name"].as_str().unwrap_or_default();
            let inner = self.selection(possible, depth, arguments, above);
            parts.push(format!("... on {possible} {inner}"));
        }
        for field in self.fields(name) {
            let Some(given) = arguments(name, &field) else {
                continue;
            };
            let leaf = !matches!(
                self.types[&field.gives]["kind"].as_str(),
                Some("OBJECT" | "INTERFACE" | "UNION")
            );
            if leaf {
                parts.push(format!("{}{given}", field.name));
            } else if depth > 0 && !above.contains(&field.gives) {
                let inner = self.selection(&field.gives, depth - 1, arguments, above);
                parts.push(format!("{}{given} {inner}", field.name));
            }
        }
        above.pop();
        format!("{{ {} }}", parts.join(" "))
    }
}

fn bare(one: &Value) -> &str {
    one["name"].as_str().unwrap_or_else(|| bare(&one["ofType"]))
}

fn written(one: &Value) -> String {
    match one["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&one["ofType"])),
        Some("LIST") => format!("[{}]", written(&one["ofType"])),
        _ => one["name"].as_str().unwrap_or_default().to_owned(),
    }
}
