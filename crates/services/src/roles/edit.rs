//! Making, changing and deleting an organization's own roles.

use resonance_authz::{Grant, ManageRoles, Standing};
use resonance_domain::{EventKind, FieldErrors, IdsExt, InOrg, MAX_CUSTOM_ROLES, OrganizationId, RoleId};
use resonance_persistence::{CustomRole, Repositories, UnitOfWork};

use super::{
    NewRole, RoleChanges, Roles,
    input::{changes, gone, made, not_found, taken, too_many},
    not_beyond_own, unused,
};
use crate::{Outcome, ServiceError, changes::Changes, refusals::Attempt};

/// A role that is to be made in an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateRole {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// The role.
    pub role: NewRole,
}

/// A role that is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRole {
    /// Which one.
    pub id: InOrg<RoleId>,
    /// What changes.
    pub changes: RoleChanges,
}

impl Roles<'_> {
    /// Makes a role of the organization's own. Requires `org:sys_roles:manage` and every permission of the role. One
    /// transaction, one change of roles at a time in an organization.
    ///
    /// # Errors
    /// Denials. Refusals: of the fields; `TAKEN` for `key`, which is unique among the organization's roles, the
    /// instance's and the built-in ones; `ROLE_EXCEEDS_OWN` for `permissions`; `ROLE_LIMIT_REACHED`.
    pub async fn create(self, input: CreateRole) -> Outcome<CustomRole> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(input.organization)?;
        let attempt = Attempt::in_organization("createRole", organization);
        request
            .attempt(attempt, async |uow| {
                let (standing, grant) = self.hold(uow, organization).await?;
                let registered = uow.instance_roles().permissions().await?;
                let mut errors = FieldErrors::default();
                let parsed = input.role.parse(&registered, &mut errors);
                errors.finish()?;
                let (Some(key), Some(name), Some(description), Some(permissions)) =
                    (parsed.key, parsed.name, parsed.description, parsed.permissions)
                else {
                    return Err(ServiceError::Refused(Vec::new()));
                };
                not_beyond_own(&permissions, &standing, "permissions")?;
                let now = core.clock.now();
                let role = CustomRole {
                    id: core.ids.next(),
                    organization: Some(organization),
                    key,
                    name: name.into_string(),
                    description: description.into_string(),
                    permissions,
                    created_at: now,
                    updated_at: now,
                };
                if uow.roles().held(&grant, &role.key).await?.is_some() {
                    return Err(taken().into());
                }
                if uow.roles().count(&grant).await? >= MAX_CUSTOM_ROLES as u64 {
                    return Err(too_many().into());
                }
                if !uow.roles().insert(&grant, &role).await? {
                    return Err(taken().into());
                }
                self.record(uow, EventKind::RoleCreated, &grant, &role, made(&role));
                Ok(role)
            })
            .await
    }

    /// Changes name, description or permissions of one of the organization's own roles; its holders have the new
    /// permissions from their next request on. Requires `org:sys_roles:manage`, and every permission that the role has
    /// and gets. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: of the fields; `NOT_FOUND` for `roleId`, also for roles of the instance; `ROLE_EXCEEDS_OWN`
    /// for `roleId` or `permissions`.
    pub async fn update(self, input: UpdateRole) -> Outcome<CustomRole> {
        let request = self.0;
        let core = request.core();
        let id = input.id;
        request.signed_in()?;
        let attempt = Attempt::on("updateRole", id.organization, id.global_id());
        let role = request
            .attempt(attempt, async |uow| {
                let (standing, grant) = self.hold(uow, id.organization).await?;
                let registered = uow.instance_roles().permissions().await?;
                let mut errors = FieldErrors::default();
                let parsed = input.changes.parse(&registered, &mut errors);
                errors.finish()?;
                let before = uow.roles().own(&grant, id.id).await?.ok_or_else(not_found)?;
                not_beyond_own(&before.permissions, &standing, "roleId")?;
                let mut role = parsed.applied_to(&before);
                not_beyond_own(&role.permissions, &standing, "permissions")?;
                if role == before {
                    return Ok(role);
                }
                role.updated_at = core.clock.now();
                uow.roles().store(&grant, &role).await?;
                let changed = changes(&before, &role);
                self.record(uow, EventKind::RoleUpdated, &grant, &role, changed);
                Ok::<_, ServiceError>(role)
            })
            .await?;
        // It may be one's own role.
        request.forget(id.organization);
        Ok(role)
    }

    /// Deletes one of the organization's own roles that nobody holds and nothing names. Requires
    /// `org:sys_roles:manage` and every permission of the role. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND`, `ROLE_EXCEEDS_OWN` and `ROLE_IN_USE` for `roleId`.
    pub async fn delete(self, id: InOrg<RoleId>) -> Outcome<CustomRole> {
        let core = self.0.core();
        let attempt = Attempt::on("deleteRole", id.organization, id.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let (standing, grant) = self.hold(uow, id.organization).await?;
                let role = uow.roles().own(&grant, id.id).await?.ok_or_else(not_found)?;
                not_beyond_own(&role.permissions, &standing, "roleId")?;
                unused(&uow.roles().uses(&grant, &role.key, core.clock.now()).await?)?;
                uow.roles().delete(&grant, id.id).await?;
                self.record(uow, EventKind::RoleDeleted, &grant, &role, gone(&role));
                Ok(role)
            })
            .await
    }

    /// Holds the organization, so that nobody gives, makes or changes a role there meanwhile, and the instance's
    /// catalogue.
    async fn hold(
        self,
        uow: &UnitOfWork,
        organization: OrganizationId,
    ) -> Outcome<(Standing, Grant<ManageRoles>)> {
        let user = self.0.signed_in()?.user;
        let standing = uow.standings().of_locked(user, organization).await?;
        let grant = standing.grant()?;
        uow.roles().hold_catalogue().await?;
        Ok((standing, grant))
    }

    fn record(
        self,
        uow: &UnitOfWork,
        kind: EventKind,
        grant: &Grant<ManageRoles>,
        role: &CustomRole,
        payload: Changes,
    ) {
        let organization = grant.organization();
        let subject = InOrg::new(organization, role.id).global_id();
        uow.record(self.0.event(kind, Some(organization), subject, payload));
    }
}
