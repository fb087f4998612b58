//! What the schema says of itself.

use serde_json::{Value, json};

use crate::schema::schema;

const INTROSPECTION: &str = "{ __schema { types { name kind description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description } enumValues { name description } } } }";

fn undescribed(path: &str, item: &Value, missing: &mut Vec<String>) {
    if item["description"].as_str().unwrap_or_default().is_empty() {
        missing.push(format!("{path}.{}", item["name"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn everything_has_a_description() {
    let response = schema().execute(INTROSPECTION).await;
    let schema = response.data.into_json().unwrap();
    let mut missing = Vec::new();
    for item in schema["__schema"]["types"].as_array().unwrap() {
        let name = item["name"].as_str().unwrap();
        if name == "ID"
            || name.starts_with("__")
            || ["Query", "Mutation", "GenerationsSubscription"].contains(&name) && item["fields"].is_null()
        {
            continue;
        }
        if !["Query", "Mutation", "GenerationsSubscription"].contains(&name) {
            undescribed("", item, &mut missing);
        }
        for (list, inner) in [("fields", "args"), ("inputFields", ""), ("enumValues", "")] {
            for part in item[list].as_array().unwrap_or(&Vec::new()) {
                undescribed(name, part, &mut missing);
                let path = format!("{name}.{}", part["name"].as_str().unwrap());
                for argument in part.get(inner).and_then(Value::as_array).unwrap_or(&Vec::new()) {
                    undescribed(&path, argument, &mut missing);
                }
            }
        }
    }
    assert_eq!(json!(missing), json!([]));
}
