//! Changing roles and permissions of the whole instance.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};
use resonance_services::{self as services, NewRole, Outcome, RegisterPermission, RoleChanges};

use crate::role::{InstanceRole, RegisteredPermission};

/// A new role.
#[derive(Debug, InputObject)]
pub(crate) struct CreateInstanceRoleInput {
    /// The key: `org:` and 1 to 50 lower-case letters, digits and underscores. It never changes.
    key: String,
    /// What people call it: 1 to 100 characters.
    name: String,
    /// What it is for: up to 500 characters.
    #[graphql(default)]
    description: String,
    /// What it permits, by key.
    permissions: Vec<String>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What of a role is to change; what is omitted or null stays.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateInstanceRoleInput {
    /// The role.
    role_id: ID,
    /// What people call it: 1 to 100 characters.
    name: Option<String>,
    /// What it is for: up to 500 characters.
    description: Option<String>,
    /// All that it permits from now on, by key.
    permissions: Option<Vec<String>>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A role that is to go.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteInstanceRoleInput {
    /// The role.
    role_id: ID,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A permission for services.
#[derive(Debug, InputObject)]
pub(crate) struct RegisterPermissionInput {
    /// The key: `org:<feature>:<action>`, not beginning with `org:sys_`, and none of the product's own.
    key: String,
    /// What people call it: 1 to 100 characters.
    name: String,
    /// What it is for: up to 500 characters.
    #[graphql(default)]
    description: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A permission that is to go.
#[derive(Debug, InputObject)]
pub(crate) struct RemovePermissionInput {
    /// The key.
    key: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of a role of the instance.
#[derive(Debug, SimpleObject)]
pub(crate) struct InstanceRolePayload {
    /// The role as it is now, or as it was when it was deleted; null if the input was refused.
    role: Option<InstanceRole>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of a registered permission.
#[derive(Debug, SimpleObject)]
pub(crate) struct RegisteredPermissionPayload {
    /// The permission as it is now, or as it was when it was removed; null if the input was refused.
    permission: Option<RegisteredPermission>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

fn role(outcome: Outcome<services::CustomRole>) -> ApiResult<InstanceRolePayload> {
    let (role, user_errors) = split(outcome)?;
    Ok(InstanceRolePayload {
        role: role.map(Into::into),
        user_errors,
    })
}

fn permission(outcome: Outcome<services::RegisteredPermission>) -> ApiResult<RegisteredPermissionPayload> {
    let (permission, user_errors) = split(outcome)?;
    Ok(RegisteredPermissionPayload {
        permission: permission.map(Into::into),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Makes a role that every organization has.
    async fn create_instance_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: CreateInstanceRoleInput,
    ) -> ApiResult<InstanceRolePayload> {
        let new = NewRole {
            key: input.key,
            name: input.name,
            description: input.description,
            permissions: input.permissions,
        };
        let operators = request(context)?.operators();
        role(operators.create_role(new, &input.reason).await)
    }

    /// Changes a role of the instance; its holders everywhere have the new permissions from their next request on.
    async fn update_instance_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role, and what is to change.")] input: UpdateInstanceRoleInput,
    ) -> ApiResult<InstanceRolePayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let changes = RoleChanges {
            name: input.name,
            description: input.description,
            permissions: input.permissions,
        };
        let updated = async {
            let id = parse_id("roleId", &input.role_id)?;
            operators.update_role(id, changes, &input.reason).await
        };
        role(updated.await)
    }

    /// Deletes a role of the instance that nobody holds and nothing names (`ROLE_IN_USE`).
    async fn delete_instance_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: DeleteInstanceRoleInput,
    ) -> ApiResult<InstanceRolePayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let deleted = async {
            let id = parse_id("roleId", &input.role_id)?;
            operators.delete_role(id, &input.reason).await
        };
        role(deleted.await)
    }

    /// Registers a permission for services, or gives a registered one another name and description.
    async fn register_permission(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The permission.")] input: RegisterPermissionInput,
    ) -> ApiResult<RegisteredPermissionPayload> {
        let new = RegisterPermission {
            key: input.key,
            name: input.name,
            description: input.description,
        };
        let operators = request(context)?.operators();
        permission(operators.register_permission(new, &input.reason).await)
    }

    /// Removes a registered permission, from all roles too.
    async fn remove_permission(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The permission.")] input: RemovePermissionInput,
    ) -> ApiResult<RegisteredPermissionPayload> {
        let operators = request(context)?.operators();
        permission(operators.remove_permission(&input.key, &input.reason).await)
    }
}
