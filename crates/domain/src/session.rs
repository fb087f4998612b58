//! Signed-in sessions.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{OrganizationId, SessionId, UserId};

/// How long a session lives without being used.
pub const SESSION_IDLE_LIFETIME: TimeDelta = TimeDelta::days(30);

/// One signed-in device of a user. The token itself is never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The organization that this session works in unless a request names another.
    pub active_organization: Option<OrganizationId>,
    /// The client's `User-Agent`, cut to 500 characters.
    pub user_agent: Option<String>,
    /// The address that the session was last used from.
    pub ip_address: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within five minutes.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is used before.
    pub expires_at: DateTime<Utc>,
}
