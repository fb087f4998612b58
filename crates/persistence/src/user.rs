//! People with accounts.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, OwnGrant, Permission, ReadOrganization, SystemGrant, system::Admit};
use resonance_domain::{EmailAddress, OrganizationId, PersonName, User, UserEmailId, UserId, UserProfile};
use sea_orm::{DbErr, QueryResult, Value};

use crate::{StorageError, executor::Executor, page::folded};

/// The table of users.
#[derive(Debug, Clone, Copy)]
pub struct Users<'a>(pub(crate) Executor<'a>);

/// A person who proved an address and gets an account.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The account's identity.
    pub id: UserId,
    /// The display name.
    pub name: &'a PersonName,
    /// The identity of the primary address.
    pub email_id: UserEmailId,
    /// The primary address, which was proved to be theirs.
    pub email: &'a EmailAddress,
    /// The PHC string of the password; `None` for somebody who sets one later, by a code.
    pub password_hash: Option<&'a str>,
    /// When the account is made.
    pub created_at: DateTime<Utc>,
}

/// A user and what proves to be them.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The PHC string of the password; `None` for accounts without one.
    pub password_hash: Option<String>,
}

impl Users<'_> {
    /// Makes an account with one proved, primary address.
    ///
    /// # Errors
    /// `Unique` if the address has an account, or the database's.
    pub async fn insert(self, _grant: &SystemGrant<Admit>, new: &NewUser<'_>) -> Result<(), StorageError> {
        const USER: &str =
            "INSERT INTO users (id, name, email, email_verified, password_hash, created_at, updated_at, name_key)
            VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";
        const EMAIL: &str = "INSERT INTO user_emails
            (id, user_id, address, address_key, is_primary, verified_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let user = [
            new.id.as_uuid().into(),
            new.name.as_str().into(),
            new.email.as_str().into(),
            true.into(),
            new.password_hash.into(),
            new.created_at.into(),
            folded(new.name.as_str()).into(),
        ];
        self.0.execute(USER, user).await?;
        let email = [
            new.email_id.as_uuid().into(),
            new.id.as_uuid().into(),
            new.email.as_str().into(),
            new.email.key().into(),
            true.into(),
            new.created_at.into(),
        ];
        self.0.execute(EMAIL, email).await?;
        Ok(())
    }

    /// The account that proved `email`, primary address or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_email(
        self,
        _grant: &SystemGrant<Admit>,
        email: &EmailAddress,
    ) -> Result<Option<Credentials>, StorageError> {
        let sql = format!(
            "SELECT {COLUMNS}, users.password_hash FROM user_emails JOIN users ON users.id = user_emails.user_id
             WHERE user_emails.address_key = $1 AND user_emails.verified_at IS NOT NULL"
        );
        self.0.one(&sql, [email.key().into()], credentials).await
    }

    /// The account of `user`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_id(
        self,
        _grant: &SystemGrant<Admit>,
        user: UserId,
    ) -> Result<Option<Credentials>, StorageError> {
        let sql = format!("SELECT {COLUMNS}, users.password_hash FROM users WHERE users.id = $1");
        self.0.one(&sql, [user.as_uuid().into()], credentials).await
    }

    /// Replaces `verified`, the hash that a password was just found to match, by `hash`, which may be the same.
    /// `false` if it is not the account's hash any more, or the account is suspended: then nothing rests on that
    /// password.
    ///
    /// The row stays locked until the unit of work ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn confirm_password(
        self,
        _grant: &SystemGrant<Admit>,
        user: UserId,
        verified: &str,
        hash: &str,
    ) -> Result<bool, StorageError> {
        const CONFIRM: &str = "UPDATE users SET password_hash = $3
            WHERE id = $1 AND password_hash = $2 AND suspended_at IS NULL";
        let values = [user.as_uuid().into(), verified.into(), hash.into()];
        Ok(self.0.execute(CONFIRM, values).await? > 0)
    }

    /// Sets a password for somebody who proved to be the user by other means.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_password(
        self,
        _grant: &SystemGrant<Admit>,
        user: UserId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const SET: &str = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";
        let values = [user.as_uuid().into(), hash.into(), now.into()];
        self.0.execute(SET, values).await?;
        Ok(())
    }

    /// The user's own row, locked until the unit of work ends: changes to one account come one after the other.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, own: &OwnGrant) -> Result<Option<User>, StorageError> {
        let lock = self.0.on_postgres("FOR UPDATE");
        let sql = format!("SELECT {COLUMNS} FROM users WHERE users.id = $1 {lock}");
        self.0.one(&sql, [own.user().as_uuid().into()], read).await
    }

    /// Changes the user's own name, in the lists of members too.
    ///
    /// # Errors
    /// The database's.
    pub async fn rename(
        self,
        own: &OwnGrant,
        name: &PersonName,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const USER: &str = "UPDATE users SET name = $2, updated_at = $3, name_key = $4 WHERE id = $1";
        const MEMBERSHIPS: &str = "UPDATE memberships SET name_key = $2 WHERE user_id = $1";
        let (user, key) = (own.user().as_uuid(), folded(name.as_str()));
        let values = [user.into(), name.as_str().into(), now.into(), key.as_str().into()];
        self.0.execute(USER, values).await?;
        self.0.execute(MEMBERSHIPS, [user.into(), key.into()]).await?;
        Ok(())
    }

    /// What a member sees of those of `ids` who are members of the organization, or who left something in it: a
    /// generation, a voice, an invitation. Of all others nothing, not even that they exist. One statement.
    ///
    /// The address is shown for members only, and only to those who may list them.
    ///
    /// # Errors
    /// The database's.
    pub async fn profiles(
        self,
        grant: &Grant<ReadOrganization>,
        ids: &[UserId],
    ) -> Result<Vec<UserProfile>, StorageError> {
        let Some(last) = ids.last() else {
            return Ok(Vec::new());
        };
        // As many places as the next power of two, so that there are few different statements to prepare.
        let places = ids.len().next_power_of_two();
        let list = (0..places)
            .map(|place| format!("${}", place + 2))
            .collect::<Vec<_>>()
            .join(", ");
        // Not EXISTS: PostgreSQL may answer that by reading an organization's whole history into a hash table.
        let sql = format!(
            "SELECT users.id, users.name, users.email, memberships.id IS NOT NULL FROM users
             LEFT JOIN memberships ON memberships.organization_id = $1 AND memberships.user_id = users.id
             WHERE users.id IN ({list}) AND (memberships.id IS NOT NULL
                OR (SELECT 1 FROM generations WHERE organization_id = $1 AND created_by = users.id LIMIT 1) IS NOT NULL
                OR (SELECT 1 FROM voices WHERE organization_id = $1
                    AND (created_by = users.id OR consent_by = users.id) LIMIT 1) IS NOT NULL
                OR (SELECT 1 FROM invitations WHERE organization_id = $1
                    AND (invited_by = users.id OR accepted_by = users.id) LIMIT 1) IS NOT NULL)"
        );
        let shows_email = grant.permissions().contains(Permission::MembershipsRead);
        let ids = ids.iter().chain(std::iter::repeat(last)).take(places);
        let values = std::iter::once(Value::from(grant.organization().as_uuid()))
            .chain(ids.map(|id| id.as_uuid().into()));
        self.0
            .all(&sql, values, |row| {
                let is_member: bool = row.try_get_by_index(3)?;
                Ok(UserProfile {
                    id: UserId::from_uuid(row.try_get_by_index(0)?),
                    name: row.try_get_by_index(1)?,
                    email: (shows_email && is_member)
                        .then(|| row.try_get_by_index(2))
                        .transpose()?,
                })
            })
            .await
    }
}

/// The columns that [`read`] reads.
pub(crate) const COLUMNS: &str = "users.id, users.name, users.email, users.email_verified,
    users.last_active_organization_id, users.suspended_at, users.created_at";

/// How many columns these are.
pub(crate) const COLUMN_COUNT: usize = 7;

/// Reads the first columns of a row.
pub(crate) fn read(row: &QueryResult) -> Result<User, DbErr> {
    Ok(User {
        id: UserId::from_uuid(row.try_get_by_index(0)?),
        name: row.try_get_by_index(1)?,
        email: row.try_get_by_index(2)?,
        email_verified: row.try_get_by_index(3)?,
        last_active_organization: row
            .try_get_by_index::<Option<uuid::Uuid>>(4)?
            .map(OrganizationId::from_uuid),
        suspended_at: row.try_get_by_index(5)?,
        created_at: row.try_get_by_index(6)?,
    })
}

fn credentials(row: &QueryResult) -> Result<Credentials, DbErr> {
    Ok(Credentials {
        user: read(row)?,
        password_hash: row.try_get_by_index(COLUMN_COUNT)?,
    })
}
