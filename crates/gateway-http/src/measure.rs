//! How much an operation asks for, with its fragments expanded.

use std::collections::HashMap;

use async_graphql::{
    ServerError,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};

use crate::{Code, Limits};

/// Selection sets inside one another, fragments expanded, that are walked at all. Far beyond any depth limit that makes sense;
/// it bounds the recursion here and in the schema's own validation.
const DEEPEST_WALK: usize = 200;

/// Checks every operation of a document against the limits.
///
/// Fragments are measured once each, so that the check costs what the text costs even where the expansion is exponential in it.
/// The schema's validation and execution do expand: they must only see what passed here.
///
/// # Errors
///
/// The first limit that an operation exceeds, or all of them together; fragments that spread themselves, or that are not
/// there; a subscription of several root fields.
pub(crate) fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Box<ServerError>> {
    let mut walk = Walk {
        document,
        fragments: HashMap::new(),
    };
    let mut all_fields = 0_usize;
    for (_, operation) in document.operations.iter() {
        let measured = walk
            .selection_set(&operation.node.selection_set.node, 0)
            .map_err(|(code, message)| Box::new(code.error(message)))?;
        let directives = measured.directives + operation.node.directives.len();
        // Validation walks through every operation, whichever is to be executed: they share one limit.
        all_fields = all_fields.saturating_add(measured.fields);
        let limited = [
            (
                measured.depth,
                limits.depth,
                Code::QueryTooDeep,
                "levels of fields",
            ),
            (measured.aliases, limits.aliases, Code::TooManyAliases, "aliases"),
            (
                directives,
                limits.directives,
                Code::TooManyDirectives,
                "directives",
            ),
            (
                measured.root_fields,
                limits.root_fields,
                Code::QueryTooLarge,
                "root fields",
            ),
            (all_fields, limits.fields, Code::QueryTooLarge, "fields"),
        ];
        for (actual, limit, code, of_what) in limited {
            if actual > limit {
                let mut error = code.error(format!("the operation has more than {limit} {of_what}"));
                error.locations.push(operation.pos);
                return Err(Box::new(error));
            }
        }
        if operation.node.ty == OperationType::Subscription && measured.root_fields != 1 {
            let mut error = Code::ValidationFailed.error("a subscription selects exactly one root field");
            error.locations.push(operation.pos);
            return Err(Box::new(error));
        }
    }
    Ok(())
}

/// The size of a selection set, fragments expanded. All sums saturate: they may be exponential in the text.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    depth: usize,
    root_fields: usize,
    fields: usize,
    aliases: usize,
    directives: usize,
}

impl Size {
    /// Adds what a fragment, inline or spread, selects in the same place.
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.root_fields = self.root_fields.saturating_add(other.root_fields);
        self.add_counts(other);
    }

    /// Adds a field with what is selected below it.
    fn add_field(&mut self, below: Self) {
        self.depth = self.depth.max(below.depth.saturating_add(1));
        self.root_fields = self.root_fields.saturating_add(1);
        self.fields = self.fields.saturating_add(1);
        self.add_counts(below);
    }

    fn add_counts(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
    }
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    /// What each fragment measures; nothing while it is being measured.
    fragments: HashMap<&'a str, Option<Size>>,
}

impl<'a> Walk<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, (Code, String)> {
        if level > DEEPEST_WALK {
            let message = format!("the operation nests deeper than {DEEPEST_WALK} selections");
            return Err((Code::QueryTooDeep, message));
        }
        let mut size = Size::default();
        for selection in &set.items {
            let directives = selection.node.directives().len();
            size.directives = size.directives.saturating_add(directives);
            match &selection.node {
                Selection::Field(field) => {
                    let below = self.selection_set(&field.node.selection_set.node, level + 1)?;
                    size.aliases += usize::from(field.node.alias.is_some());
                    size.add_field(below);
                }
                Selection::InlineFragment(fragment) => {
                    size.add(self.selection_set(&fragment.node.selection_set.node, level + 1)?);
                }
                Selection::FragmentSpread(spread) => {
                    size.add(self.fragment(spread.node.fragment_name.node.as_str(), level)?);
                }
            }
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'a str, level: usize) -> Result<Size, (Code, String)> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                let message = format!("the fragment `{name}` spreads itself");
                return Err((Code::ValidationFailed, message));
            }
            None => {}
        }
        // Left to the schema's validation, which expands fragments before it looks for missing ones, such a fragment would
        // count for nothing: spread by fragments that double one another, it costs time without end and no field.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err((Code::ValidationFailed, format!("Unknown fragment: \"{name}\"")));
        };
        self.fragments.insert(name, None);
        let size = self.selection_set(&fragment.node.selection_set.node, level + 1)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Value, parser::parse_query};

    use super::*;

    fn refusal(text: &str) -> String {
        let error = check(&parse_query(text).unwrap(), &Limits::default()).unwrap_err();
        match error.extensions.unwrap().get("code") {
            Some(Value::String(code)) => code.clone(),
            other => panic!("no code but {other:?}"),
        }
    }

    #[test]
    fn fragments_that_double_one_another_are_refused_without_being_expanded() {
        let mut text = "{ ...F0 }".to_owned();
        for n in 0..60 {
            text += &format!(" fragment F{n} on Q {{ a {{ ...F{m} ...F{m} }} }}", m = n + 1);
        }
        text += " fragment F60 on Q { a }";
        assert_eq!(refusal(&text), "QUERY_TOO_DEEP");

        let mut flat = "{ ...F0 }".to_owned();
        for n in 0..60 {
            flat += &format!(" fragment F{n} on Q {{ ...F{m} ...F{m} }}", m = n + 1);
        }
        flat += " fragment F60 on Q { a }";
        assert_eq!(refusal(&flat), "QUERY_TOO_LARGE");
    }

    #[test]
    fn fragments_that_double_one_another_around_a_missing_one_are_refused() {
        let mut text = "{ ...F0 }".to_owned();
        for n in 0..28 {
            text += &format!(" fragment F{n} on Q {{ ...F{m} ...F{m} }}", m = n + 1);
        }
        assert_eq!(refusal(&text), "GRAPHQL_VALIDATION_FAILED");
    }

    #[test]
    fn many_operations_together_expand_no_more_than_one_may() {
        let fields = " a".repeat(100);
        let spreads = " ...F".repeat(20);
        let operations: String = (0..3)
            .map(|n| format!("query O{n} {{ b {{ {spreads} }} }} "))
            .collect();
        let text = format!("{operations} fragment F on Q {{ {fields} }}");
        assert_eq!(refusal(&text), "QUERY_TOO_LARGE");
    }

    #[test]
    fn fragments_that_spread_themselves_are_refused() {
        assert_eq!(
            refusal("{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ...A }"),
            "GRAPHQL_VALIDATION_FAILED"
        );
    }

    #[test]
    fn aliases_count_as_often_as_their_fragment_is_spread() {
        let one = (0..26).map(|n| format!("a{n}: a ")).collect::<String>();
        check(&parse_query(format!("{{ {one} }}")).unwrap(), &Limits::default()).unwrap();
        assert_eq!(
            refusal(&format!(
                "{{ b {{ ...F }} c {{ ...F }} }} fragment F on Q {{ {one} }}"
            )),
            "TOO_MANY_ALIASES"
        );
    }

    #[test]
    fn depth_directives_and_root_fields_are_limited() {
        assert_eq!(
            refusal(&format!("{}a{}", "{a".repeat(20), "}".repeat(20)).replace("aa", "a{a}")),
            "QUERY_TOO_DEEP"
        );
        assert_eq!(
            refusal(&format!("{{ a{} }}", " @skip(if: false)".repeat(51))),
            "TOO_MANY_DIRECTIVES"
        );
        assert_eq!(
            refusal(&format!("{{ ...F }} fragment F on Q {{ {} }}", "a ".repeat(31))),
            "QUERY_TOO_LARGE"
        );
    }

    #[test]
    fn a_subscription_selects_exactly_one_root_field() {
        assert_eq!(refusal("subscription { a b }"), "GRAPHQL_VALIDATION_FAILED");
        check(
            &parse_query("subscription { a { b c } }").unwrap(),
            &Limits::default(),
        )
        .unwrap();
    }

    #[test]
    fn the_standard_introspection_query_passes() {
        let text = include_str!("../tests/introspection.graphql");
        check(&parse_query(text).unwrap(), &Limits::default()).unwrap();
        crate::scan::scan(text, &Limits::default()).unwrap();
    }
}
