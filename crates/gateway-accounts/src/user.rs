//! People.

use async_graphql::{ID, SimpleObject};
use resonance_domain as domain;

/// A person with an account, as others see them: members of an organization see each other, and those who left something
/// in it (a generation, a voice, an invitation) before they left themselves.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct User {
    /// The account's id.
    pub id: ID,
    /// The display name.
    pub name: String,
    /// The primary e-mail address. Null for whoever is no member of the organization (any more). Requires
    /// `org:sys_memberships:read`; null without it.
    pub email: Option<String>,
}

impl From<domain::UserProfile> for User {
    fn from(profile: domain::UserProfile) -> Self {
        Self {
            id: profile.id.type_id().into(),
            name: profile.name,
            email: profile.email,
        }
    }
}

/// The user as they see themselves.
impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        Self {
            id: user.id.type_id().into(),
            name: user.name,
            email: Some(user.email),
        }
    }
}
