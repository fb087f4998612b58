//! Roles: the built-in ones, the instance's, and an organization's own.

mod edit;
mod input;
mod instance;

use resonance_authz::{
    Grant, Implies, ManageMemberships, ReadOrganization, RolePermissions, Standing, permissions_of,
    role_exceeds,
};
use resonance_domain::{ErrorCode, FieldError, OrganizationId, RoleKey};
use resonance_persistence::{CustomRole, RegisteredPermission, Repositories, RoleUse, UnitOfWork};

pub use edit::{CreateRole, UpdateRole};
pub use input::{NewRole, RoleChanges};
pub use instance::{InstanceRoles, RegisterPermission};

use crate::{Outcome, Request};

/// A role of whichever kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The key.
    pub key: RoleKey,
    /// What it permits.
    pub permissions: RolePermissions,
    /// What is on record of it; `None` for a built-in role.
    pub custom: Option<CustomRole>,
}

impl Role {
    /// A built-in role. What has the key of none permits nothing, as a role that is on record no more.
    #[must_use]
    pub fn built_in(key: RoleKey) -> Self {
        Self {
            permissions: permissions_of(&key, None),
            key,
            custom: None,
        }
    }
}

impl From<CustomRole> for Role {
    fn from(role: CustomRole) -> Self {
        Self {
            key: role.key.clone(),
            permissions: role.permissions.clone(),
            custom: Some(role),
        }
    }
}

/// The use cases of roles.
#[derive(Debug, Clone, Copy)]
pub struct Roles<'a>(pub(crate) &'a Request);

impl Request {
    /// The use cases of roles.
    #[must_use]
    pub fn roles(&self) -> Roles<'_> {
        Roles(self)
    }

    /// The use cases of roles and permissions of the whole instance, for operators.
    #[must_use]
    pub fn instance_roles(&self) -> InstanceRoles<'_> {
        InstanceRoles(self)
    }
}

impl<'a> Roles<'a> {
    /// All roles that can be held in the organization: the built-in ones, the instance's, its own. Any member. One
    /// statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(self, organization: OrganizationId) -> Outcome<Vec<Role>> {
        let grant = self.0.grant::<ReadOrganization>(organization).await?;
        let custom = self.0.core().database.roles().all(&grant).await?;
        let built_in = RoleKey::BUILT_IN.into_iter().map(Role::built_in);
        Ok(built_in.chain(custom.into_iter().map(Role::from)).collect())
    }

    /// Those of them that the user may give to others. Requires `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn assignable(self, organization: OrganizationId) -> Outcome<Vec<Role>> {
        let standing = self.0.standing(organization).await?;
        let _ = standing.grant::<ManageMemberships>()?;
        let mut roles = self.list(organization).await?;
        roles.retain(|role| role_exceeds(&role.permissions, standing.role_permissions()).is_empty());
        Ok(roles)
    }

    /// Roles by organization and key, in no order; those that are not on record or not the user's to see are absent.
    /// Any member. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn named(
        self,
        wanted: &[(OrganizationId, RoleKey)],
    ) -> Outcome<Vec<(OrganizationId, CustomRole)>> {
        let mut granted = Vec::with_capacity(wanted.len());
        for (organization, key) in wanted {
            match self.0.grant::<ReadOrganization>(*organization).await {
                Ok(grant) => granted.push((grant, key.clone())),
                Err(crate::ServiceError::Denied(resonance_authz::Denied::NotVisible)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.0.core().database.roles().in_organizations(&granted).await?)
    }

    /// The permissions that operators registered for services of their own, by key. Any member. At most one statement
    /// in a request.
    ///
    /// # Errors
    /// Denials.
    pub async fn registered_permissions(
        self,
        organization: OrganizationId,
    ) -> Outcome<&'a [RegisteredPermission]> {
        self.0.standing(organization).await?;
        self.0.registered_permissions().await
    }

    /// The keys of all that a role permits, the product's permissions first. At most one statement in a request, and that
    /// only for a role that has all registered permissions.
    ///
    /// # Errors
    /// The database's.
    pub async fn keys_of(self, role: &Role) -> Outcome<Vec<String>> {
        self.0.keys(&role.permissions).await
    }

    /// The keys of all that the user may with everything in the organization, the product's permissions first. Any
    /// member. At most one statement in a request, and that only for whoever has all registered permissions.
    ///
    /// # Errors
    /// Denials.
    pub async fn own_permissions(self, organization: OrganizationId) -> Outcome<Vec<String>> {
        let standing = self.0.standing(organization).await?;
        self.0.keys(standing.role_permissions()).await
    }
}

impl Request {
    /// The keys of `permissions`, the product's first.
    pub(crate) async fn keys(&self, permissions: &RolePermissions) -> Outcome<Vec<String>> {
        let registered = if permissions.custom.is_all() {
            self.registered_permissions().await?
        } else {
            &[]
        };
        let all = registered.iter().map(|known| known.permission.key());
        let all = all.filter(|key| permissions.custom.contains(key));
        Ok(permissions.keys().chain(all).map(str::to_owned).collect())
    }
}

/// A role that can be given to somebody: that of the instance is not deleted until the unit of work ends, nor is that
/// of the organization, whose row the caller holds.
pub(crate) async fn existing_role(
    uow: &UnitOfWork,
    grant: &Grant<impl Implies<ReadOrganization>>,
    text: &str,
) -> Outcome<Result<Role, FieldError>> {
    let unknown = || {
        let message = "must be the key of a role of the organization, such as org:member";
        FieldError::new(ErrorCode::Invalid, message).at("role")
    };
    let Ok(key) = RoleKey::parse(text) else {
        return Ok(Err(unknown()));
    };
    if key.is_built_in() {
        return Ok(Ok(Role::built_in(key)));
    }
    let found = uow.roles().held(grant, &key).await?;
    Ok(found.map(Role::from).ok_or_else(unknown))
}

/// Nobody gives, makes, changes or deletes a role with a permission that they lack.
pub(crate) fn not_beyond_own(role: &RolePermissions, own: &Standing, field: &str) -> Result<(), FieldError> {
    let beyond = role_exceeds(role, own.role_permissions());
    if beyond.is_empty() {
        return Ok(());
    }
    let mut lacking: Vec<&str> = beyond.keys().collect();
    if beyond.custom.is_all() {
        lacking.push("every registered permission");
    }
    let message = format!("your own role lacks: {}", lacking.join(", "));
    Err(FieldError::new(ErrorCode::RoleExceedsOwn, message).at(field))
}

/// A role that is held or named is not deleted.
fn unused(uses: &[RoleUse]) -> Result<(), FieldError> {
    if uses.is_empty() {
        return Ok(());
    }
    let counted = uses.iter().map(|RoleUse { what, count }| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    });
    let counted = counted.collect::<Vec<_>>().join(" and ");
    let message = format!("the role is in use by {counted}; give them another role first");
    Err(FieldError::new(ErrorCode::RoleInUse, message).at("roleId"))
}
