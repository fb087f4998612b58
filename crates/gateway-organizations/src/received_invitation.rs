//! Invitations, as those whom they invite see them.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::InOrg;
use resonance_gateway_kit::{ApiResult, connection, request};
use resonance_services as services;

use crate::{InvitationState, Role};

/// An invitation that one received: what may be known of an organization before joining it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct ReceivedInvitation {
    /// The invitation's id.
    pub id: ID,
    /// The address that was invited. Accepting needs this address to be verified as one's own.
    pub email: String,
    /// The organization's id; the organization itself opens only to members.
    pub organization_id: ID,
    /// The organization's name.
    pub organization_name: String,
    /// The inviter's name; null once that account is gone.
    pub inviter_name: Option<String>,
    /// The role that comes with joining.
    pub role: Role,
    /// Where it stands now.
    pub state: InvitationState,
    /// When it ceases to be acceptable.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    #[graphql(skip)]
    received: services::ReceivedInvitation,
}

impl ReceivedInvitation {
    /// The invitation as it stands at `now`.
    #[must_use]
    pub fn at(received: services::ReceivedInvitation, now: DateTime<Utc>) -> Self {
        let invitation = received.invitation.clone();
        let built_in = || services::Role::built_in(invitation.role.clone());
        let role = received.role.clone().map_or_else(built_in, services::Role::from);
        Self {
            id: InOrg::new(invitation.organization, invitation.id)
                .global_id()
                .into(),
            state: invitation.state_at(now).into(),
            email: invitation.email,
            organization_id: invitation.organization.type_id().into(),
            organization_name: received.organization_name.clone(),
            inviter_name: received.inviter_name.clone(),
            role: Role::known(invitation.organization, role),
            expires_at: invitation.expires_at,
            created_at: invitation.created_at,
            received,
        }
    }
}

#[ComplexObject]
impl ReceivedInvitation {
    /// Where the organization's logo, or else an avatar of its initials, can be fetched for about a day without signing
    /// in.
    async fn organization_logo_url(&self, context: &Context<'_>) -> ApiResult<String> {
        Ok(request(context)?.invitations().logo_url(&self.received))
    }
}

connection! {
    /// Open invitations to the viewer's verified addresses, newest first.
    ReceivedInvitationConnection;
    /// An invitation's place in the list.
    ReceivedInvitationEdge of ReceivedInvitation
}
