//! Who is asking.

use resonance_domain::{ApiKeyId, OrganizationId, SessionId, UserId};

use crate::{Denied, OwnGrant};

/// A user whose session token was checked for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The session that the request came through.
    pub session: SessionId,
}

/// A program that holds an API key, whose secret was checked for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// Whose key it is; it opens nothing anywhere else.
    pub organization: OrganizationId,
}

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody known.
    Anonymous,
    /// A signed-in user.
    User(SignedIn),
    /// A program with a key of an organization. What takes a person, it cannot do.
    ApiKey(KeyHolder),
}

impl Actor {
    /// The signed-in user.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`].
    pub const fn signed_in(&self) -> Result<SignedIn, Denied> {
        match self {
            Self::User(signed_in) => Ok(*signed_in),
            Self::Anonymous | Self::ApiKey(_) => Err(Denied::Unauthenticated),
        }
    }

    /// That it is known who asks: a user or a key.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`].
    pub const fn known(&self) -> Result<(), Denied> {
        match self {
            Self::Anonymous => Err(Denied::Unauthenticated),
            Self::User(_) | Self::ApiKey(_) => Ok(()),
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
