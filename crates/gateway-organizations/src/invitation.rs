//! Invitations, as those who sent them see them.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId, UserId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, Total, connection, cursor, page_request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

use crate::Role;

/// Where an invitation stands. All but `PENDING` are final, but an expired one can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum InvitationState {
    /// Waiting for the invitee.
    Pending,
    /// The invitee joined.
    Accepted,
    /// The invitee said no.
    Declined,
    /// The organization took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

impl From<domain::InvitationState> for InvitationState {
    fn from(state: domain::InvitationState) -> Self {
        match state {
            domain::InvitationState::Pending => Self::Pending,
            domain::InvitationState::Accepted => Self::Accepted,
            domain::InvitationState::Declined => Self::Declined,
            domain::InvitationState::Revoked => Self::Revoked,
            domain::InvitationState::Expired => Self::Expired,
        }
    }
}

impl From<InvitationState> for domain::InvitationState {
    fn from(state: InvitationState) -> Self {
        match state {
            InvitationState::Pending => Self::Pending,
            InvitationState::Accepted => Self::Accepted,
            InvitationState::Declined => Self::Declined,
            InvitationState::Revoked => Self::Revoked,
            InvitationState::Expired => Self::Expired,
        }
    }
}

/// An invitation that the organization sent. Requires `org:sys_memberships:manage`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Invitation {
    /// The invitation's id.
    pub id: ID,
    /// The address that was invited, as it was written.
    pub email: String,
    /// The role that the invitee gets.
    pub role: Role,
    /// Where it stands now.
    pub state: InvitationState,
    /// When it ceases to be acceptable.
    pub expires_at: DateTime<Utc>,
    /// How often a mail was sent for it. Each sending makes the links of earlier mails void.
    pub sendings: u32,
    /// When the last mail was asked for.
    pub last_sent_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was accepted, declined or revoked; null while it was not.
    pub closed_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    invited_by: Option<InOrg<UserId>>,
}

impl Invitation {
    /// The invitation as it stands at `now`.
    #[must_use]
    pub fn at(invitation: domain::Invitation, now: DateTime<Utc>) -> Self {
        let organization = invitation.organization;
        Self {
            id: InOrg::new(organization, invitation.id).global_id().into(),
            state: invitation.state_at(now).into(),
            email: invitation.email,
            role: Role::held(organization, invitation.role),
            expires_at: invitation.expires_at,
            sendings: invitation.sendings,
            last_sent_at: invitation.last_sent_at,
            created_at: invitation.created_at,
            closed_at: invitation.closed_at,
            invited_by: invitation.invited_by.map(|user| InOrg::new(organization, user)),
        }
    }
}

#[ComplexObject]
impl Invitation {
    /// Who sent it; null once that account is gone.
    async fn invited_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let Some(user) = self.invited_by else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        users.load_one(user).await.map_err(ApiError::from)
    }
}

connection! {
    /// Invitations that an organization sent, newest first.
    InvitationConnection;
    /// An invitation's place in the list.
    InvitationEdge of Invitation
}

/// Which invitations, and which page of them.
pub(crate) struct InvitationArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
    pub(crate) states: Vec<InvitationState>,
}

pub(crate) async fn invitations(
    request: &Request,
    organization: OrganizationId,
    arguments: InvitationArguments,
) -> ApiResult<InvitationConnection> {
    let InvitationArguments {
        first,
        after,
        last,
        before,
        states,
    } = arguments;
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let states: Vec<domain::InvitationState> = states.into_iter().map(Into::into).collect();
    let invitations = request.invitations().list(organization, &states, &page).await?;
    let now = request.now();
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, states) = (request.clone(), states.clone());
        async move { request.invitations().count(organization, &states).await }
    });
    let edge = |invitation: domain::Invitation| InvitationEdge {
        cursor: cursor(&invitation.id.as_uuid()),
        node: Invitation::at(invitation, now),
    };
    Ok(InvitationConnection::new(invitations.map(edge), total))
}
