//! Invitations, as those whom they invite see them.

use chrono::{DateTime, Utc};
use resonance_authz::{InvitationGrant, OwnGrant, SystemGrant, system};
use resonance_domain::{
    EmailAddress, InOrg, Invitation, InvitationId, InvitationState, OrganizationId, PageRequest, SessionId,
    UserId,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    CustomRole, IdCursor, StorageError,
    executor::Executor,
    invitation::{COLUMNS, address, invitation},
    organization::at,
    raw::Sql,
    read_rows::count,
    role::custom_role,
};

/// The invitations, for the invited.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedInvitations<'a>(pub(crate) Executor<'a>);

/// An invitation with what an invitee may know of who invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The organization's name.
    pub organization_name: String,
    /// When the organization's profile last changed.
    pub organization_updated_at: DateTime<Utc>,
    /// The inviter's name; `None` once that account is gone.
    pub inviter_name: Option<String>,
    /// What is on record of the role; `None` for a built-in one.
    pub role: Option<CustomRole>,
}

/// Read by [`received`], in this order.
const RECEIVED: &str = "i.id, i.organization_id, i.email, i.role, i.state, i.expires_at, i.invited_by, i.sendings, \
    i.last_sent_at, i.created_at, i.closed_at, o.name, o.updated_at, u.name, COALESCE(r.id, g.id), \
    r.organization_id, i.role, COALESCE(r.name, g.name), COALESCE(r.description, g.description), \
    COALESCE(r.permissions, g.permissions), COALESCE(r.created_at, g.created_at), \
    COALESCE(r.updated_at, g.updated_at)";
/// What [`RECEIVED`] needs beside the invitation `i`.
const SURROUNDINGS: &str = "JOIN organizations o ON o.id = i.organization_id AND o.deleted_at IS NULL
    LEFT JOIN users u ON u.id = i.invited_by
    LEFT JOIN roles r ON r.organization_id = i.organization_id AND r.key = i.role
    LEFT JOIN instance_roles g ON g.key = i.role";

/// What accepting an invitation must know of the invitee and of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// The display name.
    pub name: String,
    /// The primary address.
    pub email: String,
    /// Whether the invited address is the user's, and proved.
    pub has_address: bool,
    /// Whether the user is a member already.
    pub is_member: bool,
    /// The organization's member limit; 0 means none.
    pub member_limit: u32,
    /// How many members there are.
    pub members: u64,
    /// Whether neither the user nor the session has an active organization.
    pub works_nowhere: bool,
}

impl ReceivedInvitations<'_> {
    /// The invitation with this token, in whichever state, and the grant that the token gives. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_token(
        self,
        token_hash: &[u8; 32],
    ) -> Result<Option<(InvitationGrant, ReceivedInvitation)>, StorageError> {
        let sql = format!(
            "SELECT {RECEIVED}, i.token_hash FROM invitations i {SURROUNDINGS} WHERE i.token_hash = $1"
        );
        let found = self
            .0
            .row(Sql::new(sql, [token_hash.to_vec().into()]), |row| {
                Ok((received(row)?, at::<Vec<u8>>(row, 22)?))
            })
            .await?;
        Ok(found.and_then(|(received, stored)| {
            let stored = stored.try_into().ok()?;
            let Invitation { organization, id, .. } = received.invitation;
            let grant = InvitationGrant::for_secret(organization, id, token_hash, &stored)?;
            Some((grant, received))
        }))
    }

    /// An invitation to one of the user's own proved addresses, in whichever state, and the grant to answer it. One
    /// statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn own(
        self,
        own: &OwnGrant,
        id: InOrg<InvitationId>,
    ) -> Result<Option<(InvitationGrant, ReceivedInvitation)>, StorageError> {
        let mut sql = received_by(own);
        sql.push(" AND i.organization_id = ")
            .bind(id.organization.as_uuid())
            .push(" AND i.id = ")
            .bind(id.id.as_uuid());
        let found = self.0.row(sql, received).await?;
        Ok(found.map(|received| {
            (
                InvitationGrant::for_own_address(own, id.organization, id.id),
                received,
            )
        }))
    }

    /// A page of the invitations to the user's proved addresses that are open at `now`, newest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        own: &OwnGrant,
        now: DateTime<Utc>,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<ReceivedInvitation>, StorageError> {
        let mut sql = received_by(own);
        sql.push(" AND i.state = 'pending' AND i.expires_at > ")
            .bind(now)
            .page_by_id("i.id", true, page);
        self.0.rows(sql, received).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, own: &OwnGrant, now: DateTime<Utc>) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM user_emails e
            JOIN invitations i ON i.email_key = e.address_key AND i.state = 'pending' AND i.expires_at > $2
            JOIN organizations o ON o.id = i.organization_id AND o.deleted_at IS NULL
            WHERE e.user_id = $1 AND e.verified_at IS NOT NULL";
        let counted = self
            .0
            .one(COUNT, [own.user().as_uuid().into(), now.into()], |row| {
                row.try_get_by_index::<i64>(0)
            })
            .await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Holds the inviting organization's row until the unit of work ends. `false` if it is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, grant: &InvitationGrant) -> Result<bool, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let sql = format!("SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL {lock}");
        let values = [grant.organization().as_uuid().into()];
        Ok(self.0.one(&sql, values, |_| Ok(())).await?.is_some())
    }

    /// The invitation that the grant opens.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(self, grant: &InvitationGrant) -> Result<Option<Invitation>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM invitations i WHERE i.organization_id = $1 AND i.id = $2");
        let values = address(InOrg::new(grant.organization(), grant.invitation()));
        self.0.row(Sql::new(sql, values), invitation).await
    }

    /// What accepting must know of the user. The user's row is held, so that a change of name or address waits until
    /// the membership that copies them is stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn invitee(
        self,
        grant: &InvitationGrant,
        own: &OwnGrant,
        session: SessionId,
        invited: &EmailAddress,
    ) -> Result<Option<Invitee>, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE OF u");
        let sql = format!(
            "SELECT u.name, u.email, o.member_limit,
                (SELECT COUNT(*) FROM memberships m WHERE m.organization_id = o.id),
                (SELECT COUNT(*) FROM memberships m WHERE m.organization_id = o.id AND m.user_id = u.id),
                (SELECT COUNT(*) FROM user_emails e
                 WHERE e.user_id = u.id AND e.address_key = $3 AND e.verified_at IS NOT NULL),
                u.last_active_organization_id IS NULL AND NOT EXISTS (SELECT 1 FROM sessions s
                 WHERE s.id = $4 AND s.user_id = u.id AND s.active_organization_id IS NOT NULL)
             FROM organizations o JOIN users u ON u.id = $2 WHERE o.id = $1 {lock}"
        );
        let values = [
            grant.organization().as_uuid().into(),
            own.user().as_uuid().into(),
            invited.key().into(),
            session.as_uuid().into(),
        ];
        self.0
            .row(Sql::new(sql, values), |row| {
                Ok(Invitee {
                    name: at(row, 0)?,
                    email: at(row, 1)?,
                    member_limit: count(at(row, 2)?, "organizations.member_limit")?,
                    members: at::<i64>(row, 3)?.unsigned_abs(),
                    is_member: at::<i64>(row, 4)? > 0,
                    has_address: at::<i64>(row, 5)? > 0,
                    works_nowhere: at(row, 6)?,
                })
            })
            .await
    }

    /// Stores the invitee's answer. `false` if the invitation was no longer pending.
    ///
    /// # Errors
    /// The database's.
    pub async fn answer(
        self,
        grant: &InvitationGrant,
        answer: InvitationState,
        accepted_by: Option<&OwnGrant>,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const ANSWER: &str = "UPDATE invitations SET state = $3, closed_at = $4, accepted_by = $5
            WHERE organization_id = $1 AND id = $2 AND state = 'pending'";
        let [organization, id] = address(InOrg::new(grant.organization(), grant.invitation()));
        let values = [
            organization,
            id,
            answer.as_str().into(),
            now.into(),
            accepted_by.map(|own| own.user().as_uuid()).into(),
        ];
        Ok(self.0.execute(ANSWER, values).await? > 0)
    }

    /// Notes that the user, who joined in this unit of work by another way, has what the pending invitations of the
    /// organization offer: they are accepted. Those invitations.
    ///
    /// # Errors
    /// The database's.
    pub async fn fulfil(
        self,
        own: &OwnGrant,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Invitation>, StorageError> {
        fulfil(self.0, organization, own.user(), now).await
    }

    /// An invitation for the mail that brings it, or that tells of its answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn for_letter(
        self,
        _grant: &SystemGrant<system::Relay>,
        id: InOrg<InvitationId>,
    ) -> Result<Option<ReceivedInvitation>, StorageError> {
        let sql = format!(
            "SELECT {RECEIVED} FROM invitations i {SURROUNDINGS} WHERE i.organization_id = $1 AND i.id = $2"
        );
        self.0.row(Sql::new(sql, address(id)), received).await
    }
}

/// Accepts every open invitation of an organization that went to a proved address of somebody who is a member now.
pub(crate) async fn fulfil(
    executor: Executor<'_>,
    organization: OrganizationId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Invitation>, StorageError> {
    let sql = format!(
        "UPDATE invitations SET state = 'accepted', closed_at = $3, accepted_by = $2
         WHERE organization_id = $1 AND state = 'pending' AND expires_at > $3 AND email_key IN
            (SELECT e.address_key FROM user_emails e WHERE e.user_id = $2 AND e.verified_at IS NOT NULL)
         RETURNING {}",
        // What is returned has no other name than the table's own.
        COLUMNS.replace("i.", "")
    );
    let values = [organization.as_uuid().into(), user.as_uuid().into(), now.into()];
    executor.rows(Sql::new(sql, values), invitation).await
}

/// The beginning of the statements that find a user's own invitations: only through proved addresses.
fn received_by(own: &OwnGrant) -> Sql {
    Sql::new(
        format!(
            "SELECT {RECEIVED} FROM user_emails e
             JOIN invitations i ON i.email_key = e.address_key {SURROUNDINGS}
             WHERE e.user_id = $1 AND e.verified_at IS NOT NULL"
        ),
        [own.user().as_uuid().into()],
    )
}

fn received(row: &QueryResult) -> Result<ReceivedInvitation, StorageError> {
    Ok(ReceivedInvitation {
        invitation: invitation(row)?,
        organization_name: at(row, 11)?,
        organization_updated_at: at(row, 12)?,
        inviter_name: at(row, 13)?,
        role: at::<Option<Uuid>>(row, 14)?
            .map(|_| custom_role(row, 14))
            .transpose()?,
    })
}
