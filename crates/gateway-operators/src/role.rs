//! Roles and permissions of the whole instance.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_services as services;

/// A custom role that every organization has.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct InstanceRole {
    /// The role's id.
    pub(crate) id: ID,
    /// The key, by which inputs name the role. It never changes.
    pub(crate) key: String,
    /// What people call it.
    pub(crate) name: String,
    /// What it is for; empty if nothing is said.
    pub(crate) description: String,
    /// What it permits, such as `org:voices:create`.
    pub(crate) permissions: Vec<String>,
    /// When it was made.
    pub(crate) created_at: DateTime<Utc>,
    /// When it last changed.
    pub(crate) updated_at: DateTime<Utc>,
}

impl From<services::CustomRole> for InstanceRole {
    fn from(role: services::CustomRole) -> Self {
        Self {
            id: role.id.type_id().into(),
            key: role.key.as_str().to_owned(),
            name: role.name,
            description: role.description,
            permissions: role.permissions.keys().map(str::to_owned).collect(),
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

/// A permission for services that embed the engine or read the instance's JWTs. Custom roles can have it; admins do.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RegisteredPermission {
    /// The key, `org:<feature>:<action>`.
    pub(crate) key: String,
    /// What people call it.
    pub(crate) name: String,
    /// What it is for; empty if nothing is said.
    pub(crate) description: String,
    /// When it was registered.
    pub(crate) created_at: DateTime<Utc>,
}

impl From<services::RegisteredPermission> for RegisteredPermission {
    fn from(registered: services::RegisteredPermission) -> Self {
        Self {
            key: registered.permission.key().to_owned(),
            name: registered.name,
            description: registered.description,
            created_at: registered.created_at,
        }
    }
}
