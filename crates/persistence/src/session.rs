//! Signed-in sessions.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Authorizer, OwnGrant, Standing, SystemGrant,
    system::{Admit, Authenticate},
};
use resonance_domain::{Direction, Id, OrganizationId, Page, PageRequest, Session, SessionId, User, UserId};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    IdCursor, Standings, StorageError, executor::Executor, organization::at, raw::Sql, read_rows,
    role::ON_RECORD, standing::record, user,
};

/// The table of sessions. Tokens are looked up by their hash and never stored.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a>(pub(crate) Executor<'a>);

/// What a valid token stands for.
#[derive(Debug)]
pub struct Authenticated {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// The user's standing in the organization that was asked for, or else in the one that the session or the user
    /// worked in last. `None` if there is no such organization, or the user is no member of it (any more).
    pub standing: Option<Standing>,
}

impl Sessions<'_> {
    /// Finds a session that has not expired, its user, who is not suspended, and the user's standing in `requested`
    /// or else in the active organization. One statement, as every request pays for it.
    ///
    /// SECURITY: the membership is read in the same statement and with the same meaning as in
    /// [`Standings`](crate::Standings).
    ///
    /// # Errors
    /// The database's.
    pub async fn authenticate(
        self,
        _grant: &SystemGrant<Authenticate>,
        token_hash: &[u8; 32],
        requested: Option<OrganizationId>,
        now: DateTime<Utc>,
    ) -> Result<Option<Authenticated>, StorageError> {
        const FIRST: usize = user::COLUMN_COUNT;
        const NEXT: usize = FIRST + COLUMN_COUNT;
        let sql = format!(
            "SELECT {user}, {COLUMNS}, m.organization_id, m.id, m.role, {ON_RECORD}
             FROM sessions
             JOIN users ON users.id = sessions.user_id AND users.suspended_at IS NULL
             LEFT JOIN memberships m ON m.user_id = users.id AND m.organization_id =
                COALESCE($3, sessions.active_organization_id, users.last_active_organization_id)
             WHERE sessions.token_hash = $1 AND sessions.expires_at > $2",
            user = user::COLUMNS,
        );
        let values = [
            token_hash.to_vec().into(),
            now.into(),
            requested.map(|id| id.as_uuid()).into(),
        ];
        self.0
            .row(Sql::new(sql, values), |row| {
                let user = user::read(row)?;
                let standing = match at::<Option<Uuid>>(row, NEXT)? {
                    Some(organization) => Some(Authorizer::<Standings<'_>>::standing_of(
                        user.id,
                        OrganizationId::from_uuid(organization),
                        record(row, NEXT + 1)?,
                    )),
                    None => None,
                };
                Ok(Authenticated {
                    standing,
                    session: read(row, FIRST)?,
                    user,
                })
            })
            .await
    }

    /// Opens a session for somebody who proved to be `session.user`.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(
        self,
        _grant: &SystemGrant<Admit>,
        session: &Session,
        token_hash: &[u8; 32],
    ) -> Result<(), StorageError> {
        const OPEN: &str =
            "INSERT INTO sessions (id, user_id, token_hash, active_organization_id, user_agent,
            ip_address, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = [
            session.id.as_uuid().into(),
            session.user.as_uuid().into(),
            token_hash.to_vec().into(),
            session.active_organization.map(|id| id.as_uuid()).into(),
            session.user_agent.as_deref().into(),
            session.ip_address.as_deref().into(),
            session.created_at.into(),
            session.last_used_at.into(),
            session.expires_at.into(),
        ];
        self.0.execute(OPEN, values).await?;
        Ok(())
    }

    /// Notes that a session was used, unless that was noted at `unless_since` or after it.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch(
        self,
        _grant: &SystemGrant<Authenticate>,
        session: &Session,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const TOUCH: &str = "UPDATE sessions SET last_used_at = $2, expires_at = $3, ip_address = $4
            WHERE id = $1 AND last_used_at < $5";
        let values = [
            session.id.as_uuid().into(),
            session.last_used_at.into(),
            session.expires_at.into(),
            session.ip_address.as_deref().into(),
            unless_since.into(),
        ];
        self.0.execute(TOUCH, values).await?;
        Ok(())
    }

    /// Makes a member's organization the active one of one of their sessions, and the one that the member
    /// worked in last. `false` if the session is not theirs or has ended.
    ///
    /// # Errors
    /// The database's.
    pub async fn work_in(self, standing: &Standing, session: SessionId) -> Result<bool, StorageError> {
        const SESSION: &str =
            "UPDATE sessions SET active_organization_id = $1 WHERE id = $2 AND user_id = $3";
        const USER: &str = "UPDATE users SET last_active_organization_id = $1 WHERE id = $2";
        let organization = standing.organization().as_uuid();
        let user = standing.user().as_uuid();
        // Users before sessions, as everywhere, so that no two units of work wait for each other.
        self.0.execute(USER, [organization.into(), user.into()]).await?;
        let values = [organization.into(), session.as_uuid().into(), user.into()];
        Ok(self.0.execute(SESSION, values).await? > 0)
    }

    /// Ends one of the user's own sessions. `false` if there was none.
    ///
    /// # Errors
    /// The database's.
    pub async fn end(self, own: &OwnGrant, session: SessionId) -> Result<bool, StorageError> {
        const END: &str = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
        let values = [session.as_uuid().into(), own.user().as_uuid().into()];
        Ok(self.0.execute(END, values).await? > 0)
    }

    /// Ends all of the user's own sessions but `keep`; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_others(self, own: &OwnGrant, keep: SessionId) -> Result<u64, StorageError> {
        const END: &str = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let values = [own.user().as_uuid().into(), keep.as_uuid().into()];
        self.0.execute(END, values).await
    }

    /// Ends all sessions of a user whose password was reset; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_all(self, _grant: &SystemGrant<Admit>, user: UserId) -> Result<u64, StorageError> {
        const END: &str = "DELETE FROM sessions WHERE user_id = $1";
        self.0.execute(END, [user.as_uuid().into()]).await
    }

    /// A page of the user's own sessions that have not expired at `now`, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        own: &OwnGrant,
        page: &PageRequest<IdCursor>,
        now: DateTime<Utc>,
    ) -> Result<Page<Session>, StorageError> {
        let (beyond, order) = match page.direction {
            Direction::Forward => ("<", "DESC"),
            Direction::Backward => (">", "ASC"),
        };
        let limit = i64::from(page.limit) + 1;
        let mut values = vec![own.user().as_uuid().into(), now.into(), limit.into()];
        let from = match page.cursor {
            Some(IdCursor(cursor)) => {
                values.push(cursor.into());
                format!("AND id {beyond} $4")
            }
            None => String::new(),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE user_id = $1 AND expires_at > $2 {from} ORDER BY id {order} LIMIT $3"
        );
        let rows = self.0.all(&sql, values, |row| read(row, 0)).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many sessions the user has that have not expired at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, own: &OwnGrant, now: DateTime<Utc>) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND expires_at > $2";
        let values = [own.user().as_uuid().into(), now.into()];
        let count = self.0.one(COUNT, values, |row| row.try_get_by_index(0)).await?;
        read_rows::count(count.unwrap_or(0), "sessions")
    }

    /// Forgets sessions that have expired at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_expired(
        self,
        _grant: &SystemGrant<Authenticate>,
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        const FORGET: &str = "DELETE FROM sessions WHERE expires_at <= $1";
        self.0.execute(FORGET, [now.into()]).await
    }
}

const COLUMNS: &str =
    "sessions.id, sessions.active_organization_id, sessions.user_agent, sessions.ip_address,
    sessions.created_at, sessions.last_used_at, sessions.expires_at, sessions.user_id";
const COLUMN_COUNT: usize = 8;

/// Reads [`COLUMNS`], which begin at the index `at`.
fn read(row: &QueryResult, at: usize) -> Result<Session, DbErr> {
    Ok(Session {
        id: SessionId::from_uuid(row.try_get_by_index(at)?),
        active_organization: row
            .try_get_by_index::<Option<Uuid>>(at + 1)?
            .map(OrganizationId::from_uuid),
        user_agent: row.try_get_by_index(at + 2)?,
        ip_address: row.try_get_by_index(at + 3)?,
        created_at: row.try_get_by_index(at + 4)?,
        last_used_at: row.try_get_by_index(at + 5)?,
        expires_at: row.try_get_by_index(at + 6)?,
        user: Id::from_uuid(row.try_get_by_index(at + 7)?),
    })
}
