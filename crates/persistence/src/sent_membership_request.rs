//! Requests to join, as those who sent them see them.

use chrono::{DateTime, Utc};
use resonance_authz::{EnrolmentGrant, OwnGrant};
use resonance_domain::{
    EmailAddress, InOrg, MembershipRequest, MembershipRequestId, OrganizationId, PageRequest,
};
use sea_orm::QueryResult;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    membership_request::{COLUMNS, bare_columns, request},
    organization::at,
    raw::Sql,
};

/// The requests to join, for the requesters.
#[derive(Debug, Clone, Copy)]
pub struct SentMembershipRequests<'a>(pub(crate) Executor<'a>);

/// A request with what the requester may know of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMembershipRequest {
    /// The request.
    pub request: MembershipRequest,
    /// The organization's name.
    pub organization_name: String,
    /// When the organization's profile last changed.
    pub organization_updated_at: DateTime<Utc>,
}

impl SentMembershipRequests<'_> {
    /// Stores a request of the user. The caller holds the organization's row and the user's.
    ///
    /// # Errors
    /// `Unique` if the user has a pending one there, or the database's.
    pub async fn insert(
        self,
        grant: &EnrolmentGrant,
        own: &OwnGrant,
        new: &MembershipRequest,
        email: &EmailAddress,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO membership_requests
            (organization_id, id, user_id, email, email_key, domain_id, role, state, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8)";
        let values = [
            grant.organization().as_uuid().into(),
            new.id.as_uuid().into(),
            own.user().as_uuid().into(),
            email.as_str().into(),
            email.key().into(),
            grant.domain().as_uuid().into(),
            new.role.as_str().into(),
            new.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// A page of the user's requests, newest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        own: &OwnGrant,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<SentMembershipRequest>, StorageError> {
        let mut sql = sent_by(own);
        sql.page_by_id("r.id", true, page);
        self.0.rows(sql, sent).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, own: &OwnGrant) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM membership_requests r
            JOIN organizations o ON o.id = r.organization_id AND o.deleted_at IS NULL WHERE r.user_id = $1";
        let sql = Sql::new(COUNT, [own.user().as_uuid().into()]);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// One of the user's requests.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        own: &OwnGrant,
        id: InOrg<MembershipRequestId>,
    ) -> Result<Option<SentMembershipRequest>, StorageError> {
        let mut sql = sent_by(own);
        sql.push(" AND r.organization_id = ")
            .bind(id.organization.as_uuid())
            .push(" AND r.id = ")
            .bind(id.id.as_uuid());
        self.0.row(sql, sent).await
    }

    /// Takes a pending request back. `false` if it was no longer pending.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw(
        self,
        own: &OwnGrant,
        id: InOrg<MembershipRequestId>,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const WITHDRAW: &str = "UPDATE membership_requests SET state = 'withdrawn', closed_at = $4
            WHERE organization_id = $1 AND id = $2 AND user_id = $3 AND state = 'pending'";
        let values = [
            id.organization.as_uuid().into(),
            id.id.as_uuid().into(),
            own.user().as_uuid().into(),
            now.into(),
        ];
        Ok(self.0.execute(WITHDRAW, values).await? > 0)
    }

    /// Takes back every pending request that rests on an address which the user gives up; those requests.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_at(
        self,
        own: &OwnGrant,
        address: &EmailAddress,
        now: DateTime<Utc>,
    ) -> Result<Vec<MembershipRequest>, StorageError> {
        let sql = format!(
            "UPDATE membership_requests SET state = 'withdrawn', closed_at = $3
             WHERE user_id = $1 AND email_key = $2 AND state = 'pending' RETURNING {}",
            bare_columns()
        );
        let values = [own.user().as_uuid().into(), address.key().into(), now.into()];
        self.0.rows(Sql::new(sql, values), request).await
    }

    /// Notes that the user, who joined in this unit of work, asked for no more than that: a pending request is accepted,
    /// and nothing keeps a domain from letting the user in at another time. The request, if there was one.
    ///
    /// # Errors
    /// The database's.
    pub async fn fulfil(
        self,
        own: &OwnGrant,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Option<MembershipRequest>, StorageError> {
        const OPEN: &str = "DELETE FROM closed_enrolments WHERE organization_id = $1 AND id = $2";
        let values = [organization.as_uuid().into(), own.user().as_uuid().into()];
        self.0.execute(OPEN, values.clone()).await?;
        let sql = format!(
            "UPDATE membership_requests SET state = 'accepted', closed_at = $3
             WHERE organization_id = $1 AND user_id = $2 AND state = 'pending' RETURNING {}",
            bare_columns()
        );
        let [organization, user] = values;
        self.0
            .row(Sql::new(sql, [organization, user, now.into()]), request)
            .await
    }
}

fn sent_by(own: &OwnGrant) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS}, o.name, o.updated_at FROM membership_requests r
             JOIN organizations o ON o.id = r.organization_id AND o.deleted_at IS NULL WHERE r.user_id = $1"
        ),
        [own.user().as_uuid().into()],
    )
}

fn sent(row: &QueryResult) -> Result<SentMembershipRequest, StorageError> {
    Ok(SentMembershipRequest {
        request: request(row)?,
        organization_name: at(row, 10)?,
        organization_updated_at: at(row, 11)?,
    })
}
