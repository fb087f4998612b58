//! Roles.

use async_graphql::SimpleObject;
use resonance_authz::permissions_of;
use resonance_domain::RoleKey;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct Role {
    /// The key, by which inputs name the role: `org:admin`, `org:member`.
    pub key: String,
    #[graphql(skip)]
    role: RoleKey,
}

#[async_graphql::ComplexObject]
impl Role {
    /// What the role allows everywhere in the organization, such as `org:voices:create`. What it allows only with one's
    /// own things is not among them.
    async fn permissions(&self) -> Vec<&'static str> {
        permissions_of(&self.role)
            .iter()
            .map(resonance_authz::Permission::key)
            .collect()
    }
}

impl From<RoleKey> for Role {
    fn from(role: RoleKey) -> Self {
        Self {
            key: role.as_str().to_owned(),
            role,
        }
    }
}
