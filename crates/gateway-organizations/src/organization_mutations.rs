//! Founding, changing, working in and deleting organizations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Upload};
use resonance_domain::{FieldError, OrganizationId};
use resonance_gateway_kit::{ApiResult, JsonObject, UserError, parse_id, request, split, upload_bytes};
use resonance_services::{
    CreateOrganization, MAX_LOGO_BYTES, Outcome, Request, ServiceError, UpdateOrganization,
    ViewedOrganization,
};

use crate::Organization;

/// What a new organization is like.
#[derive(Debug, InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// The display name: 1 to 256 characters on one line.
    name: String,
    /// The slug: 2 to 64 lower-case letters, digits and single hyphens inside. Null or omitted derives it from the name.
    slug: Option<String>,
    /// What the organization says about itself: up to 1,000 characters.
    description: Option<String>,
    /// Data that applications keep with it: up to 8 KB.
    public_metadata: Option<JsonObject>,
}

/// What is to change.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateOrganizationInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// The display name. Null or omitted leaves it as it is.
    name: Option<String>,
    /// The slug. Null or omitted leaves it as it is.
    slug: Option<String>,
    /// What it says about itself; an empty text says nothing. Null or omitted leaves it as it is.
    description: Option<String>,
}

/// Changes to the public metadata.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateOrganizationMetadataInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// What to merge in: objects merge key by key, null removes a key, anything else replaces.
    public_metadata: JsonObject,
}

/// A picture.
#[derive(Debug, InputObject)]
pub(crate) struct SetOrganizationLogoInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// A PNG, JPEG, GIF or WebP of up to 10 MB. It is decoded, scaled to at most 512 by 512 pixels and stored as PNG.
    logo: Upload,
}

/// One organization.
#[derive(Debug, InputObject)]
pub(crate) struct OrganizationInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
}

/// The organization to work in.
#[derive(Debug, InputObject)]
pub(crate) struct SetActiveOrganizationInput {
    /// The organization.
    organization_id: ID,
}

/// What became of an organization.
#[derive(Debug, SimpleObject)]
pub(crate) struct OrganizationPayload {
    /// The organization as it is now; null if the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of leaving or deleting an organization.
#[derive(Debug, SimpleObject)]
pub(crate) struct GoneOrganizationPayload {
    /// The id of the organization that was left or deleted; null if the input was refused.
    organization_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

pub(crate) fn organization_id(id: Option<&ID>) -> Result<Option<OrganizationId>, FieldError> {
    id.map(|id| parse_id("organizationId", id)).transpose()
}

fn payload(outcome: Outcome<ViewedOrganization>) -> ApiResult<OrganizationPayload> {
    let (viewed, user_errors) = split(outcome)?;
    Ok(OrganizationPayload {
        organization: viewed.map(Into::into),
        user_errors,
    })
}

fn gone(outcome: Outcome<OrganizationId>) -> ApiResult<GoneOrganizationPayload> {
    let (id, user_errors) = split(outcome)?;
    Ok(GoneOrganizationPayload {
        organization_id: id.map(|id| id.type_id().into()),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization. The viewer becomes its admin and works in it from now on. Requires being signed in.
    async fn create_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is like.")] input: CreateOrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let input = CreateOrganization {
            name: input.name,
            slug: input.slug,
            description: input.description,
            public_metadata: input.public_metadata.map(|JsonObject(object)| object),
        };
        payload(request(context)?.organizations().create(input).await)
    }

    /// Changes name, slug or description. Requires `org:sys_profile:manage`.
    async fn update_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateOrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        payload(update(request, input).await)
    }

    /// Merges changes into the public metadata. Requires `org:sys_profile:manage`.
    async fn update_organization_metadata(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateOrganizationMetadataInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        payload(merge(request, input).await)
    }

    /// Takes a picture as the logo. Requires `org:sys_profile:manage`.
    async fn set_organization_logo(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The picture.")] input: SetOrganizationLogoInput,
    ) -> ApiResult<OrganizationPayload> {
        payload(set_logo(context, input).await)
    }

    /// Goes back to the avatar of the initials. Requires `org:sys_profile:manage`.
    async fn remove_organization_logo(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        let removed = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            request.organizations().remove_logo(organization).await
        };
        payload(removed.await)
    }

    /// Works in another organization from now on: this session does, and later sessions begin there. Requires being a
    /// member. Other sessions and tabs are not touched; a single request names another one by the header
    /// `X-Resonance-Organization`.
    async fn set_active_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: SetActiveOrganizationInput,
    ) -> ApiResult<OrganizationPayload> {
        let request = request(context)?;
        let switched = async {
            let organization = parse_id("organizationId", &input.organization_id)?;
            request.organizations().switch(organization).await
        };
        payload(switched.await)
    }

    /// Leaves an organization. Any member may but its last admin (`LAST_ADMIN`).
    async fn leave_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OrganizationInput,
    ) -> ApiResult<GoneOrganizationPayload> {
        let request = request(context)?;
        let left = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            request.memberships().leave(organization).await
        };
        gone(left.await)
    }

    /// Deletes an organization with everything in it, for good. Access ends at once; what is stored is removed soon after.
    /// Requires `org:sys_profile:delete` and that the organization is deletable (`NOT_DELETABLE`).
    async fn delete_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OrganizationInput,
    ) -> ApiResult<GoneOrganizationPayload> {
        let request = request(context)?;
        let deleted = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            request.organizations().delete(organization).await
        };
        gone(deleted.await)
    }
}

async fn update(request: &Request, input: UpdateOrganizationInput) -> Outcome<ViewedOrganization> {
    let input = UpdateOrganization {
        organization: organization_id(input.organization_id.as_ref())?,
        name: input.name,
        slug: input.slug,
        description: input.description,
    };
    request.organizations().update(input).await
}

async fn merge(request: &Request, input: UpdateOrganizationMetadataInput) -> Outcome<ViewedOrganization> {
    let organization = organization_id(input.organization_id.as_ref())?;
    request
        .organizations()
        .update_metadata(organization, input.public_metadata.0)
        .await
}

async fn set_logo(context: &Context<'_>, input: SetOrganizationLogoInput) -> Outcome<ViewedOrganization> {
    let request = context
        .data::<Request>()
        .map_err(|_| ServiceError::internal("finding the request", "no request in the context"))?;
    let organization = organization_id(input.organization_id.as_ref())?;
    let bytes = upload_bytes(context, input.logo, "logo", MAX_LOGO_BYTES).await?;
    request.organizations().set_logo(organization, bytes.into()).await
}
