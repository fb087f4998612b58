//! The organizations' part of the viewer.

use async_graphql::{Context, Object};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request, request};
use resonance_services::{self as services, IdCursor, ViewedOrganization};
use uuid::Uuid;

use crate::{Organization, ReceivedInvitation, ReceivedInvitationConnection, ReceivedInvitationEdge, Role};

connection! {
    /// The viewer's organizations, oldest first.
    ViewerOrganizationConnection;
    /// An organization's place in the list, and what the viewer is there.
    ViewerOrganizationEdge of Organization {
        /// The viewer's role there.
        role: Role,
    }
}

/// The organizations of the signed-in user.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewerOrganizations;

#[Object]
impl ViewerOrganizations {
    /// The organization that this request works in: the one of the header `X-Resonance-Organization`, else the one that
    /// the session made active, else the one that the viewer worked in last. Null if there is none, or if the viewer is no
    /// member of it (any more).
    async fn active_organization(&self, context: &Context<'_>) -> ApiResult<Option<Organization>> {
        let request = request(context)?;
        let Some(active) = request.active_organization() else {
            return Ok(None);
        };
        Ok(request.organizations().get(active).await?.map(Into::into))
    }

    /// The organizations that the viewer is a member of, oldest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn organizations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<ViewerOrganizationConnection> {
        let request = request(context)?;
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let organizations = request.organizations().list(&page).await?;
        let request = request.clone();
        let total = Total::lazily(move || {
            let request = request.clone();
            async move { request.organizations().count().await }
        });
        let edge = |viewed: ViewedOrganization| ViewerOrganizationEdge {
            cursor: cursor(&viewed.organization.id.as_uuid()),
            role: Role::held(viewed.organization.id, viewed.standing.role().clone()),
            node: viewed.into(),
        };
        Ok(ViewerOrganizationConnection::new(organizations.map(edge), total))
    }

    /// Open invitations to the viewer's verified addresses, newest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn received_invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<ReceivedInvitationConnection> {
        let request = request(context)?;
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let received = request.invitations().received(&page).await?;
        let now = request.now();
        let request = request.clone();
        let total = Total::lazily(move || {
            let request = request.clone();
            async move { request.invitations().count_received().await }
        });
        let edge = |received: services::ReceivedInvitation| ReceivedInvitationEdge {
            cursor: cursor(&received.invitation.id.as_uuid()),
            node: ReceivedInvitation::at(received, now),
        };
        Ok(ReceivedInvitationConnection::new(received.map(edge), total))
    }
}
