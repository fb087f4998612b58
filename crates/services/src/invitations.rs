//! Invitations, as the organization that sends them deals with them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{Grant, ManageMemberships};
use resonance_domain::{
    EmailAddress, ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, InOrg, Invitation, InvitationId,
    InvitationState, MAX_INVITATIONS_AT_ONCE, OrganizationId, Page, PageRequest, RoleKey,
    invitation_lifetime, seat_is_free,
};
use resonance_persistence::{
    IdCursor, InvitationRoom, InvitationTerms, NewInvitation, Repositories, UnitOfWork,
};

use crate::{
    INVITATION_TOKEN, Outcome, Refusal, Request, ServiceError,
    changes::Changes,
    core::Core,
    limits,
    refusals::Attempt,
    roles::{existing_role, not_beyond_own},
};

/// Whom to invite, and to what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InviteMembers {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// 1 to 50 addresses.
    pub emails: Vec<String>,
    /// The key of the role that the invitees get.
    pub role: String,
    /// How long the invitations stay open: 1 to 365 days, 30 when nothing is said.
    pub expires_in_days: Option<i64>,
}

/// What became of one address of [`InviteMembers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteOutcome {
    /// The address as it was given.
    pub email: String,
    /// The invitation, or why there is none.
    pub result: Result<Invitation, FieldError>,
}

/// The use cases of invitations.
#[derive(Debug, Clone, Copy)]
pub struct Invitations<'a>(pub(crate) &'a Request);

impl Request {
    /// The use cases of invitations.
    #[must_use]
    pub fn invitations(&self) -> Invitations<'_> {
        Invitations(self)
    }
}

impl Invitations<'_> {
    /// Invites people by mail. Requires `org:sys_memberships:manage`, and every permission of the role.
    ///
    /// Every address has its own outcome, in the given order: what is wrong with one harms no other. The invitations
    /// that can be made are made in one transaction; their mails leave afterwards.
    ///
    /// # Errors
    /// Denials; `RateLimited` (250 an hour), and then nobody is invited. Refusals: of `emails` as a list,
    /// `role` and `expiresInDays`. Refusals in outcomes: of the address; `ALREADY_MEMBER`; `ALREADY_INVITED`;
    /// `MEMBER_LIMIT_REACHED`.
    pub async fn invite(self, input: InviteMembers) -> Outcome<Vec<InviteOutcome>> {
        let request = self.0;
        let organization = request.organization(input.organization)?;
        let user = request.signed_in()?.user;
        let mut errors = FieldErrors::default();
        if !(1..=MAX_INVITATIONS_AT_ONCE).contains(&input.emails.len()) {
            let message = format!("must be from 1 to {MAX_INVITATIONS_AT_ONCE} addresses");
            errors.push(FieldError::new(ErrorCode::Invalid, message).at("emails"));
        }
        let lifetime = invitation_lifetime(input.expires_in_days);
        let parsed = parse(&input.emails);
        let attempt = Attempt::in_organization("inviteMembers", organization);
        let results = request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<ManageMemberships>()?;
                let role = errors.take("role", existing_role(uow, &grant, &input.role).await?);
                let lifetime = errors.take("expiresInDays", lifetime);
                errors.finish()?;
                let (Some(role), Some(lifetime)) = (role, lifetime) else {
                    return Ok(Vec::new());
                };
                not_beyond_own(&role.permissions, &standing, "role")?;
                self.send(uow, &grant, parsed, role.key, lifetime).await
            })
            .await?;
        let given = input.emails.into_iter().zip(results);
        Ok(given
            .enumerate()
            .map(|(index, (email, result))| InviteOutcome {
                email,
                result: result.map_err(|error| error.at(format!("emails.{index}"))),
            })
            .collect())
    }

    async fn send(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ManageMemberships>,
        addresses: Vec<Result<EmailAddress, FieldError>>,
        role: RoleKey,
        lifetime: TimeDelta,
    ) -> Outcome<Vec<Result<Invitation, FieldError>>> {
        let core = self.0.core();
        let now = core.clock.now();
        let room = self.room(uow, grant, addresses.iter().flatten(), now).await?;
        let terms = InvitationTerms {
            role,
            now,
            expires_at: now + lifetime,
        };
        let mut new = Vec::new();
        let results: Vec<_> = addresses
            .into_iter()
            .map(|address| {
                let address = address?;
                admit(&room, &address, None, new.len() as u64 + 1, now)?;
                let id: InvitationId = core.ids.next();
                let invitation = Invitation {
                    id,
                    organization: grant.organization(),
                    email: address.as_str().to_owned(),
                    role: terms.role.clone(),
                    stored_state: InvitationState::Pending,
                    expires_at: terms.expires_at,
                    invited_by: grant.user(),
                    sendings: 1,
                    last_sent_at: now,
                    created_at: now,
                    closed_at: None,
                };
                new.push(NewInvitation {
                    id,
                    email: address,
                    token_hash: token_hash(core, id, 1),
                });
                Ok(invitation)
            })
            .collect();
        self.throttle(uow, grant, new.len(), now).await?;
        uow.invitations().insert(grant, &terms, &new).await?;
        for invitation in results.iter().flatten() {
            uow.record(self.sent(EventKind::InvitationCreated, None, invitation));
        }
        Ok(results)
    }

    /// Sends an invitation again, with a new link and a new expiry; the earlier link is void. One that has expired
    /// becomes pending again. Requires `org:sys_memberships:manage`, and every permission of the role. One
    /// transaction.
    ///
    /// # Errors
    /// Denials; `RateLimited`. Refusals: `NOT_FOUND` for `invitationId`; `INVITATION_CLOSED`; `INVALID` for a `role`
    /// that was deleted since; `ROLE_EXCEEDS_OWN`; `ALREADY_MEMBER`; `ALREADY_INVITED`; `MEMBER_LIMIT_REACHED`; of `expiresInDays`.
    pub async fn resend(self, id: InOrg<InvitationId>, expires_in_days: Option<i64>) -> Outcome<Invitation> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        let lifetime = invitation_lifetime(expires_in_days).map_err(|error| error.at("expiresInDays"));
        let attempt = Attempt::on("resendInvitation", id.organization, id.global_id());
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageMemberships>()?;
                let lifetime = lifetime?;
                let invitation = uow.invitations().get(&grant, id.id).await?;
                let mut invitation = invitation.ok_or_else(not_found)?;
                let before = invitation.clone();
                let now = core.clock.now();
                invitation.resendable_at(now).map_err(Refusal::refusal)?;
                // One that has expired keeps no role from being deleted.
                let role = existing_role(uow, &grant, invitation.role.as_str()).await??;
                not_beyond_own(&role.permissions, &standing, "role")?;
                let address = EmailAddress::parse(&invitation.email)?;
                let room = self.room(uow, &grant, std::iter::once(&address), now).await?;
                // A pending invitation has its seat already.
                let seats = u64::from(invitation.state_at(now) != InvitationState::Pending);
                admit(&room, &address, Some(id.id), seats, now)?;
                self.throttle(uow, &grant, 1, now).await?;
                invitation.stored_state = InvitationState::Pending;
                invitation.sendings += 1;
                invitation.expires_at = now + lifetime;
                invitation.last_sent_at = now;
                let hash = token_hash(core, id.id, invitation.sendings);
                uow.invitations().store_sending(&grant, &invitation, hash).await?;
                uow.record(self.sent(EventKind::InvitationResent, Some(&before), &invitation));
                Ok::<_, ServiceError>(invitation)
            })
            .await
    }

    /// Takes a pending invitation back; its link is void. Requires `org:sys_memberships:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `invitationId`; `INVITATION_CLOSED`; `INVITATION_EXPIRED`.
    pub async fn revoke(self, id: InOrg<InvitationId>) -> Outcome<Invitation> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        request
            .attempt(
                Attempt::on("revokeInvitation", id.organization, id.global_id()),
                async |uow| {
                    let standing = uow.standings().of_locked(user, id.organization).await?;
                    let grant = standing.grant::<ManageMemberships>()?;
                    let invitation = uow.invitations().get(&grant, id.id).await?;
                    let mut invitation = invitation.ok_or_else(not_found)?;
                    let now = core.clock.now();
                    invitation.open_at(now).map_err(Refusal::refusal)?;
                    uow.invitations().revoke(&grant, id.id, now).await?;
                    invitation.stored_state = InvitationState::Revoked;
                    invitation.closed_at = Some(now);
                    uow.record(
                        request.event(
                            EventKind::InvitationRevoked,
                            Some(id.organization),
                            id.global_id(),
                            Changes::default()
                                .field(
                                    "state",
                                    InvitationState::Pending.as_str(),
                                    InvitationState::Revoked.as_str(),
                                )
                                .with("email", invitation.email.as_str())
                                .with("role", invitation.role.as_str()),
                        ),
                    );
                    Ok::<_, ServiceError>(invitation)
                },
            )
            .await
    }

    /// A page of the invitations in one of `states` (in any, if it is empty), newest first. Requires
    /// `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(
        self,
        organization: OrganizationId,
        states: &[InvitationState],
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<Invitation>> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        let invitations = self.0.core().database.invitations();
        let rows = invitations.page(&grant, states, self.0.now(), page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are. Requires `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn count(self, organization: OrganizationId, states: &[InvitationState]) -> Outcome<u64> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        let invitations = self.0.core().database.invitations();
        Ok(invitations.count(&grant, states, self.0.now()).await?)
    }

    /// Those of `ids` that the organization sent, in no order. Requires `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(
        self,
        organization: OrganizationId,
        ids: &[InvitationId],
    ) -> Outcome<Vec<Invitation>> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        Ok(self.0.core().database.invitations().get_many(&grant, ids).await?)
    }

    /// What decides about the addresses, once invitations to them that have expired are out of the way.
    async fn room<'a>(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ManageMemberships>,
        addresses: impl Iterator<Item = &'a EmailAddress>,
        now: DateTime<Utc>,
    ) -> Outcome<InvitationRoom> {
        let addresses: Vec<&EmailAddress> = addresses.collect();
        let mut room = uow.invitations().room(grant, &addresses, now).await?;
        let (expired, pending) = std::mem::take(&mut room.pending)
            .into_iter()
            .partition(|(_, _, expires_at)| *expires_at <= now);
        room.pending = pending;
        let expired: Vec<_> = expired;
        let expired: Vec<InvitationId> = expired.into_iter().map(|(_, id, _)| id).collect();
        uow.invitations().expire(grant, &expired, now).await?;
        Ok(room)
    }

    async fn throttle(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ManageMemberships>,
        sendings: usize,
        now: DateTime<Utc>,
    ) -> Outcome<()> {
        let Ok(count @ 1..) = u32::try_from(sendings) else {
            return Ok(());
        };
        let key = format!("invitations:{}", grant.organization().type_id());
        let taken = uow.throttles().take(&key, limits::INVITATIONS, count, now);
        taken.await?.map_err(|wait| ServiceError::RateLimited { wait })
    }

    fn sent(
        self,
        kind: EventKind,
        before: Option<&Invitation>,
        invitation: &Invitation,
    ) -> resonance_persistence::NewEvent {
        let state = |invitation: &Invitation| invitation.stored_state.as_str();
        let expiry = |invitation: &Invitation| serde_json::json!(invitation.expires_at);
        let email = |invitation: &Invitation| invitation.email.clone();
        let role = |invitation: &Invitation| invitation.role.as_str().to_owned();
        let changes = Changes::default()
            .field("email", before.map(email), email(invitation))
            .field("role", before.map(role), role(invitation))
            .field("state", before.map(state), state(invitation))
            .field("expiresAt", before.map(expiry), expiry(invitation))
            .with("email", invitation.email.as_str())
            .with("sending", invitation.sendings);
        self.0.event(
            kind,
            Some(invitation.organization),
            InOrg::new(invitation.organization, invitation.id).global_id(),
            changes,
        )
    }
}

/// Reads the addresses. One that was named before is refused, whatever its case.
fn parse(addresses: &[String]) -> Vec<Result<EmailAddress, FieldError>> {
    let mut seen = HashSet::new();
    let parsed = addresses.iter().map(|text| {
        let address = EmailAddress::parse(text)?;
        if seen.insert(address.key().to_owned()) {
            Ok(address)
        } else {
            let message = "this list names the address more than once";
            Err(FieldError::new(ErrorCode::AlreadyInvited, message))
        }
    });
    parsed.collect()
}

/// Whether the organization can invite `address`, where `seats` more are needed; `own` is an invitation of that
/// address that does not stand in its own way.
fn admit(
    room: &InvitationRoom,
    address: &EmailAddress,
    own: Option<InvitationId>,
    seats: u64,
    now: DateTime<Utc>,
) -> Result<(), FieldError> {
    if room.members.iter().any(|key| key == address.key()) {
        let message = "this person is a member already";
        return Err(FieldError::new(ErrorCode::AlreadyMember, message));
    }
    let invited = |(key, id, expires_at): &(String, InvitationId, DateTime<Utc>)| {
        key == address.key() && Some(*id) != own && *expires_at > now
    };
    if room.pending.iter().any(invited) {
        let message = "this address has a pending invitation";
        return Err(FieldError::new(ErrorCode::AlreadyInvited, message));
    }
    if seats > 0 {
        seat_is_free(room.member_limit, room.seats_taken, seats).map_err(Refusal::refusal)?;
    }
    Ok(())
}

fn token_hash(core: &Core, id: InvitationId, sending: u32) -> [u8; 32] {
    let token = core
        .tokens
        .derive(INVITATION_TOKEN, id.as_uuid().as_bytes(), sending);
    *token.hash().as_bytes()
}

fn not_found() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such invitation").at("invitationId")
}
