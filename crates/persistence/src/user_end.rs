//! Keeping users out, and ending accounts.
//!
//! An organization must keep an admin who is let in. So the organizations of a user are held first, all of them and in one
//! order, then the user; while both are held, nobody's role there changes and the user joins nothing.

use chrono::{DateTime, Utc};
use resonance_authz::{OperatorGrant, OwnGrant};
use resonance_domain::{Id, MembershipId, OrganizationId, RoleKey, User, UserId};

use crate::{StorageError, executor::Executor, organization::at, raw::Sql, read_rows::role, user};

/// Users who are kept out or whose accounts end.
#[derive(Debug, Clone, Copy)]
pub struct UserEnds<'a>(pub(crate) Executor<'a>);

/// A membership of a user whose account ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership.
    pub membership: MembershipId,
    /// The role.
    pub role: RoleKey,
}

impl UserEnds<'_> {
    /// Holds the organizations that the user is a member of, in the order of their ids, and then the user, until the unit of
    /// work ends. `None` if there is no such user. Three statements.
    ///
    /// # Errors
    /// `Transient` if the user joined another organization meanwhile: then all of it can be tried again.
    pub async fn hold(self, own: &OwnGrant) -> Result<Option<User>, StorageError> {
        let user = own.user().as_uuid();
        let lock = self.0.on_postgres("FOR NO KEY UPDATE OF o");
        let organizations = format!(
            "SELECT o.id FROM organizations o JOIN memberships m ON m.organization_id = o.id
             WHERE m.user_id = $1 ORDER BY o.id {lock}"
        );
        let held = self
            .0
            .all(&organizations, [user.into()], |row| {
                row.try_get_by_index::<uuid::Uuid>(0)
            })
            .await?;
        let lock = self.0.on_postgres("FOR UPDATE");
        let sql = format!("SELECT {} FROM users WHERE users.id = $1 {lock}", user::COLUMNS);
        let Some(found) = self.0.one(&sql, [user.into()], user::read).await? else {
            return Ok(None);
        };
        const NOW: &str = "SELECT organization_id FROM memberships WHERE user_id = $1";
        let now = self
            .0
            .all(NOW, [user.into()], |row| row.try_get_by_index::<uuid::Uuid>(0))
            .await?;
        if now.iter().all(|organization| held.contains(organization)) {
            Ok(Some(found))
        } else {
            Err(StorageError::collided())
        }
    }

    /// Organizations, at most ten, whose only admin who is let in is this user; the caller holds them.
    ///
    /// # Errors
    /// The database's.
    pub async fn only_admin_of(self, own: &OwnGrant) -> Result<Vec<OrganizationId>, StorageError> {
        const ONLY: &str = "SELECT m.organization_id FROM memberships m
            WHERE m.user_id = $1 AND m.role = 'org:admin' AND NOT EXISTS (
                SELECT 1 FROM memberships other JOIN users u ON u.id = other.user_id AND u.suspended_at IS NULL
                WHERE other.organization_id = m.organization_id AND other.role = 'org:admin' AND other.user_id <> $1)
            ORDER BY m.organization_id LIMIT 10";
        self.0
            .all(ONLY, [own.user().as_uuid().into()], |row| {
                row.try_get_by_index(0).map(OrganizationId::from_uuid)
            })
            .await
    }

    /// Keeps a user out from now on: all sessions end. `false` if that was so.
    ///
    /// # Errors
    /// The database's.
    pub async fn suspend(
        self,
        _grant: &OperatorGrant,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const SUSPEND: &str =
            "UPDATE users SET suspended_at = $2, updated_at = $2 WHERE id = $1 AND suspended_at IS NULL";
        const SESSIONS: &str = "DELETE FROM sessions WHERE user_id = $1";
        let user = user.as_uuid();
        if self.0.execute(SUSPEND, [user.into(), now.into()]).await? == 0 {
            return Ok(false);
        }
        self.0.execute(SESSIONS, [user.into()]).await?;
        Ok(true)
    }

    /// Lets a suspended user in again. `false` if the user was not suspended.
    ///
    /// # Errors
    /// The database's.
    pub async fn restore(
        self,
        _grant: &OperatorGrant,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const RESTORE: &str = "UPDATE users SET suspended_at = NULL, updated_at = $2 WHERE id = $1 AND suspended_at IS NOT NULL";
        Ok(self
            .0
            .execute(RESTORE, [user.as_uuid().into(), now.into()])
            .await?
            > 0)
    }

    /// Deletes an account with everything that is the user's alone: addresses, codes, sessions, memberships. What the user
    /// made in organizations stays, without an author. The memberships that ended.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, _grant: &OperatorGrant, user: UserId) -> Result<Vec<LeftBehind>, StorageError> {
        const MEMBERSHIPS: &str =
            "SELECT organization_id, id, role FROM memberships WHERE user_id = $1 ORDER BY organization_id";
        // Users, sessions, memberships; sessions and addresses go with the user.
        const STATEMENTS: [&str; 4] = [
            "DELETE FROM sessions WHERE user_id = $1",
            "DELETE FROM memberships WHERE user_id = $1",
            "DELETE FROM verification_codes WHERE subject_id = $1
                OR subject_id IN (SELECT id FROM user_emails WHERE user_id = $1)",
            "DELETE FROM users WHERE id = $1",
        ];
        let user = user.as_uuid();
        let ended = self
            .0
            .rows(Sql::new(MEMBERSHIPS, [user.into()]), |row| {
                Ok(LeftBehind {
                    organization: Id::from_uuid(at(row, 0)?),
                    membership: Id::from_uuid(at(row, 1)?),
                    role: role(&at::<String>(row, 2)?, "memberships.role")?,
                })
            })
            .await?;
        for statement in STATEMENTS {
            self.0.execute(statement, [user.into()]).await?;
        }
        Ok(ended)
    }
}
