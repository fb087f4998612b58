//! Why a permission is or is not a member's.

use async_graphql::SimpleObject;
use resonance_authz::{Explanation, Extent};

use crate::Role;

/// The answer to "may I, and why?".
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PermissionExplanation {
    /// The permission in question.
    pub permission: String,
    /// Whether the viewer may, at least with their own things.
    pub allowed: bool,
    /// Whether the viewer may only with what they made themselves.
    pub own_only: bool,
    /// The role that decides.
    pub role: Role,
    /// A sentence that says why.
    pub reason: String,
}

impl From<Explanation> for PermissionExplanation {
    fn from(explanation: Explanation) -> Self {
        Self {
            permission: explanation.permission.key().to_owned(),
            allowed: explanation.allowed(),
            own_only: explanation.extent == Some(Extent::Own),
            reason: explanation.sentence(),
            role: explanation.role.into(),
        }
    }
}
