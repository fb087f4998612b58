//! Custom roles, as organizations deal with them: their own, and those that the instance gives to all.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Grant, Implies, ManageRoles, Permission, ReadOrganization, RolePermissions, SystemGrant, permissions_of,
    system,
};
use resonance_domain::{Id, OrganizationId, RoleId, RoleKey};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql, read_rows};

/// The custom roles.
#[derive(Debug, Clone, Copy)]
pub struct Roles<'a>(pub(crate) Executor<'a>);

/// A role that is not built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// Its identity.
    pub id: RoleId,
    /// The organization whose role it is; `None` for a role of the instance, which every organization has.
    pub organization: Option<OrganizationId>,
    /// The key, which never changes.
    pub key: RoleKey,
    /// What people call it.
    pub name: String,
    /// What it is for; empty if nothing is said.
    pub description: String,
    /// What it permits.
    pub permissions: RolePermissions,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Somebody or something that holds or names a role, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleUse {
    /// What: `member`, `pending invitation`, …
    pub what: String,
    /// How many; at least 1.
    pub count: u64,
}

/// What can hold or name a role: in words, the table, and which of its rows count at the time `$1`. A role that one of
/// them names is not deleted.
///
/// INVARIANT: every table with a column `role` is here.
const USERS: [(&str, &str, &str); 4] = [
    ("member", "memberships", "TRUE"),
    (
        "pending invitation",
        "invitations",
        "state = 'pending' AND expires_at > $1",
    ),
    ("domain", "organization_domains", "TRUE"),
    (
        "pending membership request",
        "membership_requests",
        "state = 'pending'",
    ),
];

/// What is on record of the role of the membership `m`: the permissions of a custom one. Null for a built-in role, for
/// which nothing is looked up.
pub(crate) const ON_RECORD: &str = "CASE WHEN m.role IN ('org:admin', 'org:member') THEN NULL ELSE COALESCE(
    (SELECT r.permissions FROM roles r WHERE r.organization_id = m.organization_id AND r.key = m.role),
    (SELECT i.permissions FROM instance_roles i WHERE i.key = m.role)) END";

/// Read by [`custom_role`], in this order.
const COLUMNS: &str = "id, organization_id, key, name, description, permissions, created_at, updated_at";
/// The same of the instance's roles.
pub(crate) const INSTANCE_COLUMNS: &str =
    "id, NULL AS organization_id, key, name, description, permissions, created_at, updated_at";

impl Roles<'_> {
    /// All custom roles that can be held in the organization, the instance's first, oldest first. Bounded by
    /// [`resonance_domain::MAX_CUSTOM_ROLES`]. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
    ) -> Result<Vec<CustomRole>, StorageError> {
        self.custom(grant.organization()).await
    }

    async fn custom(self, organization: OrganizationId) -> Result<Vec<CustomRole>, StorageError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM roles WHERE organization_id = $1
             UNION ALL SELECT {INSTANCE_COLUMNS} FROM instance_roles"
        );
        let values = [organization.as_uuid().into()];
        let mut roles = self
            .0
            .rows(Sql::new(sql, values), |row| custom_role(row, 0))
            .await?;
        roles.sort_by_key(|role| (role.organization.is_some(), role.id));
        Ok(roles)
    }

    /// One of the organization's own roles.
    ///
    /// # Errors
    /// The database's.
    pub async fn own(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
        id: RoleId,
    ) -> Result<Option<CustomRole>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM roles WHERE organization_id = $1 AND id = $2");
        let values = [grant.organization().as_uuid().into(), id.as_uuid().into()];
        self.0.row(Sql::new(sql, values), |row| custom_role(row, 0)).await
    }

    /// The role with this key, the organization's own or the instance's. Until the unit of work ends, it is not
    /// deleted: that of the instance is held here, that of the organization by the organization's row, which the
    /// caller holds.
    ///
    /// # Errors
    /// The database's.
    pub async fn held(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
        key: &RoleKey,
    ) -> Result<Option<CustomRole>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM roles WHERE organization_id = $1 AND key = $2");
        let values = [grant.organization().as_uuid().into(), key.as_str().into()];
        let own = self
            .0
            .row(Sql::new(sql, values), |row| custom_role(row, 0))
            .await?;
        if own.is_some() {
            return Ok(own);
        }
        let lock = self.0.on_postgres("FOR KEY SHARE");
        let sql = format!("SELECT {INSTANCE_COLUMNS} FROM instance_roles WHERE key = $1 {lock}");
        self.0
            .row(Sql::new(sql, [key.as_str().into()]), |row| custom_role(row, 0))
            .await
    }

    /// Those of the roles that are on record, each with the organization that it was asked for in. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn in_organizations(
        self,
        wanted: &[(Grant<ReadOrganization>, RoleKey)],
    ) -> Result<Vec<(OrganizationId, CustomRole)>, StorageError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM roles WHERE "), []);
        let mut separator = "(organization_id = ";
        for (grant, key) in wanted {
            sql.push(separator).bind(grant.organization().as_uuid());
            sql.push(" AND key = ").bind(key.as_str()).push(")");
            separator = " OR (organization_id = ";
        }
        sql.push(&format!(
            " UNION ALL SELECT {INSTANCE_COLUMNS} FROM instance_roles WHERE key IN "
        ));
        sql.list(wanted.iter().map(|(_, key)| key.as_str()));
        let found = self.0.rows(sql, |row| custom_role(row, 0)).await?;
        let of = |(grant, key): &(Grant<ReadOrganization>, RoleKey)| {
            let organization = grant.organization();
            let own = |role: &&CustomRole| role.key == *key && role.organization == Some(organization);
            let given = |role: &&CustomRole| role.key == *key && role.organization.is_none();
            let role = found.iter().find(own).or_else(|| found.iter().find(given))?;
            Some((organization, role.clone()))
        };
        Ok(wanted.iter().filter_map(of).collect())
    }

    /// The keys of all roles, built-in and custom, whose holders have a permission in the organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn permitting(
        self,
        _grant: &SystemGrant<system::Relay>,
        organization: OrganizationId,
        permission: Permission,
    ) -> Result<Vec<RoleKey>, StorageError> {
        let custom = self.custom(organization).await?;
        let custom = custom.into_iter().map(|role| (role.key, Some(role.permissions)));
        let all = RoleKey::BUILT_IN.into_iter().map(|key| (key, None)).chain(custom);
        let permits = |(key, on_record)| {
            let permissions = permissions_of(&key, on_record);
            permissions.product.contains(permission).then_some(key)
        };
        Ok(all.filter_map(permits).collect())
    }

    /// How many roles of its own the organization has.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, grant: &Grant<ManageRoles>) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM roles WHERE organization_id = $1";
        let values = [grant.organization().as_uuid().into()];
        let counted = self
            .0
            .one(COUNT, values, |row| row.try_get_by_index::<i64>(0))
            .await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Makes a role of the organization's own. `false` if it has a role with this key. That the instance has none, the
    /// caller found out, holding [`Roles::hold_catalogue`].
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, grant: &Grant<ManageRoles>, new: &CustomRole) -> Result<bool, StorageError> {
        const INSERT: &str = "INSERT INTO roles (organization_id, id, key, name, description, permissions,
            created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
            ON CONFLICT (organization_id, key) DO NOTHING";
        let values = [
            grant.organization().as_uuid().into(),
            new.id.as_uuid().into(),
            new.key.as_str().into(),
            new.name.as_str().into(),
            new.description.as_str().into(),
            new.permissions.to_stored().into(),
            new.created_at.into(),
        ];
        Ok(self.0.execute(INSERT, values).await? > 0)
    }

    /// Stores name, description and permissions of one of the organization's own roles.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(self, grant: &Grant<ManageRoles>, role: &CustomRole) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE roles SET name = $3, description = $4, permissions = $5, updated_at = $6
            WHERE organization_id = $1 AND id = $2";
        let values = [
            grant.organization().as_uuid().into(),
            role.id.as_uuid().into(),
            role.name.as_str().into(),
            role.description.as_str().into(),
            role.permissions.to_stored().into(),
            role.updated_at.into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Deletes one of the organization's own roles.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, grant: &Grant<ManageRoles>, id: RoleId) -> Result<(), StorageError> {
        const DELETE: &str = "DELETE FROM roles WHERE organization_id = $1 AND id = $2";
        let values = [grant.organization().as_uuid().into(), id.as_uuid().into()];
        self.0.execute(DELETE, values).await?;
        Ok(())
    }

    /// What holds or names the role with this key in the organization at `now`. The caller holds the organization's
    /// row.
    ///
    /// # Errors
    /// The database's.
    pub async fn uses(
        self,
        grant: &Grant<ManageRoles>,
        key: &RoleKey,
        now: DateTime<Utc>,
    ) -> Result<Vec<RoleUse>, StorageError> {
        self.used(now, key, "organization_id = $3", Some(grant.organization()))
            .await
    }

    /// What holds or names the role where `scope` says, which may use `$3`.
    pub(crate) async fn used(
        self,
        now: DateTime<Utc>,
        key: &RoleKey,
        scope: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<RoleUse>, StorageError> {
        let counts = USERS.map(|(what, table, counted)| {
            format!("SELECT '{what}', COUNT(*) FROM {table} WHERE role = $2 AND {counted} AND {scope}")
        });
        let mut values: Vec<Value> = vec![now.into(), key.as_str().into()];
        values.extend(organization.map(|id| id.as_uuid().into()));
        let rows = self.0.rows(Sql::new(counts.join(" UNION ALL "), values), |row| {
            Ok(RoleUse {
                what: at(row, 0)?,
                count: at::<i64>(row, 1)?.unsigned_abs(),
            })
        });
        Ok(rows.await?.into_iter().filter(|used| used.count > 0).collect())
    }

    /// Holds the instance's catalogue of roles and permissions as it is until the unit of work ends; others may hold
    /// it, too. Taken after the organization's row.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_catalogue(self) -> Result<(), StorageError> {
        self.lock_catalogue("pg_advisory_xact_lock_shared").await
    }

    /// `lock` is the function of PostgreSQL; on SQLite a unit of work is alone anyway.
    pub(crate) async fn lock_catalogue(self, lock: &str) -> Result<(), StorageError> {
        /// Any number that no other lock has: `role` in ASCII.
        const CATALOGUE: i64 = 0x726f_6c65;
        if self.0.is_postgres() {
            let sql = format!("SELECT {lock}($1)");
            self.0.one(&sql, [CATALOGUE.into()], |_| Ok(())).await?;
        }
        Ok(())
    }
}

/// Reads [`COLUMNS`], which begin at the index `from`.
pub(crate) fn custom_role(row: &QueryResult, from: usize) -> Result<CustomRole, StorageError> {
    Ok(CustomRole {
        id: Id::from_uuid(at(row, from)?),
        organization: at::<Option<Uuid>>(row, from + 1)?.map(OrganizationId::from_uuid),
        key: read_rows::role(&at::<String>(row, from + 2)?, "roles.key")?,
        name: at(row, from + 3)?,
        description: at(row, from + 4)?,
        permissions: RolePermissions::from_stored(&at::<String>(row, from + 5)?),
        created_at: at(row, from + 6)?,
        updated_at: at(row, from + 7)?,
    })
}
