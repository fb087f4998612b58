//! The addresses of users.

use chrono::{DateTime, Utc};
use resonance_authz::OwnGrant;
use resonance_domain::{EmailAddress, UserEmail, UserEmailId, UserId};
use sea_orm::{DbErr, QueryResult};

use crate::{StorageError, executor::Executor};

/// The table of addresses. Whoever changes it holds the user's row ([`Users::lock`](crate::Users::lock)).
#[derive(Debug, Clone, Copy)]
pub struct UserEmails<'a>(pub(crate) Executor<'a>);

impl UserEmails<'_> {
    /// The user's own addresses, oldest first. There are few.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(self, own: &OwnGrant) -> Result<Vec<UserEmail>, StorageError> {
        const LIST: &str = "SELECT id, user_id, address, verified_at, is_primary FROM user_emails
            WHERE user_id = $1 ORDER BY id";
        self.0.all(LIST, [own.user().as_uuid().into()], read).await
    }

    /// Adds an address that is not proved yet and not the primary one.
    ///
    /// # Errors
    /// `Unique` if the user has it, or the database's.
    pub async fn insert(
        self,
        own: &OwnGrant,
        id: UserEmailId,
        address: &EmailAddress,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO user_emails (id, user_id, address, address_key, is_primary, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        let values = [
            id.as_uuid().into(),
            own.user().as_uuid().into(),
            address.as_str().into(),
            address.key().into(),
            false.into(),
            now.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Notes that the user proved an address.
    ///
    /// # Errors
    /// `Unique` if somebody else proved it before, or the database's.
    pub async fn prove(
        self,
        own: &OwnGrant,
        id: UserEmailId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const PROVE: &str = "UPDATE user_emails SET verified_at = $3 WHERE id = $1 AND user_id = $2";
        let values = [id.as_uuid().into(), own.user().as_uuid().into(), now.into()];
        self.0.execute(PROVE, values).await?;
        Ok(())
    }

    /// Makes a proved address the primary one, in the lists of members too.
    ///
    /// # Errors
    /// The database's.
    pub async fn make_primary(
        self,
        own: &OwnGrant,
        id: UserEmailId,
        address: &EmailAddress,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        // The old one first: an account never has two.
        const OLD: &str = "UPDATE user_emails SET is_primary = $2 WHERE user_id = $1 AND is_primary";
        const NEW: &str = "UPDATE user_emails SET is_primary = $3 WHERE id = $1 AND user_id = $2";
        const USER: &str = "UPDATE users SET email = $2, updated_at = $3 WHERE id = $1";
        const MEMBERSHIPS: &str = "UPDATE memberships SET email_key = $2 WHERE user_id = $1";
        let user = own.user().as_uuid();
        self.0.execute(OLD, [user.into(), false.into()]).await?;
        self.0
            .execute(NEW, [id.as_uuid().into(), user.into(), true.into()])
            .await?;
        self.0
            .execute(USER, [user.into(), address.as_str().into(), now.into()])
            .await?;
        self.0
            .execute(MEMBERSHIPS, [user.into(), address.key().into()])
            .await?;
        Ok(())
    }

    /// Removes an address.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, own: &OwnGrant, id: UserEmailId) -> Result<(), StorageError> {
        const DELETE: &str = "DELETE FROM user_emails WHERE id = $1 AND user_id = $2";
        self.0
            .execute(DELETE, [id.as_uuid().into(), own.user().as_uuid().into()])
            .await?;
        Ok(())
    }
}

fn read(row: &QueryResult) -> Result<UserEmail, DbErr> {
    Ok(UserEmail {
        id: UserEmailId::from_uuid(row.try_get_by_index(0)?),
        user: UserId::from_uuid(row.try_get_by_index(1)?),
        address: row.try_get_by_index(2)?,
        verified_at: row.try_get_by_index(3)?,
        primary: row.try_get_by_index(4)?,
    })
}
