//! Errors as nulls: section 6.4.4 of the GraphQL specification, "Handling Execution Errors".
//!
//! Where a field fails, async-graphql 7.2 leaves it out of its object, whether it is nullable or not, and makes an object all of
//! whose fields failed null. The specification wants `null` in its place, and where the type does not allow that, in the
//! place of the nearest ancestor whose type does. This is done here, on responses that hold errors.

use std::collections::HashMap;

use async_graphql::{
    Name, PathSegment, Response, Value,
    indexmap::IndexMap,
    parser::{
        self, parse_schema,
        types::{
            BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, Type,
            TypeKind, TypeSystemDefinition,
        },
    },
};

/// The types of all fields of a schema.
#[derive(Debug, Default)]
pub(crate) struct FieldTypes {
    query: String,
    mutation: String,
    subscription: String,
    fields: HashMap<String, HashMap<String, Type>>,
}

impl FieldTypes {
    /// Reads them from a schema's definition.
    pub(crate) fn of(sdl: &str) -> Result<Self, parser::Error> {
        let mut types = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let name = |root: Option<async_graphql::Positioned<Name>>| {
                        root.map(|root| root.node.to_string()).unwrap_or_default()
                    };
                    types.query = name(schema.node.query);
                    types.mutation = name(schema.node.mutation);
                    types.subscription = name(schema.node.subscription);
                }
                TypeSystemDefinition::Type(definition) => {
                    let fields = match definition.node.kind {
                        TypeKind::Object(object) => object.fields,
                        TypeKind::Interface(interface) => interface.fields,
                        _ => continue,
                    };
                    let fields = fields
                        .into_iter()
                        .map(|field| (field.node.name.node.to_string(), field.node.ty.node));
                    types
                        .fields
                        .insert(definition.node.name.node.to_string(), fields.collect());
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(types)
    }

    /// Puts nulls where the response's errors say that something failed.
    pub(crate) fn propagate(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        response: &mut Response,
    ) {
        let root = match operation.ty {
            OperationType::Query => &self.query,
            OperationType::Mutation => &self.mutation,
            OperationType::Subscription => &self.subscription,
        };
        let walk = Walk {
            types: self,
            document,
        };
        let selected = [(root.as_str(), &operation.selection_set.node)];
        for error in &response.errors {
            fill(&mut response.data, &error.path);
        }
        for error in &response.errors {
            if !error.path.is_empty()
                && walk.in_object(&selected, &mut response.data, &error.path) == Place::Failed
            {
                response.data = Value::Null;
                return;
            }
        }
    }
}

/// What became of a place in the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It holds what it may hold.
    Fine,
    /// It cannot be anything but null.
    Failed,
}

/// Selection sets that make up one object, each with the type that it selects from.
type Selected<'a> = (&'a str, &'a SelectionSet);

struct Walk<'a> {
    types: &'a FieldTypes,
    document: &'a ExecutableDocument,
}

impl<'a> Walk<'a> {
    fn in_object(&self, selected: &[Selected<'a>], value: &mut Value, path: &[PathSegment]) -> Place {
        let Some((PathSegment::Field(key), rest)) = path.split_first() else {
            return Place::Fine;
        };
        // An object that is null by now was made so by another error beneath it.
        let Value::Object(object) = value else {
            return Place::Failed;
        };
        let Some(field) = object.get_mut(key.as_str()) else {
            return Place::Fine;
        };
        let mut found = Vec::new();
        let mut field_type = None;
        for (parent, set) in selected {
            self.find(parent, set, key, &mut field_type, &mut found);
        }
        self.in_value(field_type, &found, field, rest)
    }

    /// Settles a field or a list's element; says whether what holds it has failed with it.
    fn in_value(
        &self,
        own_type: Option<&'a Type>,
        selected: &[Selected<'a>],
        value: &mut Value,
        rest: &[PathSegment],
    ) -> Place {
        let place = match rest.first() {
            // A resolver may report an error and answer nevertheless.
            None if *value == Value::Null => Place::Failed,
            None => Place::Fine,
            Some(PathSegment::Field(_)) => self.in_object(selected, value, rest),
            Some(PathSegment::Index(index)) => {
                let element_type = own_type.and_then(|own_type| match &own_type.base {
                    BaseType::List(element) => Some(&**element),
                    BaseType::Named(_) => None,
                });
                match value {
                    Value::List(list) => list.get_mut(*index).map_or(Place::Fine, |element| {
                        self.in_value(element_type, selected, element, &rest[1..])
                    }),
                    _ => Place::Failed,
                }
            }
        };
        if place == Place::Fine {
            return Place::Fine;
        }
        *value = Value::Null;
        if own_type.is_none_or(|own_type| own_type.nullable) {
            Place::Fine
        } else {
            Place::Failed
        }
    }

    /// Finds the type of the field that answers under a key, and what is selected from it. Fields that answer under one key
    /// are alike in nullability and lists, whichever fragment they come from.
    fn find(
        &self,
        parent: &'a str,
        set: &'a SelectionSet,
        key: &str,
        field_type: &mut Option<&'a Type>,
        found: &mut Vec<Selected<'a>>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    if field.node.response_key().node.as_str() != key {
                        continue;
                    }
                    let fields = self.types.fields.get(parent);
                    let own = fields.and_then(|fields| fields.get(field.node.name.node.as_str()));
                    *field_type = field_type.or(own);
                    let name = own.map_or("", |own| innermost(&own.base));
                    found.push((name, &field.node.selection_set.node));
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    let set = &fragment.node.selection_set.node;
                    self.find(parent, set, key, field_type, found);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let parent = fragment.node.type_condition.node.on.node.as_str();
                        let set = &fragment.node.selection_set.node;
                        self.find(parent, set, key, field_type, found);
                    }
                }
            }
        }
    }
}

/// Puts null where a failed field was left out, in an object that is made anew if none of its fields was left.
fn fill(value: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else {
        return;
    };
    if let (PathSegment::Field(_), Value::Null) = (segment, &*value) {
        *value = Value::Object(IndexMap::new());
    }
    match (segment, value) {
        (PathSegment::Field(key), Value::Object(object)) => {
            fill(object.entry(Name::new(key)).or_insert(Value::Null), rest);
        }
        (PathSegment::Index(index), Value::List(list)) => {
            if let Some(element) = list.get_mut(*index) {
                fill(element, rest);
            }
        }
        _ => {}
    }
}

/// The name of a type without its lists.
fn innermost(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(element) => innermost(&element.base),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{ServerError, parser::parse_query};
    use serde_json::json;

    use super::*;

    const SDL: &str = "
        schema { query: Query }
        type Query { a: Int b: Int! maybe: Thing sure: Thing! all: [Thing!]! some: [Thing] any: Named }
        interface Named { name: String! }
        type Thing implements Named { name: String! note: String sure: Thing! scores: [Int!] }
    ";

    /// The data that becomes of `data` when these paths failed.
    fn propagated(text: &str, data: serde_json::Value, failed: &[serde_json::Value]) -> serde_json::Value {
        let document = parse_query(text).unwrap();
        let mut response = Response::new(Value::from_json(data).unwrap());
        for path in failed {
            let path = serde_json::from_value(path.clone()).unwrap();
            response
                .errors
                .push(ServerError::new("failed", None).with_path(path));
        }
        let operation = document.operations.iter().next().unwrap().1;
        FieldTypes::of(SDL)
            .unwrap()
            .propagate(&document, &operation.node, &mut response);
        response.data.into_json().unwrap()
    }

    #[test]
    fn a_nullable_field_that_failed_is_null() {
        assert_eq!(
            propagated("{ a b }", json!({ "b": 1 }), &[json!(["a"])]),
            json!({ "b": 1, "a": null })
        );
        assert_eq!(
            propagated("{ a }", json!(null), &[json!(["a"])]),
            json!({ "a": null })
        );
        let data = propagated(
            "{ x: maybe { y: note } }",
            json!({ "x": null }),
            &[json!(["x", "y"])],
        );
        assert_eq!(data, json!({ "x": { "y": null } }));
    }

    #[test]
    fn a_field_that_must_not_be_null_takes_its_parent_with_it() {
        assert_eq!(
            propagated("{ a b }", json!({ "a": 1 }), &[json!(["b"])]),
            json!(null)
        );
        let text = "{ a maybe { note sure { name note } } }";
        let data = json!({ "a": 1, "maybe": { "note": "x", "sure": { "note": "y" } } });
        assert_eq!(
            propagated(text, data, &[json!(["maybe", "sure", "name"])]),
            json!({ "a": 1, "maybe": null })
        );
        let data = json!({ "sure": { "note": "x" } });
        assert_eq!(
            propagated("{ sure { name note } }", data, &[json!(["sure", "name"])]),
            json!(null)
        );
    }

    #[test]
    fn a_list_loses_the_element_that_failed_or_itself() {
        let failed = [json!(["some", 1, "name"])];
        let data = json!({ "some": [{ "name": "x" }, { "note": "y" }] });
        let expected = json!({ "some": [{ "name": "x" }, null] });
        assert_eq!(propagated("{ some { name note } }", data, &failed), expected);
        let data = json!({ "a": 1, "all": [{ "name": "x" }, { "note": "y" }] });
        assert_eq!(
            propagated("{ a all { name note } }", data, &[json!(["all", 1, "name"])]),
            json!(null)
        );
        let data = json!({ "maybe": { "name": "x" } });
        let expected = json!({ "maybe": { "name": "x", "scores": null } });
        assert_eq!(
            propagated(
                "{ maybe { name scores } }",
                data,
                &[json!(["maybe", "scores", 3])]
            ),
            expected
        );
    }

    #[test]
    fn fragments_and_interfaces_are_seen_through() {
        let text = "{ any { ...F } } fragment F on Named { ... on Thing { note name } }";
        let data = json!({ "any": { "note": "x" } });
        assert_eq!(
            propagated(text, data, &[json!(["any", "name"])]),
            json!({ "any": null })
        );
    }

    #[test]
    fn what_was_answered_in_spite_of_an_error_stays() {
        assert_eq!(
            propagated("{ b }", json!({ "b": 1 }), &[json!(["b"])]),
            json!({ "b": 1 })
        );
    }

    #[test]
    fn several_failures_are_each_settled() {
        let failed = [json!(["maybe", "name"]), json!(["maybe", "note"]), json!(["a"])];
        let data = propagated(
            "{ a b maybe { name note } }",
            json!({ "b": 1, "maybe": null }),
            &failed,
        );
        assert_eq!(data, json!({ "b": 1, "maybe": null, "a": null }));
    }
}
