//! People with accounts.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{EmailAddress, OrganizationId, PersonName, User, UserEmailId, UserId};
use sea_orm::{DbErr, QueryResult};

use crate::{StorageError, unit_of_work::Executor};

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
    /// The PHC string of the password.
    pub password_hash: &'a str,
    /// When the account is made.
    pub created_at: DateTime<Utc>,
}

impl Users<'_> {
    /// Makes an account with one proved, primary address.
    ///
    /// # Errors
    /// `Unique` if the address has an account, or the database's.
    pub async fn insert(self, _grant: &SystemGrant<Admit>, new: &NewUser<'_>) -> Result<(), StorageError> {
        const USER: &str =
            "INSERT INTO users (id, name, email, email_verified, password_hash, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        const EMAIL: &str = "INSERT INTO user_emails
            (id, user_id, address, address_key, is_primary, verified_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let user = [
            new.id.as_uuid().into(),
            new.name.as_str().into(),
            new.email.as_str().into(),
            true.into(),
            new.password_hash.into(),
            new.created_at.into(),
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
}

/// The columns that [`read`] reads, of a table named `users`.
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
