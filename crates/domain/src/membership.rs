//! Users in organizations.

use chrono::{DateTime, Utc};

use crate::{MembershipId, OrganizationId, RoleKey, UserId};

/// A user in an organization, with exactly one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its identity.
    pub id: MembershipId,
    /// The organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// The role.
    pub role: RoleKey,
    /// When the user joined.
    pub created_at: DateTime<Utc>,
    /// When the role last changed.
    pub updated_at: DateTime<Utc>,
}

/// By what a list of members is ordered; ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MembershipOrder {
    /// By the time of joining.
    #[default]
    JoinedAt,
    /// By the member's name.
    Name,
    /// By the member's primary e-mail address.
    Email,
}

/// The organization would be left without an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an organization needs at least one admin")]
pub struct LastAdmin;

/// Whether one admin may go (leave, be removed, be demoted) while `admins` hold the role, that one included.
///
/// # Errors
/// [`LastAdmin`].
pub fn admin_may_go(admins: u64) -> Result<(), LastAdmin> {
    if admins > 1 { Ok(()) } else { Err(LastAdmin) }
}

/// Members and pending invitations fill the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the organization has reached its limit of {limit} members and pending invitations")]
pub struct SeatRefusal {
    /// The limit in force.
    pub limit: u32,
}

/// Whether `more` seats are free in an organization with `limit` (0 = unlimited) and `taken` seats.
///
/// A pending invitation holds the seat that its acceptance takes, so accepting asks with the invitation's own
/// seat already subtracted from `taken`.
///
/// # Errors
/// [`SeatRefusal`].
pub fn seat_is_free(limit: u32, taken: u64, more: u64) -> Result<(), SeatRefusal> {
    if limit == 0 || taken.saturating_add(more) <= u64::from(limit) {
        Ok(())
    } else {
        Err(SeatRefusal { limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_admin_may_not_go() {
        assert!(admin_may_go(1).is_err());
        assert!(admin_may_go(2).is_ok());
    }

    #[test]
    fn the_last_seat_goes_once_and_zero_means_no_limit() {
        assert!(seat_is_free(5, 4, 1).is_ok());
        assert!(seat_is_free(5, 5, 1).is_err());
        assert!(seat_is_free(5, 3, 3).is_err());
        assert!(seat_is_free(0, u64::MAX, 1).is_ok());
    }
}
