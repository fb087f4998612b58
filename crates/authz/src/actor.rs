//! Who is asking.

use resonance_domain::{SessionId, UserId};

use crate::{Denied, OwnGrant};

/// A user whose session token was checked for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The session that the request came through.
    pub session: SessionId,
}

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody known.
    Anonymous,
    /// A signed-in user.
    User(SignedIn),
}

impl Actor {
    /// The signed-in user.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`].
    pub const fn signed_in(&self) -> Result<SignedIn, Denied> {
        match self {
            Self::User(signed_in) => Ok(*signed_in),
            Self::Anonymous => Err(Denied::Unauthenticated),
        }
    }

    /// Authority over the user's own rows.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`].
    pub fn own(&self) -> Result<OwnGrant, Denied> {
        self.signed_in().map(|signed_in| OwnGrant::new(signed_in.user))
    }
}
