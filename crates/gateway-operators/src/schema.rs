//! The operators' schema.

use async_graphql::{
    Data, EmptySubscription, MergedObject, SDLExportOptions, Schema, ValidationMode, dataloader::DataLoader,
};
use resonance_services::Request;

use crate::{
    OperatorQuery,
    instance_mutations::InstanceMutation,
    member_mutations::MemberMutation,
    organization::MemberCounts,
    organization_mutations::OrganizationMutation,
    plan::{PlanMutation, PlansOfOrganizations},
    role_mutations::RoleMutation,
    user_mutations::UserMutation,
};

/// What operators can do. Each mutation takes one `input`, in it the reason that goes on record, and answers with what changed
/// and `userErrors`; if those are not empty, nothing was changed.
#[derive(Debug, Default, MergedObject)]
pub struct OperatorMutation(
    OrganizationMutation,
    MemberMutation,
    UserMutation,
    InstanceMutation,
    RoleMutation,
    PlanMutation,
);

/// The operators' schema.
pub type OperatorSchema = Schema<OperatorQuery, OperatorMutation, EmptySubscription>;

/// Builds the schema. Operators may always ask for it; others never get here.
#[must_use]
pub fn schema(complexity: usize, mode: ValidationMode) -> OperatorSchema {
    Schema::build(OperatorQuery, OperatorMutation::default(), EmptySubscription)
        .validation_mode(mode)
        .limit_complexity(complexity)
        .finish()
}

/// What resolvers find in their context.
#[must_use]
pub fn request_data(request: Request) -> Data {
    let mut data = Data::default();
    data.insert(DataLoader::new(MemberCounts(request.clone()), tokio::spawn));
    data.insert(DataLoader::new(
        PlansOfOrganizations(request.clone()),
        tokio::spawn,
    ));
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
    schema(usize::MAX, ValidationMode::Strict).sdl_with_options(options)
}
