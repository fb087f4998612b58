//! What operators add for the whole instance: roles, and permissions of services of their own.

use chrono::{DateTime, Utc};
use resonance_authz::{CustomPermission, OperatorGrant};
use resonance_domain::{RoleId, RoleKey};
use sea_orm::QueryResult;

use crate::{
    CustomRole, RoleUse, Roles, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows,
    role::{INSTANCE_COLUMNS, custom_role},
};

/// The instance's roles and registered permissions.
#[derive(Debug, Clone, Copy)]
pub struct InstanceRoles<'a>(pub(crate) Executor<'a>);

/// A permission that the product does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredPermission {
    /// The permission.
    pub permission: CustomPermission,
    /// What people call it.
    pub name: String,
    /// What it is for; empty if nothing is said.
    pub description: String,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl InstanceRoles<'_> {
    /// All registered permissions, by key. Everybody may know them. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn permissions(self) -> Result<Vec<RegisteredPermission>, StorageError> {
        const ALL: &str = "SELECT key, name, description, created_at FROM permissions ORDER BY key";
        self.0.rows(Sql::new(ALL, []), registered).await
    }

    /// Holds the instance's catalogue of roles and permissions until the unit of work ends: nobody else changes it, and
    /// nobody makes or changes a role.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, _operator: &OperatorGrant) -> Result<(), StorageError> {
        Roles(self.0).lock_catalogue("pg_advisory_xact_lock").await
    }

    /// All roles of the instance, oldest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(self, _operator: &OperatorGrant) -> Result<Vec<CustomRole>, StorageError> {
        let sql = format!("SELECT {INSTANCE_COLUMNS} FROM instance_roles ORDER BY id");
        self.0.rows(Sql::new(sql, []), |row| custom_role(row, 0)).await
    }

    /// One role of the instance. Until the unit of work ends, nobody is given it.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        _operator: &OperatorGrant,
        id: RoleId,
    ) -> Result<Option<CustomRole>, StorageError> {
        let lock = self.0.on_postgres("FOR UPDATE");
        let sql = format!("SELECT {INSTANCE_COLUMNS} FROM instance_roles WHERE id = $1 {lock}");
        self.0
            .row(Sql::new(sql, [id.as_uuid().into()]), |row| custom_role(row, 0))
            .await
    }

    /// Whether the instance or an organization has a role with this key.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_taken(self, _operator: &OperatorGrant, key: &RoleKey) -> Result<bool, StorageError> {
        const TAKEN: &str = "SELECT 1 WHERE EXISTS (SELECT 1 FROM roles WHERE key = $1)
            OR EXISTS (SELECT 1 FROM instance_roles WHERE key = $1)";
        let found = self.0.one(TAKEN, [key.as_str().into()], |_| Ok(())).await?;
        Ok(found.is_some())
    }

    /// Makes a role.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, _operator: &OperatorGrant, new: &CustomRole) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO instance_roles (id, key, name, description, permissions, created_at,
            updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let values = [
            new.id.as_uuid().into(),
            new.key.as_str().into(),
            new.name.as_str().into(),
            new.description.as_str().into(),
            new.permissions.to_stored().into(),
            new.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Stores name, description and permissions of a role.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(self, _operator: &OperatorGrant, role: &CustomRole) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE instance_roles SET name = $2, description = $3, permissions = $4,
            updated_at = $5 WHERE id = $1";
        let values = [
            role.id.as_uuid().into(),
            role.name.as_str().into(),
            role.description.as_str().into(),
            role.permissions.to_stored().into(),
            role.updated_at.into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Deletes a role.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, _operator: &OperatorGrant, id: RoleId) -> Result<(), StorageError> {
        const DELETE: &str = "DELETE FROM instance_roles WHERE id = $1";
        self.0.execute(DELETE, [id.as_uuid().into()]).await?;
        Ok(())
    }

    /// What holds or names the role with this key at `now`, in whichever organization. The caller holds the role
    /// ([`InstanceRoles::get`]).
    ///
    /// # Errors
    /// The database's.
    pub async fn uses(
        self,
        _operator: &OperatorGrant,
        key: &RoleKey,
        now: DateTime<Utc>,
    ) -> Result<Vec<RoleUse>, StorageError> {
        // As the indexes say it.
        const CUSTOM: &str = "role NOT IN ('org:admin', 'org:member')";
        Roles(self.0).used(now, key, CUSTOM, None).await
    }

    /// Registers a permission, or gives a registered one another name and description.
    ///
    /// # Errors
    /// The database's.
    pub async fn register(
        self,
        _operator: &OperatorGrant,
        permission: &RegisteredPermission,
    ) -> Result<(), StorageError> {
        const REGISTER: &str = "INSERT INTO permissions (key, name, description, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (key) DO UPDATE SET name = EXCLUDED.name, description = EXCLUDED.description";
        let values = [
            permission.permission.key().into(),
            permission.name.as_str().into(),
            permission.description.as_str().into(),
            permission.created_at.into(),
        ];
        self.0.execute(REGISTER, values).await?;
        Ok(())
    }

    /// Removes a permission from the catalogue and from all roles, the instance's and every organization's; from how
    /// many.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove(
        self,
        _operator: &OperatorGrant,
        permission: &CustomPermission,
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        const REMOVE: &str = "DELETE FROM permissions WHERE key = $1";
        const TAKE: [&str; 2] = [
            "UPDATE roles SET updated_at = $3, permissions =
             TRIM(REPLACE(' ' || permissions || ' ', ' ' || $1 || ' ', ' '))
             WHERE ' ' || permissions || ' ' LIKE $2 ESCAPE '\\'",
            "UPDATE instance_roles SET updated_at = $3, permissions =
             TRIM(REPLACE(' ' || permissions || ' ', ' ' || $1 || ' ', ' '))
             WHERE ' ' || permissions || ' ' LIKE $2 ESCAPE '\\'",
        ];
        let key = permission.key();
        let pattern = format!("% {} %", key.replace('_', "\\_"));
        self.0.execute(REMOVE, [key.into()]).await?;
        let mut taken = 0;
        for take in TAKE {
            let values = [key.into(), pattern.as_str().into(), now.into()];
            taken += self.0.execute(take, values).await?;
        }
        Ok(taken)
    }
}

fn registered(row: &QueryResult) -> Result<RegisteredPermission, StorageError> {
    Ok(RegisteredPermission {
        permission: read_rows::known(
            CustomPermission::parse(&at::<String>(row, 0)?).ok(),
            "permissions.key",
        )?,
        name: at(row, 1)?,
        description: at(row, 2)?,
        created_at: at(row, 3)?,
    })
}
