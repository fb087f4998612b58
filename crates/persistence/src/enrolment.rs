//! Joining through domains, as those see it who may.

use chrono::{DateTime, Utc};
use resonance_authz::{EnrolmentGrant, Grant, ManageMemberships, OwnGrant};
use resonance_domain::{
    DomainId, DomainName, EmailAddress, EnrolmentMode, Id, OrganizationId, PageRequest, RoleKey, SessionId,
    UserId,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    IdCursor, NewMembership, StorageError,
    executor::Executor,
    membership::{self, Memberships},
    organization::at,
    organization_domain,
    raw::Sql,
    read_rows::{count, role},
};

/// What domains offer to users with a verified address there.
#[derive(Debug, Clone, Copy)]
pub struct Enrolments<'a>(pub(crate) Executor<'a>);

/// An organization that a user may join through a domain, with what may be known of it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentOffer {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// When its profile last changed.
    pub organization_updated_at: DateTime<Utc>,
    /// The domain.
    pub domain: DomainId,
    /// The domain's name.
    pub domain_name: DomainName,
    /// The role that comes with joining.
    pub role: RoleKey,
    /// The user's verified address there.
    pub email: String,
}

/// What letting somebody in must know of them and of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    /// The display name.
    pub name: String,
    /// The primary address.
    pub email: String,
    /// Whether the user is a member already.
    pub is_member: bool,
    /// The organization's member limit; 0 means none.
    pub member_limit: u32,
    /// Seats that members and open invitations take, but for invitations to the user's own addresses.
    pub seats_taken: u64,
    /// Whether neither the user nor the session has an active organization.
    pub works_nowhere: bool,
}

impl Enrolments<'_> {
    /// A page of the organizations that the user's verified addresses offer in this mode, the newest organization first.
    /// Two statements.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        own: &OwnGrant,
        mode: EnrolmentMode,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<EnrolmentOffer>, StorageError> {
        let addresses = self.addresses(own).await?;
        let mut sql = Sql::new(OFFERED, [own.user().as_uuid().into(), mode.as_str().into()]);
        restrict(&mut sql, &addresses, mode);
        sql.page_by_id("d.organization_id", true, page);
        self.0.rows(sql, |row| offer(row, &addresses)).await
    }

    /// How many those are. Two statements.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, own: &OwnGrant, mode: EnrolmentMode) -> Result<u64, StorageError> {
        let addresses = self.addresses(own).await?;
        let mut sql = Sql::new(
            format!("SELECT COUNT(*) FROM ({OFFERED}"),
            [own.user().as_uuid().into(), mode.as_str().into()],
        );
        restrict(&mut sql, &addresses, mode);
        sql.push(") offered");
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// What this organization offers to the user in this mode, and the grant to take it. Two statements.
    ///
    /// # Errors
    /// The database's.
    pub async fn of(
        self,
        own: &OwnGrant,
        organization: OrganizationId,
        mode: EnrolmentMode,
    ) -> Result<Option<(EnrolmentGrant, EnrolmentOffer)>, StorageError> {
        let addresses = self.addresses(own).await?;
        let mut sql = Sql::new(OFFERED, [own.user().as_uuid().into(), mode.as_str().into()]);
        restrict(&mut sql, &addresses, mode);
        sql.push(" AND d.organization_id = ").bind(organization.as_uuid());
        let found = self.0.row(sql, |row| offer(row, &addresses)).await?;
        Ok(found.map(|offer| {
            let grant = EnrolmentGrant::for_own_address(own, organization, offer.domain);
            (grant, offer)
        }))
    }

    /// Holds the organization's row until the unit of work ends. `false` if it is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, grant: &EnrolmentGrant) -> Result<bool, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let sql = format!("SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL {lock}");
        let values = [grant.organization().as_uuid().into()];
        Ok(self.0.one(&sql, values, |_| Ok(())).await?.is_some())
    }

    /// What joining must know of the user, whose row is held, so that a change of name or address waits until the
    /// membership that copies them is stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn entrant(
        self,
        grant: &EnrolmentGrant,
        own: &OwnGrant,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<Entrant>, StorageError> {
        self.find_entrant(grant.organization(), own.user(), Some(session), now)
            .await
    }

    /// The same of somebody whom the organization lets in.
    ///
    /// # Errors
    /// The database's.
    pub async fn requester(
        self,
        grant: &Grant<ManageMemberships>,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<Entrant>, StorageError> {
        self.find_entrant(grant.organization(), user, None, now).await
    }

    /// Notes that the user does not want to join.
    ///
    /// # Errors
    /// The database's.
    pub async fn dismiss(
        self,
        grant: &EnrolmentGrant,
        own: &OwnGrant,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.close(grant.organization(), own.user(), "dismissed", now)
            .await
    }

    /// Notes that an admin removed somebody: no domain lets them in again.
    ///
    /// # Errors
    /// The database's.
    pub async fn bar(
        self,
        grant: &Grant<ManageMemberships>,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.close(grant.organization(), user, "removed", now).await
    }

    async fn close(
        self,
        organization: OrganizationId,
        user: UserId,
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const CLOSE: &str = "INSERT INTO closed_enrolments (organization_id, id, reason, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (organization_id, id) DO UPDATE SET reason = $3, created_at = $4";
        let values = [
            organization.as_uuid().into(),
            user.as_uuid().into(),
            reason.into(),
            now.into(),
        ];
        self.0.execute(CLOSE, values).await?;
        Ok(())
    }

    async fn find_entrant(
        self,
        organization: OrganizationId,
        user: UserId,
        session: Option<SessionId>,
        now: DateTime<Utc>,
    ) -> Result<Option<Entrant>, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE OF u");
        let sql = format!(
            "SELECT u.name, u.email, o.member_limit,
                (SELECT COUNT(*) FROM memberships m WHERE m.organization_id = o.id)
                + (SELECT COUNT(*) FROM invitations i
                   WHERE i.organization_id = o.id AND i.state = 'pending' AND i.expires_at > $4
                     AND NOT EXISTS (SELECT 1 FROM user_emails e
                        WHERE e.user_id = u.id AND e.address_key = i.email_key AND e.verified_at IS NOT NULL)),
                (SELECT COUNT(*) FROM memberships m WHERE m.organization_id = o.id AND m.user_id = u.id),
                u.last_active_organization_id IS NULL AND NOT EXISTS (SELECT 1 FROM sessions s
                 WHERE s.id = $3 AND s.user_id = u.id AND s.active_organization_id IS NOT NULL)
             FROM organizations o JOIN users u ON u.id = $2 WHERE o.id = $1 {lock}"
        );
        let values = [
            organization.as_uuid().into(),
            user.as_uuid().into(),
            session.map(|session| session.as_uuid()).into(),
            now.into(),
        ];
        self.0
            .row(Sql::new(sql, values), |row| {
                Ok(Entrant {
                    name: at(row, 0)?,
                    email: at(row, 1)?,
                    member_limit: count(at(row, 2)?, "organizations.member_limit")?,
                    seats_taken: at::<i64>(row, 3)?.unsigned_abs(),
                    is_member: at::<i64>(row, 4)? > 0,
                    works_nowhere: at(row, 5)?,
                })
            })
            .await
    }

    /// The user's verified addresses, with their domains. There are few.
    async fn addresses(self, own: &OwnGrant) -> Result<Vec<(DomainName, String)>, StorageError> {
        const FIND: &str =
            "SELECT address FROM user_emails WHERE user_id = $1 AND verified_at IS NOT NULL ORDER BY id";
        let sql = Sql::new(FIND, [own.user().as_uuid().into()]);
        let addresses = self.0.rows(sql, |row| at::<String>(row, 0)).await?;
        let named = addresses.into_iter().filter_map(|address| {
            let name = DomainName::of(&EmailAddress::parse(&address).ok()?)?;
            Some((name, address))
        });
        Ok(named.collect())
    }
}

/// The beginning of the statements that find what domains offer to the user `$1` in the mode `$2`.
const OFFERED: &str = "SELECT d.organization_id, o.name, o.updated_at, d.id, d.name, d.role
    FROM organization_domains d
    JOIN organizations o ON o.id = d.organization_id AND o.deleted_at IS NULL
    WHERE d.verified_at IS NOT NULL AND d.enrolment_mode = $2
    AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.organization_id = d.organization_id AND m.user_id = $1)";

/// Only through the user's own domains, only what is still open to the user, each organization once.
fn restrict(sql: &mut Sql, addresses: &[(DomainName, String)], mode: EnrolmentMode) {
    let names = || addresses.iter().map(|(name, _)| name.as_str());
    sql.push(" AND d.name IN ").list(names());
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM organization_domains x WHERE x.organization_id = d.organization_id
            AND x.id < d.id AND x.verified_at IS NOT NULL AND x.enrolment_mode = $2 AND x.name IN ",
    )
    .list(names());
    sql.push(
        ") AND NOT EXISTS (SELECT 1 FROM closed_enrolments c WHERE c.organization_id = d.organization_id
            AND c.id = $1",
    );
    if mode == EnrolmentMode::AutomaticSuggestion {
        sql.push(
            ") AND NOT EXISTS (SELECT 1 FROM membership_requests r WHERE r.organization_id = d.organization_id
                AND r.user_id = $1 AND r.state IN ('pending', 'rejected'))",
        );
    } else {
        // Whoever dismissed a suggestion may still join where that is everybody's right.
        sql.push(" AND c.reason = 'removed')");
    }
}

fn offer(row: &QueryResult, addresses: &[(DomainName, String)]) -> Result<EnrolmentOffer, StorageError> {
    let domain_name = organization_domain::name(&at::<String>(row, 4)?)?;
    let email = addresses.iter().find(|(name, _)| *name == domain_name);
    Ok(EnrolmentOffer {
        organization: Id::from_uuid(at(row, 0)?),
        organization_name: at(row, 1)?,
        organization_updated_at: at(row, 2)?,
        domain: Id::from_uuid(at::<Uuid>(row, 3)?),
        email: email.map(|(_, email)| email.clone()).unwrap_or_default(),
        domain_name,
        role: role(&at::<String>(row, 5)?, "organization_domains.role")?,
    })
}

impl Memberships<'_> {
    /// Makes the user a member of the organization whose domain lets them in. The caller holds the organization's row.
    ///
    /// # Errors
    /// The database's.
    pub async fn enrol(
        self,
        grant: &EnrolmentGrant,
        own: &OwnGrant,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO memberships
            (organization_id, id, user_id, role, name_key, email_key, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
        let values = membership::values(grant.organization(), own.user(), new);
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Makes somebody a member who asked for it; they work there, if they work nowhere. The caller holds the
    /// organization's row and the user's.
    ///
    /// # Errors
    /// The database's.
    pub async fn admit(
        self,
        grant: &Grant<ManageMemberships>,
        user: UserId,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        const WORK: &str = "UPDATE users SET last_active_organization_id = $1
            WHERE id = $2 AND last_active_organization_id IS NULL";
        let values = [grant.organization().as_uuid().into(), user.as_uuid().into()];
        self.0.execute(WORK, values).await?;
        self.add(grant, user, new).await
    }
}
