//! Standings of users in organizations.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Authorizer, Denied, RolePermissions, SignedIn, StandError, Standing, StandingRecord, StandingSource,
};
use resonance_domain::{Id, OrganizationId, UserId};
use sea_orm::QueryResult;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql, read_rows, role::ON_RECORD};

/// Reads standings. A repository of the trusted base: see [`StandingSource`].
#[derive(Debug, Clone, Copy)]
pub struct Standings<'a>(pub(crate) Executor<'a>);

/// A user's standing, or the reason why there is none.
pub type UserStanding = Result<Standing, StandError<StorageError>>;

impl Standings<'_> {
    /// The standing of `user` in `organization`, as this unit of work sees it. One statement.
    ///
    /// # Errors
    /// [`Denied::NotVisible`] for whoever is no member, or the database's error.
    pub async fn of(self, user: UserId, organization: OrganizationId) -> UserStanding {
        Authorizer::new(self).standing(user, organization).await
    }

    /// The same, as long as the user's session is open: for what goes on after the request in which the session was
    /// checked. One statement.
    ///
    /// # Errors
    /// [`Denied::NotVisible`] also for whoever's session has ended, or the database's error.
    pub async fn of_session(
        self,
        signed_in: SignedIn,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> UserStanding {
        let find = format!(
            "SELECT m.id, m.role, {ON_RECORD} FROM memberships m WHERE m.user_id = $1 AND m.organization_id = $2
             AND EXISTS (SELECT 1 FROM sessions WHERE id = $3 AND user_id = $1 AND expires_at > $4)"
        );
        let values = [
            signed_in.user.as_uuid().into(),
            organization.as_uuid().into(),
            signed_in.session.as_uuid().into(),
            now.into(),
        ];
        let found = self.0.row(Sql::new(find, values), |row| record(row, 0)).await;
        let record = found.map_err(StandError::Source)?;
        let record = record.ok_or(StandError::Denied(Denied::NotVisible))?;
        Ok(Authorizer::<Self>::standing_of(
            signed_in.user,
            organization,
            record,
        ))
    }

    /// The same, holding the organization's row until the unit of work ends, for rules that span rows: last admin,
    /// member limit, counts. On SQLite a unit of work is alone anyway.
    ///
    /// # Errors
    /// As [`Standings::of`].
    pub async fn of_locked(self, user: UserId, organization: OrganizationId) -> UserStanding {
        if self.0.is_postgres() {
            // Not the key: rows that refer to the organization can be inserted meanwhile.
            const LOCK: &str =
                "SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE";
            let found = self
                .0
                .one(LOCK, [organization.as_uuid().into()], |_| Ok(()))
                .await
                .map_err(StandError::Source)?;
            if found.is_none() {
                return Err(StandError::Denied(Denied::NotVisible));
            }
        }
        self.of(user, organization).await
    }
}

impl StandingSource for Standings<'_> {
    type Error = StorageError;

    async fn standing(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> Result<Option<StandingRecord>, StorageError> {
        // Deleting an organization deletes its memberships in the same transaction, so a row is proof enough.
        // Who was suspended after the request came in has no standing any more.
        let find = format!(
            "SELECT m.id, m.role, {ON_RECORD} FROM memberships m WHERE m.user_id = $1 AND m.organization_id = $2
             AND NOT EXISTS (SELECT 1 FROM users WHERE id = $1 AND suspended_at IS NOT NULL)"
        );
        let values = [user.as_uuid().into(), organization.as_uuid().into()];
        self.0.row(Sql::new(find, values), |row| record(row, 0)).await
    }
}

/// Reads the membership's id, its role, and [`ON_RECORD`], which begin at the index `from`.
pub(crate) fn record(row: &QueryResult, from: usize) -> Result<StandingRecord, StorageError> {
    Ok(StandingRecord {
        membership: Id::from_uuid(at(row, from)?),
        role: read_rows::role(&at::<String>(row, from + 1)?, "memberships.role")?,
        on_record: at::<Option<String>>(row, from + 2)?.map(|text| RolePermissions::from_stored(&text)),
    })
}
