//! The schema, put together of the GraphQL crates' parts.

use async_graphql::{Data, EmptyMutation, EmptySubscription, Object, SDLExportOptions, Schema};
use resonance_services::Request;

/// The schema.
pub type ResonanceSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// Placeholder root until the parts are merged.
#[derive(Debug, Default)]
pub struct Query;

#[Object]
impl Query {
    /// The version.
    async fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }
}

/// How the schema is to be served.
#[derive(Debug, Clone, Copy)]
pub struct SchemaOptions {
    /// Whether clients may ask for the schema itself.
    pub introspection: bool,
    /// The most complex query that is answered.
    pub complexity: usize,
}

/// Builds the schema.
#[must_use]
pub fn schema(options: SchemaOptions) -> ResonanceSchema {
    let builder = Schema::build(Query, EmptyMutation, EmptySubscription).limit_complexity(options.complexity);
    if options.introspection {
        builder
    } else {
        builder.disable_introspection()
    }
    .finish()
}

/// What resolvers find in their context.
pub(crate) fn request_data(request: Request) -> Data {
    let mut data = Data::default();
    data.insert(request);
    data
}

/// The schema in its definition language, in a canonical order.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .use_space_ident();
    schema(SchemaOptions {
        introspection: true,
        complexity: usize::MAX,
    })
    .sdl_with_options(options)
}
