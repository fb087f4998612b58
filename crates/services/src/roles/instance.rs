//! Roles and permissions of the whole instance. Operators' use cases.

use std::collections::BTreeSet;

use resonance_authz::{CustomPermission, OperatorGrant, Permission};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, MAX_CUSTOM_ROLES, RoleDescription, RoleId,
    RoleName,
};
use resonance_persistence::{CustomRole, RegisteredPermission, Repositories, UnitOfWork};

use super::{
    NewRole, RoleChanges,
    input::{changes, gone, made, not_found, taken, too_many},
    unused,
};
use crate::{Outcome, Request, ServiceError, changes::Changes};

/// The most kinds of action (`read`, `create`, …) that all permissions which JWTs state may have together: decoders in
/// JavaScript read them as the bits of a number.
const MAX_ACTIONS: usize = 53;

/// The most permissions that an instance registers: an admin's JWT states all of them.
const MAX_PERMISSIONS: usize = 200;

/// A permission for a service that embeds the engine or reads the instance's JWTs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterPermission {
    /// The key: `org:<feature>:<action>`, not beginning with `org:sys_`, and none of the product's own.
    pub key: String,
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What it is for: up to 500 characters.
    pub description: String,
}

/// The use cases of roles and permissions of the whole instance. Each takes the proof that an operator acts.
#[derive(Debug, Clone, Copy)]
pub struct InstanceRoles<'a>(pub(super) &'a Request);

impl InstanceRoles<'_> {
    /// All roles of the instance, oldest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(self, operator: &OperatorGrant) -> Outcome<Vec<CustomRole>> {
        Ok(self.0.core().database.instance_roles().all(operator).await?)
    }

    /// All registered permissions, by key. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn permissions(self, _operator: &OperatorGrant) -> Outcome<Vec<RegisteredPermission>> {
        Ok(self.0.core().database.instance_roles().permissions().await?)
    }

    /// Makes a role that every organization has. One transaction, one change of the catalogue at a time.
    ///
    /// # Errors
    /// Refusals: of the fields; `TAKEN` for `key`, also when some organization has a role with this key;
    /// `ROLE_LIMIT_REACHED`.
    pub async fn create(self, operator: &OperatorGrant, new: NewRole) -> Outcome<CustomRole> {
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                uow.instance_roles().lock(operator).await?;
                let registered = uow.instance_roles().permissions().await?;
                let mut errors = FieldErrors::default();
                let parsed = new.parse(&registered, &mut errors);
                errors.finish()?;
                let (Some(key), Some(name), Some(description), Some(permissions)) =
                    (parsed.key, parsed.name, parsed.description, parsed.permissions)
                else {
                    return Err(ServiceError::Refused(Vec::new()));
                };
                let now = core.clock.now();
                let role = CustomRole {
                    id: core.ids.next(),
                    organization: None,
                    key,
                    name: name.into_string(),
                    description: description.into_string(),
                    permissions,
                    created_at: now,
                    updated_at: now,
                };
                if uow.instance_roles().is_taken(operator, &role.key).await? {
                    return Err(taken().into());
                }
                if uow.instance_roles().all(operator).await?.len() >= MAX_CUSTOM_ROLES {
                    return Err(too_many().into());
                }
                uow.instance_roles().insert(operator, &role).await?;
                self.record(
                    uow,
                    operator,
                    EventKind::RoleCreated,
                    role.id.type_id(),
                    made(&role),
                );
                Ok(role)
            })
            .await
    }

    /// Changes name, description or permissions of a role of the instance; its holders everywhere have the new
    /// permissions from their next request on. One transaction.
    ///
    /// # Errors
    /// Refusals: of the fields; `NOT_FOUND` for `roleId`.
    pub async fn update(
        self,
        operator: &OperatorGrant,
        id: RoleId,
        input: RoleChanges,
    ) -> Outcome<CustomRole> {
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                uow.instance_roles().lock(operator).await?;
                let registered = uow.instance_roles().permissions().await?;
                let mut errors = FieldErrors::default();
                let parsed = input.parse(&registered, &mut errors);
                errors.finish()?;
                let before = uow.instance_roles().get(operator, id).await?;
                let before = before.ok_or_else(not_found)?;
                let mut role = parsed.applied_to(&before);
                if role == before {
                    return Ok(role);
                }
                role.updated_at = core.clock.now();
                uow.instance_roles().store(operator, &role).await?;
                let changed = changes(&before, &role);
                self.record(uow, operator, EventKind::RoleUpdated, id.type_id(), changed);
                Ok(role)
            })
            .await
    }

    /// Deletes a role of the instance that nobody holds and nothing names in any organization. One transaction.
    ///
    /// # Errors
    /// Refusals: `NOT_FOUND` and `ROLE_IN_USE` for `roleId`.
    pub async fn delete(self, operator: &OperatorGrant, id: RoleId) -> Outcome<CustomRole> {
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                uow.instance_roles().lock(operator).await?;
                let role = uow.instance_roles().get(operator, id).await?;
                let role = role.ok_or_else(not_found)?;
                let now = core.clock.now();
                unused(&uow.instance_roles().uses(operator, &role.key, now).await?)?;
                if core.instance_settings(uow).await?.domain_default_role == role.key {
                    let message = "the instance gives this role to those who join through a domain";
                    return Err(FieldError::new(ErrorCode::RoleInUse, message).at("roleId").into());
                }
                uow.instance_roles().delete(operator, id).await?;
                self.record(uow, operator, EventKind::RoleDeleted, id.type_id(), gone(&role));
                Ok(role)
            })
            .await
    }

    /// Registers a permission, or gives a registered one another name and description. One transaction.
    ///
    /// # Errors
    /// Refusals: of the fields; `INVALID` for `key` also when there would be more than 200 permissions, or more kinds
    /// of action than a JWT can state.
    pub async fn register_permission(
        self,
        operator: &OperatorGrant,
        input: RegisterPermission,
    ) -> Outcome<RegisteredPermission> {
        let core = self.0.core();
        let mut errors = FieldErrors::default();
        let key = errors.take("key", CustomPermission::parse(&input.key));
        let name = errors.take("name", RoleName::parse(&input.name));
        let description = errors.take("description", RoleDescription::parse(&input.description));
        let (Some(permission), Some(name), Some(description)) = (key, name, description) else {
            return Err(errors.into());
        };
        core.database
            .atomically(async |uow| {
                uow.instance_roles().lock(operator).await?;
                let known = uow.instance_roles().permissions().await?;
                let before = known.iter().find(|known| known.permission == permission);
                if before.is_none() {
                    there_is_room(&known, &permission)?;
                }
                let registered = RegisteredPermission {
                    permission,
                    name: name.into_string(),
                    description: description.into_string(),
                    created_at: before.map_or_else(|| core.clock.now(), |before| before.created_at),
                };
                uow.instance_roles().register(operator, &registered).await?;
                let name = before.map(|before| before.name.as_str());
                let description = before.map(|before| before.description.as_str());
                let payload = Changes::default()
                    .field("name", name, registered.name.as_str())
                    .field("description", description, registered.description.as_str());
                let key = registered.permission.key().to_owned();
                self.record(uow, operator, EventKind::PermissionRegistered, key, payload);
                Ok(registered)
            })
            .await
    }

    /// Removes a registered permission, from all roles too: whoever had it by a role has it no more from their next
    /// request on. One transaction.
    ///
    /// # Errors
    /// Refusals: `NOT_FOUND` for `key`.
    pub async fn remove_permission(
        self,
        operator: &OperatorGrant,
        key: &str,
    ) -> Outcome<RegisteredPermission> {
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                uow.instance_roles().lock(operator).await?;
                let known = uow.instance_roles().permissions().await?;
                let found = known.into_iter().find(|known| known.permission.key() == key);
                let removed = found.ok_or_else(|| {
                    FieldError::new(ErrorCode::NotFound, "there is no such registered permission").at("key")
                })?;
                let roles = uow.instance_roles();
                let roles = roles
                    .remove(operator, &removed.permission, core.clock.now())
                    .await?;
                let payload = Changes::default()
                    .gone("name", removed.name.as_str())
                    .gone("description", removed.description.as_str())
                    .with("rolesThatHadIt", serde_json::json!(roles));
                self.record(
                    uow,
                    operator,
                    EventKind::PermissionRemoved,
                    key.to_owned(),
                    payload,
                );
                Ok(removed)
            })
            .await
    }

    fn record(
        self,
        uow: &UnitOfWork,
        operator: &OperatorGrant,
        kind: EventKind,
        subject: String,
        payload: Changes,
    ) {
        let payload = payload.with("reason", operator.reason());
        let event = self
            .0
            .event_of_operator(operator.user(), kind, None, subject, payload);
        uow.record(event);
    }
}

/// Whether another permission fits into the catalogue and into a JWT.
fn there_is_room(known: &[RegisteredPermission], new: &CustomPermission) -> Result<(), FieldError> {
    if known.len() >= MAX_PERMISSIONS {
        let message = format!("there are {MAX_PERMISSIONS} registered permissions already");
        return Err(FieldError::new(ErrorCode::Invalid, message).at("key"));
    }
    let product = Permission::ALL
        .iter()
        .filter(|permission| !permission.is_system());
    let mut actions: BTreeSet<&str> = product.map(|permission| permission.action()).collect();
    actions.extend(known.iter().map(|known| known.permission.action()));
    actions.insert(new.action());
    if actions.len() > MAX_ACTIONS {
        let message = format!(
            "there would be more than {MAX_ACTIONS} kinds of action, which is more than a JWT can state; use one that \
             another permission has"
        );
        return Err(FieldError::new(ErrorCode::Invalid, message).at("key"));
    }
    Ok(())
}
