//! Founding, changing and deleting organizations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, JsonObject, UserError, parse_id, request, split};
use resonance_services::{
    CreateOrganization, DirectoryOrganization, OperatorCreateOrganization, OperatorUpdateOrganization,
    Outcome, Request,
};

use crate::organization::Organization;

/// What a new organization is like.
#[derive(Debug, InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// The display name: 1 to 256 characters on one line.
    name: String,
    /// The slug: 2 to 64 lower-case letters, digits and single hyphens inside. Null or omitted derives it from the name.
    slug: Option<String>,
    /// What the organization says about itself: up to 1,000 characters.
    description: Option<String>,
    /// Who founds it and becomes its admin: a user's id. How many organizations that user founded does not matter.
    admin_id: ID,
    /// Data that applications keep with it and members read: up to 8 KB.
    public_metadata: Option<JsonObject>,
    /// Data that only operators see: up to 8 KB.
    private_metadata: Option<JsonObject>,
    /// The member limit; 0 means none. Null or omitted takes the instance's default.
    member_limit: Option<u32>,
    /// Whether its admins may delete it. Null or omitted takes the instance's default.
    deletable: Option<bool>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What is to change.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateOrganizationInput {
    /// The organization.
    organization_id: ID,
    /// The display name. Null or omitted leaves it as it is.
    name: Option<String>,
    /// The slug. Null or omitted leaves it as it is.
    slug: Option<String>,
    /// What it says about itself; an empty text says nothing. Null or omitted leaves it as it is.
    description: Option<String>,
    /// What to merge into the public metadata: objects merge key by key, null removes a key, anything else replaces.
    public_metadata: Option<JsonObject>,
    /// The same for the metadata that only operators see.
    private_metadata: Option<JsonObject>,
    /// The member limit; 0 means none. Nobody who is in is put out. Null or omitted leaves it as it is.
    member_limit: Option<u32>,
    /// Whether its admins may delete it. Null or omitted leaves it as it is.
    deletable: Option<bool>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// Which organization is to be deleted.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteOrganizationInput {
    /// The organization.
    organization_id: ID,
    /// Whether to delete it even if it is protected from deletion.
    #[graphql(default)]
    force: bool,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of an organization.
#[derive(Debug, SimpleObject)]
pub(crate) struct OrganizationPayload {
    /// The organization as it is now; null if the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of deleting an organization.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteOrganizationPayload {
    /// The id of the organization that was deleted; null if the input was refused.
    organization_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

fn payload(outcome: Outcome<DirectoryOrganization>) -> ApiResult<OrganizationPayload> {
    let (found, user_errors) = split(outcome)?;
    Ok(OrganizationPayload {
        organization: found.map(Into::into),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Founds an organization for a user, who becomes its admin.
    async fn create_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is like.")] input: CreateOrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        request.operators().admit().await?;
        payload(create(request, input).await)
    }

    /// Changes profile, metadata, member limit or deletable flag of an organization.
    async fn update_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateOrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        request.operators().admit().await?;
        payload(update(request, input).await)
    }

    /// Deletes an organization with everything in it, for good. One that is protected from deletion only goes by force
    /// (`NOT_DELETABLE`).
    async fn delete_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: DeleteOrganizationInput,
    ) -> ApiResult<DeleteOrganizationPayload> {
        let request = request(context)?;
        request.operators().admit().await?;
        let deleted = async {
            let organization = parse_id("organizationId", &input.organization_id)?;
            let operators = request.operators();
            operators
                .delete_organization(organization, input.force, &input.reason)
                .await
        };
        let (id, user_errors) = split(deleted.await)?;
        Ok(DeleteOrganizationPayload {
            organization_id: id.map(|id| id.type_id().into()),
            user_errors,
        })
    }
}

async fn create(request: &Request, input: CreateOrganizationInput) -> Outcome<DirectoryOrganization> {
    let admin = parse_id("adminId", &input.admin_id)?;
    let input = OperatorCreateOrganization {
        organization: CreateOrganization {
            name: input.name,
            slug: input.slug,
            description: input.description,
            public_metadata: input.public_metadata.map(|JsonObject(object)| object),
        },
        admin,
        member_limit: input.member_limit,
        deletable: input.deletable,
        private_metadata: input.private_metadata.map(|JsonObject(object)| object),
        reason: input.reason,
    };
    request.operators().create_organization(input).await
}

async fn update(request: &Request, input: UpdateOrganizationInput) -> Outcome<DirectoryOrganization> {
    let input = OperatorUpdateOrganization {
        organization: parse_id("organizationId", &input.organization_id)?,
        name: input.name,
        slug: input.slug,
        description: input.description,
        public_metadata: input.public_metadata.map(|JsonObject(object)| object),
        private_metadata: input.private_metadata.map(|JsonObject(object)| object),
        member_limit: input.member_limit,
        deletable: input.deletable,
        reason: input.reason,
    };
    request.operators().update_organization(input).await
}
