//! What the schema says about itself.

use async_graphql_parser::{
    Positioned, parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition},
};

#[test]
fn everything_in_the_schema_is_described() {
    let schema = resonance_gateway::sdl();
    let mut described = Described::default();
    for definition in parse_schema(&schema).unwrap().definitions {
        match definition {
            // Directives are GraphQL's own.
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => {}
            TypeSystemDefinition::Type(one) => {
                let name = one.node.name.to_string();
                described.see(&name, &one.node.description);
                match &one.node.kind {
                    TypeKind::Scalar | TypeKind::Union(_) => {}
                    TypeKind::Object(object) => described.fields(&name, &object.fields),
                    TypeKind::Interface(interface) => described.fields(&name, &interface.fields),
                    TypeKind::InputObject(input) => described.inputs(&name, &input.fields),
                    TypeKind::Enum(values) => {
                        for value in &values.values {
                            let name = format!("{name}.{}", value.node.value);
                            described.see(&name, &value.node.description);
                        }
                    }
                }
            }
        }
    }
    assert!(
        described.missing.is_empty(),
        "without a description: {:#?}",
        described.missing
    );
    assert!(described.seen > 500, "only {} descriptions", described.seen);
}

/// What was found in a schema.
#[derive(Default)]
struct Described {
    seen: usize,
    missing: Vec<String>,
}

impl Described {
    fn see(&mut self, name: &str, description: &Option<Positioned<String>>) {
        self.seen += 1;
        if description
            .as_ref()
            .is_none_or(|text| text.node.trim().is_empty())
        {
            self.missing.push(name.to_owned());
        }
    }

    fn fields(&mut self, of: &str, fields: &[Positioned<FieldDefinition>]) {
        for field in fields {
            let name = format!("{of}.{}", field.node.name);
            self.see(&name, &field.node.description);
            self.inputs(&name, &field.node.arguments);
        }
    }

    fn inputs(&mut self, of: &str, inputs: &[Positioned<InputValueDefinition>]) {
        for input in inputs {
            self.see(&format!("{of}({})", input.node.name), &input.node.description);
        }
    }
}
