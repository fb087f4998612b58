//! Invitations into an organization.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{ErrorCode, FieldError, InvitationId, OrganizationId, RoleKey, UserId};

/// How many addresses one bulk invitation may name.
pub const MAX_INVITATIONS_AT_ONCE: usize = 50;
/// How many invitations (resending included) an organization may send in an hour.
pub const MAX_INVITATIONS_PER_HOUR: u32 = 250;

const DEFAULT_DAYS: i64 = 30;
const MAX_DAYS: i64 = 365;

/// How long an invitation stays open: 1 to 365 days, 30 when nothing is said.
///
/// # Errors
/// `INVALID`.
pub fn invitation_lifetime(days: Option<i64>) -> Result<TimeDelta, FieldError> {
    match days.unwrap_or(DEFAULT_DAYS) {
        days @ 1..=MAX_DAYS => Ok(TimeDelta::days(days)),
        _ => Err(FieldError::new(
            ErrorCode::Invalid,
            format_args!("must be from 1 to {MAX_DAYS} days"),
        )),
    }
}

/// Where an invitation stands. All but `Pending` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl InvitationState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Accepted,
        Self::Declined,
        Self::Revoked,
        Self::Expired,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why an invitation cannot be answered, resent or revoked any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationRefusal {
    /// Its time is over.
    #[error("the invitation has expired")]
    Expired,
    /// It was accepted, declined or revoked before.
    #[error("the invitation is no longer pending")]
    Closed(InvitationState),
}

/// An invitation of one e-mail address into an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its identity.
    pub id: InvitationId,
    /// The organization.
    pub organization: OrganizationId,
    /// The address, as the inviter wrote it.
    pub email: String,
    /// The role that the invitee gets.
    pub role: RoleKey,
    /// The stored state; see [`Invitation::state_at`] for the state that counts.
    pub stored_state: InvitationState,
    /// When it ceases to be acceptable.
    pub expires_at: DateTime<Utc>,
    /// Who sent it; `None` once that account is gone.
    pub invited_by: Option<UserId>,
    /// How often a mail was sent for it, resending included. Each sending makes the earlier links void.
    pub sendings: u32,
    /// When the last mail was asked for.
    pub last_sent_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was accepted, declined or revoked.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Invitation {
    /// The state at `now`: a pending invitation expires by the passing of time alone.
    #[must_use]
    pub fn state_at(&self, now: DateTime<Utc>) -> InvitationState {
        if self.stored_state == InvitationState::Pending && self.expires_at <= now {
            InvitationState::Expired
        } else {
            self.stored_state
        }
    }

    /// Whether it can still be accepted, declined or revoked at `now`.
    ///
    /// # Errors
    /// [`InvitationRefusal`].
    pub fn open_at(&self, now: DateTime<Utc>) -> Result<(), InvitationRefusal> {
        match self.state_at(now) {
            InvitationState::Pending => Ok(()),
            InvitationState::Expired => Err(InvitationRefusal::Expired),
            closed => Err(InvitationRefusal::Closed(closed)),
        }
    }

    /// Whether it can be sent again at `now`: an expired one can, as that is what resending is for.
    ///
    /// # Errors
    /// [`InvitationRefusal::Closed`].
    pub fn resendable_at(&self, now: DateTime<Utc>) -> Result<(), InvitationRefusal> {
        match self.state_at(now) {
            InvitationState::Pending | InvitationState::Expired => Ok(()),
            closed => Err(InvitationRefusal::Closed(closed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Id;

    fn invitation(state: InvitationState, expires_at: i64) -> Invitation {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        Invitation {
            id: Id::from_uuid(Uuid::nil()),
            organization: Id::from_uuid(Uuid::nil()),
            email: "ada@example.org".into(),
            role: RoleKey::MEMBER,
            stored_state: state,
            expires_at: time(expires_at),
            invited_by: None,
            sendings: 1,
            last_sent_at: time(0),
            created_at: time(0),
            closed_at: None,
        }
    }

    #[test]
    fn a_pending_invitation_expires_at_the_very_moment() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let invitation = invitation(InvitationState::Pending, 100);
        assert_eq!(invitation.open_at(at(99)), Ok(()));
        assert_eq!(invitation.open_at(at(100)), Err(InvitationRefusal::Expired));
        assert_eq!(invitation.resendable_at(at(100)), Ok(()));
    }

    #[test]
    fn final_states_stay_final_whatever_the_time() {
        for state in [
            InvitationState::Accepted,
            InvitationState::Declined,
            InvitationState::Revoked,
        ] {
            for now in [0, 200] {
                let now = DateTime::from_timestamp(now, 0).unwrap();
                assert_eq!(
                    invitation(state, 100).open_at(now),
                    Err(InvitationRefusal::Closed(state))
                );
                assert_eq!(
                    invitation(state, 100).resendable_at(now),
                    Err(InvitationRefusal::Closed(state))
                );
            }
        }
    }

    #[test]
    fn lifetimes_are_one_day_to_a_year() {
        assert_eq!(invitation_lifetime(None), Ok(TimeDelta::days(30)));
        for days in [0, -1, 366, i64::MAX] {
            assert!(invitation_lifetime(Some(days)).is_err());
        }
    }
}
