//! Roles.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, ID, Object,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};
use resonance_domain::{InOrg, OrganizationId, RoleKey};
use resonance_gateway_kit::{ApiError, ApiResult, request};
use resonance_services::{self as services, CustomRole, Request, ServiceError};

/// Whose a role is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RoleScope {
    /// It comes with the product.
    BuiltIn,
    /// The instance's: every organization has it, and operators change it.
    Instance,
    /// One organization's own.
    Organization,
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    organization: OrganizationId,
    key: RoleKey,
    /// What is already known of it; the rest is looked up.
    known: Option<services::Role>,
}

impl Role {
    /// The role that is held in an organization under this key.
    #[must_use]
    pub const fn held(organization: OrganizationId, key: RoleKey) -> Self {
        Self {
            organization,
            key,
            known: None,
        }
    }

    /// A role that was read already.
    #[must_use]
    pub fn known(organization: OrganizationId, role: services::Role) -> Self {
        Self {
            organization,
            key: role.key.clone(),
            known: Some(role),
        }
    }

    async fn look_up(&self, context: &Context<'_>) -> ApiResult<services::Role> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        if self.key.is_built_in() {
            return Ok(services::Role::built_in(self.key.clone()));
        }
        let roles = context.data_unchecked::<DataLoader<RoleLoader>>();
        let found = roles.load_one((self.organization, self.key.clone())).await;
        let found = found.map_err(ApiError::from)?.map(services::Role::from);
        // One that was deleted since permits nothing.
        Ok(found.unwrap_or_else(|| services::Role::built_in(self.key.clone())))
    }

    async fn custom(&self, context: &Context<'_>) -> ApiResult<Option<CustomRole>> {
        Ok(self.look_up(context).await?.custom)
    }
}

/// A named set of permissions.
#[Object]
impl Role {
    /// The role's id, for `updateRole` and `deleteRole`; null for a built-in role.
    async fn id(&self, context: &Context<'_>) -> ApiResult<Option<ID>> {
        let role = self.custom(context).await?;
        Ok(role.map(|role| match role.organization {
            Some(organization) => InOrg::new(organization, role.id).global_id().into(),
            None => role.id.type_id().into(),
        }))
    }

    /// The key, by which inputs name the role: `org:admin`, `org:member`, or that of a custom role. It never changes.
    async fn key(&self) -> &str {
        self.key.as_str()
    }

    /// What people call it.
    async fn name(&self, context: &Context<'_>) -> ApiResult<String> {
        if self.key == RoleKey::ADMIN {
            return Ok("Admin".to_owned());
        }
        if self.key == RoleKey::MEMBER {
            return Ok("Member".to_owned());
        }
        let role = self.custom(context).await?;
        Ok(role.map_or_else(|| self.key.as_str().to_owned(), |role| role.name))
    }

    /// What it is for; empty if nothing is said.
    async fn description(&self, context: &Context<'_>) -> ApiResult<String> {
        if self.key == RoleKey::ADMIN {
            return Ok("Manages the organization.".to_owned());
        }
        if self.key == RoleKey::MEMBER {
            return Ok("Works in the organization.".to_owned());
        }
        let role = self.custom(context).await?;
        Ok(role.map(|role| role.description).unwrap_or_default())
    }

    /// What the role allows everywhere in the organization, such as `org:voices:create`; the product's permissions first,
    /// then those that operators registered. What it allows only with one's own things is not among them.
    async fn permissions(&self, context: &Context<'_>) -> ApiResult<Vec<String>> {
        let role = self.look_up(context).await?;
        Ok(request(context)?.roles().keys_of(&role).await?)
    }

    /// Whose role it is.
    async fn scope(&self, context: &Context<'_>) -> ApiResult<RoleScope> {
        if self.key.is_built_in() {
            return Ok(RoleScope::BuiltIn);
        }
        let role = self.custom(context).await?;
        Ok(match role {
            Some(role) if role.organization.is_none() => RoleScope::Instance,
            _ => RoleScope::Organization,
        })
    }

    /// When the role was made; null for a built-in role.
    async fn created_at(&self, context: &Context<'_>) -> ApiResult<Option<DateTime<Utc>>> {
        Ok(self.custom(context).await?.map(|role| role.created_at))
    }

    /// When the role last changed; null for a built-in role.
    async fn updated_at(&self, context: &Context<'_>) -> ApiResult<Option<DateTime<Utc>>> {
        Ok(self.custom(context).await?.map(|role| role.updated_at))
    }
}

/// Loads custom roles for one request, by organization and key. Those of organizations that the viewer is no member of
/// are absent.
#[derive(Debug, Clone)]
pub struct RoleLoader(Request);

impl RoleLoader {
    /// The loader of one request. One statement for all that are asked for at once.
    #[must_use]
    pub fn of(request: Request) -> DataLoader<Self> {
        DataLoader::new(Self(request), tokio::spawn)
    }
}

impl Loader<(OrganizationId, RoleKey)> for RoleLoader {
    type Value = CustomRole;
    type Error = Arc<ServiceError>;

    async fn load(
        &self,
        keys: &[(OrganizationId, RoleKey)],
    ) -> Result<HashMap<(OrganizationId, RoleKey), CustomRole>, Self::Error> {
        let found = self.0.roles().named(keys).await.map_err(Arc::new)?;
        let by_key =
            |(organization, role): (OrganizationId, CustomRole)| ((organization, role.key.clone()), role);
        Ok(found.into_iter().map(by_key).collect())
    }
}
