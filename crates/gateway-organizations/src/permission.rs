//! Permissions: which there are, and why one is or is not a member's.

use async_graphql::SimpleObject;
use resonance_authz::{Explanation, Extent, Permission};
use resonance_domain::OrganizationId;
use resonance_services::RegisteredPermission;

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

impl PermissionExplanation {
    pub(crate) fn of(organization: OrganizationId, explanation: Explanation) -> Self {
        Self {
            permission: explanation.permission.key().to_owned(),
            allowed: explanation.allowed(),
            own_only: explanation.extent == Some(Extent::Own),
            reason: explanation.sentence(),
            role: Role::held(organization, explanation.role),
        }
    }
}

/// A permission that a role can have.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct CataloguedPermission {
    /// The key, `org:<feature>:<action>`, by which roles name it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What it is for; empty if nothing is said.
    pub description: String,
    /// Whether an operator registered it for a service beside the product, which itself asks nobody for it.
    pub custom: bool,
}

impl From<Permission> for CataloguedPermission {
    fn from(permission: Permission) -> Self {
        let feature = permission.feature().trim_start_matches("sys_").replace('_', " ");
        let (action, rest) = permission.action().split_at(1);
        Self {
            key: permission.key().to_owned(),
            name: format!("{}{rest} {feature}", action.to_uppercase()),
            description: permission.description().to_owned(),
            custom: false,
        }
    }
}

impl From<&RegisteredPermission> for CataloguedPermission {
    fn from(registered: &RegisteredPermission) -> Self {
        Self {
            key: registered.permission.key().to_owned(),
            name: registered.name.clone(),
            description: registered.description.clone(),
            custom: true,
        }
    }
}
