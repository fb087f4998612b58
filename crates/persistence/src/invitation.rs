//! Invitations, as the organization that sends them sees them.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, ManageMemberships};
use resonance_domain::{
    EmailAddress, Id, InOrg, Invitation, InvitationId, InvitationState, PageRequest, RoleKey, UserId,
};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known, role},
    received_invitation,
};

/// The invitations.
#[derive(Debug, Clone, Copy)]
pub struct Invitations<'a>(pub(crate) Executor<'a>);

/// An invitation that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// Its identity.
    pub id: InvitationId,
    /// Whom it invites.
    pub email: EmailAddress,
    /// The hash of its token.
    pub token_hash: [u8; 32],
}

/// What the invitations of one unit of work have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationTerms {
    /// The role that the invitees get.
    pub role: RoleKey,
    /// When.
    pub now: DateTime<Utc>,
    /// Until when they can be accepted.
    pub expires_at: DateTime<Utc>,
}

/// What decides whether addresses can be invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRoom {
    /// The organization's member limit; 0 means none.
    pub member_limit: u32,
    /// Seats that members and open invitations take. Not counted without a limit.
    pub seats_taken: u64,
    /// Those of the addresses, in their compared form, that are a member's.
    pub members: Vec<String>,
    /// Those of the addresses, in their compared form, that a pending invitation went to, and when it expires or
    /// expired.
    pub pending: Vec<(String, InvitationId, DateTime<Utc>)>,
}

/// Read by [`invitation`], in this order.
pub(crate) const COLUMNS: &str = "i.id, i.organization_id, i.email, i.role, i.state, i.expires_at, \
    i.invited_by, i.sendings, i.last_sent_at, i.created_at, i.closed_at";

impl Invitations<'_> {
    /// What decides whether `addresses` can be invited at `now`. The caller holds the organization's row. One
    /// statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn room(
        self,
        grant: &Grant<ManageMemberships>,
        addresses: &[&EmailAddress],
        now: DateTime<Utc>,
    ) -> Result<InvitationRoom, StorageError> {
        let mut sql = Sql::new(
            "SELECT o.member_limit, CASE WHEN o.member_limit = 0 THEN 0 ELSE
                (SELECT COUNT(*) FROM memberships WHERE organization_id = $1)
                + (SELECT COUNT(*) FROM invitations
                   WHERE organization_id = $1 AND state = 'pending' AND expires_at > $2) END,
                c.email_key, c.id, c.expires_at
             FROM organizations o LEFT JOIN (
                SELECT e.address_key AS email_key, NULL AS id, NULL AS expires_at FROM user_emails e
                JOIN memberships m ON m.user_id = e.user_id AND m.organization_id = $1
                WHERE e.verified_at IS NOT NULL AND e.address_key IN ",
            [grant.organization().as_uuid().into(), now.into()],
        );
        sql.list(addresses.iter().map(|address| address.key()));
        sql.push(
            " UNION ALL SELECT email_key, id, expires_at FROM invitations
                WHERE organization_id = $1 AND state = 'pending' AND email_key IN ",
        );
        sql.list(addresses.iter().map(|address| address.key()));
        sql.push(") c ON TRUE WHERE o.id = $1");
        let rows = self
            .0
            .rows(sql, |row| {
                Ok((
                    count::<u32>(at(row, 0)?, "organizations.member_limit")?,
                    at::<i64>(row, 1)?.unsigned_abs(),
                    at::<Option<String>>(row, 2)?,
                    at::<Option<Uuid>>(row, 3)?.zip(at::<Option<DateTime<Utc>>>(row, 4)?),
                ))
            })
            .await?;
        let mut room = InvitationRoom {
            member_limit: 0,
            seats_taken: 0,
            members: Vec::new(),
            pending: Vec::new(),
        };
        for (member_limit, seats_taken, key, pending) in rows {
            room.member_limit = member_limit;
            room.seats_taken = seats_taken;
            match (key, pending) {
                (Some(key), Some((id, expires_at))) => {
                    room.pending.push((key, Id::from_uuid(id), expires_at));
                }
                (Some(key), None) => room.members.push(key),
                (None, _) => {}
            }
        }
        Ok(room)
    }

    /// Marks pending invitations as expired whose time is over, so that others can take their place.
    ///
    /// # Errors
    /// The database's.
    pub async fn expire(
        self,
        grant: &Grant<ManageMemberships>,
        ids: &[InvitationId],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new(
            "UPDATE invitations SET state = 'expired'
             WHERE organization_id = $1 AND state = 'pending' AND expires_at <= $2 AND id IN ",
            [grant.organization().as_uuid().into(), now.into()],
        );
        sql.list(ids.iter().map(Id::as_uuid));
        self.0.run(sql).await?;
        Ok(())
    }

    /// Stores invitations. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        grant: &Grant<ManageMemberships>,
        terms: &InvitationTerms,
        new: &[NewInvitation],
    ) -> Result<(), StorageError> {
        if new.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new(
            "INSERT INTO invitations (organization_id, role, state, sendings, expires_at, invited_by,
                last_sent_at, created_at, id, email, email_key, token_hash) VALUES ",
            [
                grant.organization().as_uuid().into(),
                terms.role.as_str().into(),
                terms.expires_at.into(),
                grant.user().map(|user| user.as_uuid()).into(),
                terms.now.into(),
            ],
        );
        for (row, invitation) in new.iter().enumerate() {
            sql.push(if row == 0 { "" } else { ", " })
                .push("($1, $2, 'pending', 1, $3, $4, $5, $5, ")
                .bind(invitation.id.as_uuid())
                .push(", ")
                .bind(invitation.email.as_str())
                .push(", ")
                .bind(invitation.email.key())
                .push(", ")
                .bind(invitation.token_hash.to_vec())
                .push(")");
        }
        self.0.run(sql).await?;
        Ok(())
    }

    /// One invitation, with the compared form of its address.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<ManageMemberships>,
        id: InvitationId,
    ) -> Result<Option<Invitation>, StorageError> {
        let mut sql = invitations(grant);
        sql.push(" AND i.id = ").bind(id.as_uuid());
        self.0.row(sql, invitation).await
    }

    /// Several invitations, in no order; those that are not found are absent.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<ManageMemberships>,
        ids: &[InvitationId],
    ) -> Result<Vec<Invitation>, StorageError> {
        let mut sql = invitations(grant);
        sql.push(" AND i.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, invitation).await
    }

    /// A page of the invitations that are in one of `states` at `now` (in any, if it is empty), newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<ManageMemberships>,
        states: &[InvitationState],
        now: DateTime<Utc>,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<Invitation>, StorageError> {
        let mut sql = invitations(grant);
        restrict(&mut sql, states, now);
        sql.page_by_id("i.id", true, page);
        self.0.rows(sql, invitation).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<ManageMemberships>,
        states: &[InvitationState],
        now: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "SELECT COUNT(*) FROM invitations i WHERE i.organization_id = $1",
            [grant.organization().as_uuid().into()],
        );
        restrict(&mut sql, states, now);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Stores that an invitation is sent again: state, expiry, count and token.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_sending(
        self,
        grant: &Grant<ManageMemberships>,
        invitation: &Invitation,
        token_hash: [u8; 32],
    ) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE invitations SET state = $3, sendings = $4, expires_at = $5,
            last_sent_at = $6, token_hash = $7 WHERE organization_id = $1 AND id = $2";
        let values = [
            grant.organization().as_uuid().into(),
            invitation.id.as_uuid().into(),
            invitation.stored_state.as_str().into(),
            i32::try_from(invitation.sendings).unwrap_or(i32::MAX).into(),
            invitation.expires_at.into(),
            invitation.last_sent_at.into(),
            token_hash.to_vec().into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Accepts the open invitations of somebody who became a member in this unit of work by another way. Those
    /// invitations.
    ///
    /// # Errors
    /// The database's.
    pub async fn fulfil(
        self,
        grant: &Grant<ManageMemberships>,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Invitation>, StorageError> {
        received_invitation::fulfil(self.0, grant.organization(), user, now).await
    }

    /// Takes a pending invitation back.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke(
        self,
        grant: &Grant<ManageMemberships>,
        id: InvitationId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const REVOKE: &str = "UPDATE invitations SET state = 'revoked', closed_at = $3
            WHERE organization_id = $1 AND id = $2 AND state = 'pending'";
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            now.into(),
        ];
        self.0.execute(REVOKE, values).await?;
        Ok(())
    }
}

fn invitations(grant: &Grant<ManageMemberships>) -> Sql {
    Sql::new(
        format!("SELECT {COLUMNS} FROM invitations i WHERE i.organization_id = $1"),
        [grant.organization().as_uuid().into()],
    )
}

/// An invitation expires by the passing of time alone: what is stored as pending is so only until it expires.
fn restrict(sql: &mut Sql, states: &[InvitationState], now: DateTime<Utc>) {
    if states.is_empty() {
        return;
    }
    let mut separator = " AND (";
    for state in states {
        sql.push(separator);
        separator = " OR ";
        match state {
            InvitationState::Pending => {
                sql.push("i.state = 'pending' AND i.expires_at > ").bind(now);
            }
            InvitationState::Expired => {
                sql.push("i.state = 'expired' OR i.state = 'pending' AND i.expires_at <= ")
                    .bind(now);
            }
            closed => {
                sql.push("i.state = ").bind(closed.as_str());
            }
        }
    }
    sql.push(")");
}

pub(crate) fn invitation(row: &QueryResult) -> Result<Invitation, StorageError> {
    Ok(Invitation {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        email: at(row, 2)?,
        role: role(&at::<String>(row, 3)?, "invitations.role")?,
        stored_state: known(
            InvitationState::from_stored(&at::<String>(row, 4)?),
            "invitations.state",
        )?,
        expires_at: at(row, 5)?,
        invited_by: at::<Option<Uuid>>(row, 6)?.map(UserId::from_uuid),
        sendings: at::<i32>(row, 7)?.unsigned_abs(),
        last_sent_at: at(row, 8)?,
        created_at: at(row, 9)?,
        closed_at: at(row, 10)?,
    })
}

/// Where an invitation lives, as values of a statement.
pub(crate) fn address(address: InOrg<InvitationId>) -> [Value; 2] {
    [address.organization.as_uuid().into(), address.id.as_uuid().into()]
}
