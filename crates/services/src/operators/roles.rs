//! Roles and permissions of the whole instance.

use resonance_authz::OperatorGrant;
use resonance_domain::RoleId;
use resonance_persistence::{CustomRole, RegisteredPermission};

use super::{Operators, only_reason};
use crate::{NewRole, Outcome, RegisterPermission, RoleChanges};

impl Operators<'_> {
    /// All roles of the instance, oldest first.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn roles(self) -> Outcome<Vec<CustomRole>> {
        let operator = self.reading().await?;
        self.0.instance_roles().list(&operator).await
    }

    /// All registered permissions, by key.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn permissions(self) -> Outcome<Vec<RegisteredPermission>> {
        let operator = self.reading().await?;
        self.0.instance_roles().permissions(&operator).await
    }

    /// Makes a role that every organization has.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; as [`InstanceRoles::create`](crate::InstanceRoles::create).
    pub async fn create_role(self, new: NewRole, reason: &str) -> Outcome<CustomRole> {
        let operator = self.for_reason(reason).await?;
        self.0.instance_roles().create(&operator, new).await
    }

    /// Changes a role of the instance, for its holders everywhere.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; as [`InstanceRoles::update`](crate::InstanceRoles::update).
    pub async fn update_role(self, id: RoleId, changes: RoleChanges, reason: &str) -> Outcome<CustomRole> {
        let operator = self.for_reason(reason).await?;
        self.0.instance_roles().update(&operator, id, changes).await
    }

    /// Deletes a role of the instance that nobody holds and nothing names.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; as [`InstanceRoles::delete`](crate::InstanceRoles::delete).
    pub async fn delete_role(self, id: RoleId, reason: &str) -> Outcome<CustomRole> {
        let operator = self.for_reason(reason).await?;
        self.0.instance_roles().delete(&operator, id).await
    }

    /// Registers a permission, or gives a registered one another name and description.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; as
    /// [`InstanceRoles::register_permission`](crate::InstanceRoles::register_permission).
    pub async fn register_permission(
        self,
        permission: RegisterPermission,
        reason: &str,
    ) -> Outcome<RegisteredPermission> {
        let operator = self.for_reason(reason).await?;
        let roles = self.0.instance_roles();
        roles.register_permission(&operator, permission).await
    }

    /// Removes a registered permission, from all roles too.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; as
    /// [`InstanceRoles::remove_permission`](crate::InstanceRoles::remove_permission).
    pub async fn remove_permission(self, key: &str, reason: &str) -> Outcome<RegisteredPermission> {
        let operator = self.for_reason(reason).await?;
        self.0.instance_roles().remove_permission(&operator, key).await
    }

    async fn for_reason(self, reason: &str) -> Outcome<OperatorGrant> {
        let record = self.0.operator().await?;
        Ok(OperatorGrant::of(record, only_reason(reason)?.as_str()))
    }
}
