//! Requests to join, as the organization sees them.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, ManageDomains, ManageMemberships, SystemGrant, system};
use resonance_domain::{
    DomainId, Id, InOrg, MembershipRequest, MembershipRequestId, MembershipRequestState, OrganizationId,
    PageRequest, RoleKey, UserId,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{known, role},
};

/// The requests to join.
#[derive(Debug, Clone, Copy)]
pub struct MembershipRequests<'a>(pub(crate) Executor<'a>);

/// A request with what the organization may know of the requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMembershipRequest {
    /// The request.
    pub request: MembershipRequest,
    /// The requester's display name.
    pub name: String,
}

/// A request as mails tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestForLetter {
    /// The request.
    pub request: MembershipRequest,
    /// The requester's display name.
    pub name: String,
    /// The requester's primary address.
    pub email: String,
    /// The organization's name.
    pub organization_name: String,
}

/// Read by [`request`], in this order.
pub(crate) const COLUMNS: &str = "r.id, r.organization_id, r.user_id, r.email, r.domain_id, r.role, r.state, \
    r.decided_by, r.created_at, r.closed_at";

/// The same where a statement names the table by nothing else.
pub(crate) fn bare_columns() -> String {
    COLUMNS.replace("r.", "")
}

impl MembershipRequests<'_> {
    /// A page of the requests that are in one of `states` (in any, if it is empty), newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<ManageMemberships>,
        states: &[MembershipRequestState],
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<ReceivedMembershipRequest>, StorageError> {
        let mut sql = requests(grant);
        restrict(&mut sql, states);
        sql.page_by_id("r.id", true, page);
        self.0.rows(sql, received).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<ManageMemberships>,
        states: &[MembershipRequestState],
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "SELECT COUNT(*) FROM membership_requests r WHERE r.organization_id = $1",
            [grant.organization().as_uuid().into()],
        );
        restrict(&mut sql, states);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Several requests, in no order; those that are not found are absent.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<ManageMemberships>,
        ids: &[MembershipRequestId],
    ) -> Result<Vec<ReceivedMembershipRequest>, StorageError> {
        let mut sql = requests(grant);
        sql.push(" AND r.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, received).await
    }

    /// One request.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<ManageMemberships>,
        id: MembershipRequestId,
    ) -> Result<Option<ReceivedMembershipRequest>, StorageError> {
        let mut sql = requests(grant);
        sql.push(" AND r.id = ").bind(id.as_uuid());
        self.0.row(sql, received).await
    }

    /// Whether the requester still has the request's address verified.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_address(
        self,
        grant: &Grant<ManageMemberships>,
        id: MembershipRequestId,
    ) -> Result<bool, StorageError> {
        const FIND: &str = "SELECT 1 FROM membership_requests r
            JOIN user_emails e ON e.user_id = r.user_id AND e.address_key = r.email_key
            WHERE r.organization_id = $1 AND r.id = $2 AND e.verified_at IS NOT NULL";
        let values = [grant.organization().as_uuid().into(), id.as_uuid().into()];
        Ok(self.0.one(FIND, values, |_| Ok(())).await?.is_some())
    }

    /// Stores the organization's answer. `false` if the request was no longer pending.
    ///
    /// # Errors
    /// The database's.
    pub async fn decide(
        self,
        grant: &Grant<ManageMemberships>,
        id: MembershipRequestId,
        answer: MembershipRequestState,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const DECIDE: &str = "UPDATE membership_requests SET state = $3, decided_by = $4, closed_at = $5
            WHERE organization_id = $1 AND id = $2 AND state = 'pending'";
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            answer.as_str().into(),
            grant.user().map(|user| user.as_uuid()).into(),
            now.into(),
        ];
        Ok(self.0.execute(DECIDE, values).await? > 0)
    }

    /// Rejects every pending request that came through a domain; those requests.
    ///
    /// # Errors
    /// The database's.
    pub async fn reject_through(
        self,
        grant: &Grant<ManageDomains>,
        domain: DomainId,
        now: DateTime<Utc>,
    ) -> Result<Vec<MembershipRequest>, StorageError> {
        let sql = format!(
            "UPDATE membership_requests SET state = 'rejected', decided_by = $3, closed_at = $4
             WHERE organization_id = $1 AND domain_id = $2 AND state = 'pending' RETURNING {}",
            bare_columns()
        );
        let values = [
            grant.organization().as_uuid().into(),
            domain.as_uuid().into(),
            grant.user().map(|user| user.as_uuid()).into(),
            now.into(),
        ];
        self.0.rows(Sql::new(sql, values), request).await
    }

    /// Up to `limit` members with one of `roles`, those who have been longest, whom a mail about a request is for.
    ///
    /// # Errors
    /// The database's.
    pub async fn reviewers(
        self,
        _grant: &SystemGrant<system::Relay>,
        organization: OrganizationId,
        roles: &[RoleKey],
        limit: u32,
    ) -> Result<Vec<UserId>, StorageError> {
        let mut sql = Sql::new(
            "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL
             WHERE m.organization_id = $1 AND m.role IN ",
            [organization.as_uuid().into()],
        );
        sql.list(roles.iter().map(RoleKey::as_str));
        sql.push(" ORDER BY m.id LIMIT ").bind(i64::from(limit));
        self.0.rows(sql, |row| at(row, 0).map(UserId::from_uuid)).await
    }

    /// A request for a mail about it; `None` if it or the organization is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn for_letter(
        self,
        _grant: &SystemGrant<system::Relay>,
        id: InOrg<MembershipRequestId>,
    ) -> Result<Option<RequestForLetter>, StorageError> {
        let sql = format!(
            "SELECT {COLUMNS}, u.name, u.email, o.name FROM membership_requests r
             JOIN users u ON u.id = r.user_id
             JOIN organizations o ON o.id = r.organization_id AND o.deleted_at IS NULL
             WHERE r.organization_id = $1 AND r.id = $2"
        );
        let values = [id.organization.as_uuid().into(), id.id.as_uuid().into()];
        self.0
            .row(Sql::new(sql, values), |row| {
                Ok(RequestForLetter {
                    request: request(row)?,
                    name: at(row, 10)?,
                    email: at(row, 11)?,
                    organization_name: at(row, 12)?,
                })
            })
            .await
    }
}

fn requests(grant: &Grant<ManageMemberships>) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS}, u.name FROM membership_requests r JOIN users u ON u.id = r.user_id
             WHERE r.organization_id = $1"
        ),
        [grant.organization().as_uuid().into()],
    )
}

fn restrict(sql: &mut Sql, states: &[MembershipRequestState]) {
    if !states.is_empty() {
        sql.push(" AND r.state IN ")
            .list(states.iter().map(|state| state.as_str()));
    }
}

fn received(row: &QueryResult) -> Result<ReceivedMembershipRequest, StorageError> {
    Ok(ReceivedMembershipRequest {
        request: request(row)?,
        name: at(row, 10)?,
    })
}

pub(crate) fn request(row: &QueryResult) -> Result<MembershipRequest, StorageError> {
    let state = MembershipRequestState::from_stored(&at::<String>(row, 6)?);
    Ok(MembershipRequest {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        user: Id::from_uuid(at(row, 2)?),
        email: at(row, 3)?,
        domain: at::<Option<Uuid>>(row, 4)?.map(DomainId::from_uuid),
        role: role(&at::<String>(row, 5)?, "membership_requests.role")?,
        state: known(state, "membership_requests.state")?,
        decided_by: at::<Option<Uuid>>(row, 7)?.map(UserId::from_uuid),
        created_at: at(row, 8)?,
        closed_at: at(row, 9)?,
    })
}
