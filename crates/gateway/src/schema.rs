//! The schema, put together of the GraphQL crates' parts.

use async_graphql::{Data, MergedObject, MergedSubscription, SDLExportOptions, Schema, ValidationMode};
use resonance_gateway_accounts::{AccountsMutation, UserLoader};
use resonance_gateway_organizations::{
    OrganizationEventsSubscription, OrganizationsMutation, OrganizationsQuery, RoleLoader,
};
use resonance_gateway_speech::{
    BillingMutation, GenerationsMutation, GenerationsSubscription, VoiceLoader, VoicesMutation, VoicesQuery,
};
use resonance_services::Request;

use crate::{node::NodeQuery, viewer::ViewerQuery};

/// Where reading begins. Things of an organization hang off `organization`; the path is their scope.
#[derive(Debug, Default, MergedObject)]
pub struct Query(ViewerQuery, NodeQuery, OrganizationsQuery, VoicesQuery);

/// What can be done. Each mutation takes one `input` and answers with what changed and `userErrors`; if those are not
/// empty, nothing was changed.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    AccountsMutation,
    OrganizationsMutation,
    VoicesMutation,
    GenerationsMutation,
    BillingMutation,
);

/// What can be followed as it changes.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(GenerationsSubscription, OrganizationEventsSubscription);

/// The schema.
pub type ResonanceSchema = Schema<Query, Mutation, Subscription>;

/// How the schema is to be served.
#[derive(Debug, Clone, Copy)]
pub struct SchemaOptions {
    /// Whether clients may ask for the schema itself.
    pub introspection: bool,
    /// The most complex query that is answered: about the number of fields in its answer.
    pub complexity: usize,
}

/// Builds the schema.
#[must_use]
pub fn schema(options: SchemaOptions) -> ResonanceSchema {
    build(options, ValidationMode::Strict)
}

/// Builds the schema as it executes documents that [`schema`] has validated before.
pub(crate) fn trusting_schema(options: SchemaOptions) -> ResonanceSchema {
    build(options, ValidationMode::Fast)
}

fn build(options: SchemaOptions, mode: ValidationMode) -> ResonanceSchema {
    let builder = Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .validation_mode(mode)
        .limit_complexity(options.complexity);
    if options.introspection {
        builder
    } else {
        builder.disable_introspection()
    }
    .finish()
}

/// What resolvers find in their context. Loaders live as long as the request, so that nothing is shared between actors.
#[must_use]
pub fn request_data(request: Request) -> Data {
    let mut data = Data::default();
    data.insert(UserLoader::of(request.clone()));
    data.insert(RoleLoader::of(request.clone()));
    data.insert(VoiceLoader::of(request.clone()));
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
