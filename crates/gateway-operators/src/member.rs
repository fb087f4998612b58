//! Members and invitations of organizations, as operators see them.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg};
use resonance_gateway_kit::connection;

/// A user's membership in an organization, with exactly one role.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Member {
    /// The membership's id, for `changeMemberRole` and `removeMember`.
    pub(crate) id: ID,
    /// The user's id.
    pub(crate) user_id: ID,
    /// The user's display name.
    pub(crate) name: String,
    /// The user's primary e-mail address.
    pub(crate) email: String,
    /// The role's key, such as `org:admin`.
    pub(crate) role: String,
    /// When the user joined.
    pub(crate) joined_at: DateTime<Utc>,
}

impl From<resonance_services::Member> for Member {
    fn from(member: resonance_services::Member) -> Self {
        let membership = member.membership;
        Self {
            id: InOrg::new(membership.organization, membership.id)
                .global_id()
                .into(),
            user_id: membership.user.type_id().into(),
            name: member.name,
            email: member.email,
            role: membership.role.as_str().to_owned(),
            joined_at: membership.created_at,
        }
    }
}

connection! {
    /// Members of an organization.
    MemberConnection;
    /// A member's place in the list.
    MemberEdge of Member
}

/// Where an invitation stands. All but `PENDING` are final, but an expired one can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::InvitationState")]
pub(crate) enum InvitationState {
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

/// An invitation that an organization sent.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Invitation {
    /// The invitation's id.
    pub(crate) id: ID,
    /// The address that was invited, as it was written.
    pub(crate) email: String,
    /// The key of the role that the invitee gets.
    pub(crate) role: String,
    /// Where it stands now.
    pub(crate) state: InvitationState,
    /// When it ceases to be acceptable.
    pub(crate) expires_at: DateTime<Utc>,
    /// When it was made.
    pub(crate) created_at: DateTime<Utc>,
    /// The id of who sent it; null once that account is gone.
    pub(crate) invited_by_id: Option<ID>,
}

impl Invitation {
    pub(crate) fn at(invitation: domain::Invitation, now: DateTime<Utc>) -> Self {
        Self {
            id: InOrg::new(invitation.organization, invitation.id)
                .global_id()
                .into(),
            state: invitation.state_at(now).into(),
            email: invitation.email,
            role: invitation.role.as_str().to_owned(),
            expires_at: invitation.expires_at,
            created_at: invitation.created_at,
            invited_by_id: invitation.invited_by.map(|user| user.type_id().into()),
        }
    }
}

connection! {
    /// Invitations that an organization sent, newest first.
    InvitationConnection;
    /// An invitation's place in the list.
    InvitationEdge of Invitation
}
