//! Making, changing and deleting an organization's own roles.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain::OrganizationId;
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{CreateRole, CustomRole, NewRole, RoleChanges, UpdateRole};

use crate::{Role, organization_mutations::organization_id};

/// A role that is to be made.
#[derive(Debug, InputObject)]
pub(crate) struct CreateRoleInput {
    /// The organization; the active one when nothing is said.
    organization_id: Option<ID>,
    /// The key: `org:` and 1 to 50 lower-case letters, digits and underscores, such as `org:sound_engineer`. It never
    /// changes.
    key: String,
    /// What people call it: 1 to 100 characters.
    name: String,
    /// What it is for: up to 500 characters; empty when nothing is said.
    #[graphql(default)]
    description: String,
    /// What it allows, by the keys that `Organization.permissions` lists.
    permissions: Vec<String>,
}

/// What of a role is to change. What is absent or null stays.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateRoleInput {
    /// The role, one of an organization's own.
    role_id: ID,
    /// What people call it: 1 to 100 characters.
    name: Option<String>,
    /// What it is for: up to 500 characters.
    description: Option<String>,
    /// All that it allows from now on, by the keys that `Organization.permissions` lists.
    permissions: Option<Vec<String>>,
}

/// A role that is to be deleted.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteRoleInput {
    /// The role, one of an organization's own.
    role_id: ID,
}

/// What became of making a role.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateRolePayload {
    /// The new role; null if the input was refused.
    role: Option<Role>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of changing a role.
#[derive(Debug, SimpleObject)]
pub(crate) struct UpdateRolePayload {
    /// The role as it is now; null if the input was refused.
    role: Option<Role>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of deleting a role.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteRolePayload {
    /// The id of the role that is gone; null if the input was refused.
    deleted_role_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Makes a role of the organization's own, up to 50. Requires `org:sys_roles:manage` and every permission of the role
    /// (`ROLE_EXCEEDS_OWN`). The key is unique among the organization's roles, the instance's and the built-in ones
    /// (`TAKEN`).
    async fn create_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: CreateRoleInput,
    ) -> ApiResult<CreateRolePayload> {
        let request = request(context)?;
        let created = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            let role = NewRole {
                key: input.key,
                name: input.name,
                description: input.description,
                permissions: input.permissions,
            };
            request.roles().create(CreateRole { organization, role }).await
        };
        let (role, user_errors) = split(created.await)?;
        Ok(CreateRolePayload {
            role: role.and_then(shown),
            user_errors,
        })
    }

    /// Changes one of the organization's own roles; its holders have the new permissions from their next request on.
    /// Requires `org:sys_roles:manage` and every permission that the role has and gets (`ROLE_EXCEEDS_OWN`).
    async fn update_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role, and what changes.")] input: UpdateRoleInput,
    ) -> ApiResult<UpdateRolePayload> {
        let request = request(context)?;
        let updated = async {
            let id = parse_tenant_id("roleId", &input.role_id)?;
            let changes = RoleChanges {
                name: input.name,
                description: input.description,
                permissions: input.permissions,
            };
            request.roles().update(UpdateRole { id, changes }).await
        };
        let (role, user_errors) = split(updated.await)?;
        Ok(UpdateRolePayload {
            role: role.and_then(shown),
            user_errors,
        })
    }

    /// Deletes one of the organization's own roles, if nobody holds it and no pending invitation names it (`ROLE_IN_USE`,
    /// and the message tells what does). Requires `org:sys_roles:manage` and every permission of the role
    /// (`ROLE_EXCEEDS_OWN`).
    async fn delete_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: DeleteRoleInput,
    ) -> ApiResult<DeleteRolePayload> {
        let request = request(context)?;
        let deleted = async {
            let id = parse_tenant_id("roleId", &input.role_id)?;
            request.roles().delete(id).await
        };
        let (deleted, user_errors) = split(deleted.await)?;
        Ok(DeleteRolePayload {
            deleted_role_id: deleted.map(|_| input.role_id),
            user_errors,
        })
    }
}

/// An organization's own role.
fn shown(role: CustomRole) -> Option<Role> {
    let organization: OrganizationId = role.organization?;
    Some(Role::known(organization, role.into()))
}
