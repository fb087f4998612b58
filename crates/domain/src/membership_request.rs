//! Requests to join an organization.

use chrono::{DateTime, Utc};

use crate::{DomainId, MembershipRequestId, OrganizationId, RoleKey, UserId};

/// Where a request to join stands. All but `Pending` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MembershipRequestState {
    /// Waiting for the organization.
    Pending,
    /// The requester became a member.
    Accepted,
    /// The organization said no.
    Rejected,
    /// The requester took it back, or gave up the address that it rested on.
    Withdrawn,
}

impl MembershipRequestState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Rejected, Self::Withdrawn];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The request was accepted, rejected or withdrawn before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is no longer pending: it was {}", .0.as_str())]
pub struct RequestClosed(pub MembershipRequestState);

/// A user's wish to join an organization, which one of their addresses suggested to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRequest {
    /// Its identity.
    pub id: MembershipRequestId,
    /// The organization.
    pub organization: OrganizationId,
    /// Who wants to join.
    pub user: UserId,
    /// The verified address by which they may.
    pub email: String,
    /// The domain; `None` once the organization removed it.
    pub domain: Option<DomainId>,
    /// The role that comes with joining: the domain's.
    pub role: RoleKey,
    /// The state.
    pub state: MembershipRequestState,
    /// Which member accepted or rejected it; `None` while nobody did, and once that account is gone.
    pub decided_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ceased to be pending.
    pub closed_at: Option<DateTime<Utc>>,
}

impl MembershipRequest {
    /// Whether it can still be accepted, rejected or withdrawn.
    ///
    /// # Errors
    /// [`RequestClosed`].
    pub fn open(&self) -> Result<(), RequestClosed> {
        match self.state {
            MembershipRequestState::Pending => Ok(()),
            closed => Err(RequestClosed(closed)),
        }
    }
}
