//! Who is an operator of the instance, and what only operators do to organizations.

use chrono::{DateTime, Utc};
use resonance_authz::{Appoints, OperatorGrant, OperatorRecord};
use resonance_domain::{Metadata, OrganizationId, UserId};

use crate::{StorageError, executor::Executor, organization::at, raw::Sql};

/// The most operators that a list shows. Nobody has as many.
const MOST: i64 = 1000;

/// The operators.
#[derive(Debug, Clone, Copy)]
pub struct Operators<'a>(pub(crate) Executor<'a>);

/// An operator, as other operators see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// The user.
    pub user: UserId,
    /// The display name.
    pub name: String,
    /// The primary address.
    pub email: String,
    /// Whether the account is suspended: the powers rest then.
    pub suspended: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Operators<'_> {
    /// Whether the user is an operator and not suspended, as this unit of work sees it. One statement.
    ///
    /// SECURITY: the only place that makes [`OperatorRecord`]s.
    ///
    /// # Errors
    /// The database's.
    pub async fn record(self, user: UserId) -> Result<Option<OperatorRecord>, StorageError> {
        const FIND: &str =
            "SELECT 1 FROM operators o JOIN users u ON u.id = o.user_id AND u.suspended_at IS NULL
            WHERE o.user_id = $1";
        let found = self.0.one(FIND, [user.as_uuid().into()], |_| Ok(())).await?;
        Ok(found.map(|()| OperatorRecord { user }))
    }

    /// Every operator, oldest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(self, _grant: &impl Appoints) -> Result<Vec<OperatorEntry>, StorageError> {
        const LIST: &str =
            "SELECT u.id, u.name, u.email, u.suspended_at IS NOT NULL, o.created_at FROM operators o
            JOIN users u ON u.id = o.user_id ORDER BY o.created_at, o.user_id LIMIT $1";
        self.0
            .all(LIST, [MOST.into()], |row| {
                Ok(OperatorEntry {
                    user: UserId::from_uuid(row.try_get_by_index(0)?),
                    name: row.try_get_by_index(1)?,
                    email: row.try_get_by_index(2)?,
                    suspended: row.try_get_by_index(3)?,
                    created_at: row.try_get_by_index(4)?,
                })
            })
            .await
    }

    /// Gives a user the powers of an operator. `false` if the user had them.
    ///
    /// # Errors
    /// The database's.
    pub async fn add(
        self,
        _grant: &impl Appoints,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const ADD: &str =
            "INSERT INTO operators (user_id, created_at) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING";
        Ok(self.0.execute(ADD, [user.as_uuid().into(), now.into()]).await? > 0)
    }

    /// Takes them away. `false` if the user had none.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove(self, _grant: &impl Appoints, user: UserId) -> Result<bool, StorageError> {
        const REMOVE: &str = "DELETE FROM operators WHERE user_id = $1";
        Ok(self.0.execute(REMOVE, [user.as_uuid().into()]).await? > 0)
    }

    /// The operators who are not suspended, held until the unit of work ends: nobody else appoints, removes or suspends
    /// operators meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, _grant: &impl Appoints) -> Result<Vec<UserId>, StorageError> {
        const ABLE: &str = "SELECT o.user_id FROM operators o
            JOIN users u ON u.id = o.user_id AND u.suspended_at IS NULL";
        if self.0.is_postgres() {
            const LOCK: &str = "SELECT 1 FROM instance_settings WHERE id = 1 FOR UPDATE";
            self.0.one(LOCK, [], |_| Ok(())).await?;
        }
        self.0
            .all(ABLE, [], |row| row.try_get_by_index(0).map(UserId::from_uuid))
            .await
    }

    /// Holds an organization's row until the unit of work ends, for rules that span rows. `false` if there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold(
        self,
        _grant: &OperatorGrant,
        organization: OrganizationId,
    ) -> Result<bool, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let sql = format!("SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL {lock}");
        let found = self
            .0
            .one(&sql, [organization.as_uuid().into()], |_| Ok(()))
            .await?;
        Ok(found.is_some())
    }

    /// Stores what only operators decide about an organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_terms(
        self,
        _grant: &OperatorGrant,
        organization: OrganizationId,
        member_limit: u32,
        deletable: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE organizations SET member_limit = $2, deletable = $3, updated_at = $4
            WHERE id = $1 AND deleted_at IS NULL";
        let values = [
            organization.as_uuid().into(),
            i64::from(member_limit).into(),
            deletable.into(),
            now.into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Stores the metadata that only operators see.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_private_metadata(
        self,
        _grant: &OperatorGrant,
        organization: OrganizationId,
        metadata: &Metadata,
    ) -> Result<(), StorageError> {
        const STORE: &str =
            "UPDATE organizations SET private_metadata = $2 WHERE id = $1 AND deleted_at IS NULL";
        let values = [
            organization.as_uuid().into(),
            metadata.clone().into_value().into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Sets how many organizations a user may create; `None`: as many as everybody.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_organization_limit(
        self,
        _grant: &OperatorGrant,
        user: UserId,
        limit: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const SET: &str = "UPDATE users SET organization_limit = $2, updated_at = $3 WHERE id = $1";
        let values = [user.as_uuid().into(), limit.map(i64::from).into(), now.into()];
        self.0.execute(SET, values).await?;
        Ok(())
    }

    /// How many organizations a user may create, where an operator decided so.
    ///
    /// # Errors
    /// The database's.
    pub async fn organization_limit(
        self,
        _grant: &OperatorGrant,
        user: UserId,
    ) -> Result<Option<u32>, StorageError> {
        const LIMIT: &str = "SELECT organization_limit FROM users WHERE id = $1";
        let found = self
            .0
            .row(Sql::new(LIMIT, [user.as_uuid().into()]), |row| {
                at::<Option<i64>>(row, 0)
            })
            .await?;
        Ok(found.flatten().and_then(|limit| u32::try_from(limit).ok()))
    }
}
