//! Variables whose values are right beyond doubt.

use async_graphql::{
    Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

/// Whether all variables are of the built-in scalars and have values of their types.
///
/// Of all that validation looks at, only the variables' values differ between requests with the same document. For
/// other types this says `false`, and leaves the judgement to validation; also for null, which a type may admit and the
/// argument that it is meant for may not.
pub(crate) fn are_plainly_right(operation: &OperationDefinition, variables: &Variables) -> bool {
    operation.variable_definitions.iter().all(|definition| {
        variables
            .get(&definition.node.name.node)
            .is_none_or(|value| is_plainly_right(&definition.node.var_type.node, value))
    })
}

fn is_plainly_right(declared: &Type, value: &Value) -> bool {
    let BaseType::Named(name) = &declared.base else {
        return false;
    };
    match (name.as_str(), value) {
        ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("Int", Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_plain_values_of_built_in_scalars_are_beyond_doubt() {
        let document = parse_query(
            "query ($i: Int!, $s: String, $d: ID! = \"x\", $b: Boolean, $e: Colour, $l: [Int!], $o: Filter) { a }",
        );
        let DocumentOperations::Single(operation) = document.unwrap().operations else {
            panic!("one operation");
        };
        for (variables, right) in [
            (json!({ "i": 1, "s": "a", "d": "b", "b": true }), true),
            (json!({ "i": 1, "unknown": {} }), true),
            (json!({}), true),
            (json!({ "i": 2_147_483_648_u32 }), false),
            (json!({ "i": 1.0 }), false),
            (json!({ "i": "1" }), false),
            (json!({ "s": 1 }), false),
            (json!({ "s": null }), false),
            (json!({ "d": 1 }), false),
            (json!({ "b": "true" }), false),
            (json!({ "e": "RED" }), false),
            (json!({ "l": [1] }), false),
            (json!({ "o": {} }), false),
        ] {
            let given = Variables::from_json(variables.clone());
            assert_eq!(are_plainly_right(&operation.node, &given), right, "{variables}");
        }
    }
}
