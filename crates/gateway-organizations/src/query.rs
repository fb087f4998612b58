//! The roots of organizations, and what `node` finds here.

use async_graphql::{Context, ID, Object};
use resonance_authz::Denied;
use resonance_domain::{InOrg, InvitationId, MembershipId, OrganizationId};
use resonance_gateway_kit::{ApiResult, request};
use resonance_services::{Outcome, Request, ServiceError};

use crate::{Invitation, Organization, OrganizationMember, ReceivedInvitation};

/// The roots of organizations.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrganizationsQuery;

#[Object]
impl OrganizationsQuery {
    /// One of the viewer's organizations; null if there is none with this id that the viewer is a member of. Requires being
    /// signed in.
    async fn organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: ID,
    ) -> ApiResult<Option<Organization>> {
        let request = request(context)?;
        // What is no id is no organization's.
        let Ok(id) = id.parse() else {
            request.actor().signed_in()?;
            return Ok(None);
        };
        Ok(request.organizations().get(id).await?.map(Into::into))
    }

    /// One of the viewer's organizations by slug; null if the viewer is a member of none with this slug. Requires being
    /// signed in.
    async fn organization_by_slug(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The slug.")] slug: String,
    ) -> ApiResult<Option<Organization>> {
        Ok(request(context)?
            .organizations()
            .by_slug(&slug)
            .await?
            .map(Into::into))
    }

    /// What the holder of an invitation's link may know of it, signed in or not; null for a token that is no invitation's
    /// current one.
    async fn invitation_by_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token in the link, `inv_…`.")] token: String,
    ) -> ApiResult<Option<ReceivedInvitation>> {
        let request = request(context)?;
        let found = seen(request.invitations().by_token(&token).await)?;
        Ok(found.map(|received| ReceivedInvitation::at(received, request.now())))
    }
}

/// What is hidden is absent.
fn seen<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(ServiceError::Denied(Denied::NotVisible)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Organization {
    /// The organization with this id, if the viewer is a member.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, or the database's.
    pub async fn node(request: &Request, id: OrganizationId) -> ApiResult<Option<Self>> {
        Ok(request.organizations().get(id).await?.map(Into::into))
    }
}

impl OrganizationMember {
    /// The member with this id, if the viewer is a member of the same organization.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `FORBIDDEN`, or the database's.
    pub async fn node(request: &Request, id: InOrg<MembershipId>) -> ApiResult<Option<Self>> {
        let found = seen(request.memberships().get_many(id.organization, &[id.id]).await)?;
        Ok(found.unwrap_or_default().pop().map(Into::into))
    }
}

impl Invitation {
    /// The invitation with this id, if the viewer may manage memberships there.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `FORBIDDEN`, or the database's.
    pub async fn node(request: &Request, id: InOrg<InvitationId>) -> ApiResult<Option<Self>> {
        let found = seen(request.invitations().get_many(id.organization, &[id.id]).await)?;
        Ok(found
            .unwrap_or_default()
            .pop()
            .map(|invitation| Self::at(invitation, request.now())))
    }
}
