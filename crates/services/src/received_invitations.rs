//! Invitations, as those whom they invite deal with them.

use std::fmt;

use resonance_authz::{Denied, InvitationGrant, OwnGrant};
use resonance_domain::{
    EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, InOrg, Invitation, InvitationId, InvitationState,
    Page, PageRequest, UserId, seat_is_free,
};
use resonance_identity::SecretToken;
use resonance_persistence::{
    IdCursor, NewEvent, NewMembership, ReceivedInvitation, Repositories, UnitOfWork, ViewedOrganization,
};

use crate::{
    INVITATION_TOKEN, Invitations, Outcome, Refusal, Request, changes::Changes, enrolments::fulfil, logo,
    refusals::Attempt,
};

/// How an invitee names an invitation. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub enum InvitationKey {
    /// By the secret token of the link.
    Token(String),
    /// By the id, for invitations to one of the user's own verified addresses.
    Id(InOrg<InvitationId>),
}

impl fmt::Debug for InvitationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
        }
    }
}

impl InvitationKey {
    /// What may be recorded of it: never the secret.
    fn shown(&self) -> Option<String> {
        match self {
            Self::Token(_) => None,
            Self::Id(id) => Some(id.global_id()),
        }
    }
}

impl Invitations<'_> {
    /// What the holder of an invitation's link may know of it. Nobody need be signed in.
    ///
    /// # Errors
    /// `NotVisible` for every token that is no invitation's current one.
    pub async fn by_token(self, token: &str) -> Outcome<ReceivedInvitation> {
        let key = InvitationKey::Token(token.to_owned());
        let found = self.find(&self.0.core().database, &key).await?;
        let (_, received) = found.ok_or(Denied::NotVisible)?;
        Ok(received)
    }

    /// A page of the open invitations to the user's verified addresses, newest first. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn received(self, page: &PageRequest<IdCursor>) -> Outcome<Page<ReceivedInvitation>> {
        let own = self.0.actor().own()?;
        let received = self.0.core().database.received_invitations();
        let rows = received.page(&own, self.0.now(), page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn count_received(self) -> Outcome<u64> {
        let own = self.0.actor().own()?;
        let received = self.0.core().database.received_invitations();
        Ok(received.count(&own, self.0.now()).await?)
    }

    /// Joins the organization that invites. The user must have the invited address verified. It becomes the active
    /// organization if the user has none. One transaction, one at a time for an organization.
    ///
    /// # Errors
    /// `Unauthenticated`. Refusals: `NOT_FOUND` for `token` or `invitationId`; `INVITATION_EXPIRED`;
    /// `INVITATION_CLOSED`; `EMAIL_MISMATCH`; `ALREADY_MEMBER`; `MEMBER_LIMIT_REACHED`.
    pub async fn accept(self, key: &InvitationKey) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let own = request.actor().own()?;
        let viewed = request
            .attempt(Attempt::on_any("acceptInvitation", key.shown()), async |uow| {
                let (grant, invitation) = self.open(uow, key).await?;
                self.join(uow, &own, &grant, &invitation).await
            })
            .await?;
        request.learn(viewed.standing.clone());
        Ok(viewed)
    }

    async fn join(
        self,
        uow: &UnitOfWork,
        own: &OwnGrant,
        grant: &InvitationGrant,
        invitation: &Invitation,
    ) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let session = request.signed_in()?.session;
        let invited = EmailAddress::parse(&invitation.email)?;
        let received = uow.received_invitations();
        let invitee = received.invitee(grant, own, session, &invited).await?;
        let invitee = invitee.ok_or(Denied::Unauthenticated)?;
        if !invitee.has_address {
            let message = "the invitation went to an address that is not verified as yours";
            return Err(FieldError::new(ErrorCode::EmailMismatch, message).into());
        }
        if invitee.is_member {
            let message = "you are a member already";
            return Err(FieldError::new(ErrorCode::AlreadyMember, message).into());
        }
        // The invitation has held a seat since it was sent. But the limit may have been lowered since.
        seat_is_free(invitee.member_limit, invitee.members, 1).map_err(Refusal::refusal)?;
        let now = request.core().clock.now();
        received
            .answer(grant, InvitationState::Accepted, Some(own), now)
            .await?;
        let membership = NewMembership {
            id: request.core().ids.next(),
            role: invitation.role.clone(),
            name: invitee.name,
            email: invitee.email,
            created_at: now,
        };
        uow.memberships().join(grant, own, &membership).await?;
        let organization = invitation.organization;
        fulfil(request, uow, own, organization, "invitation").await?;
        let viewed = uow.organizations().viewed(own, organization).await?;
        let viewed = viewed.ok_or(Denied::NotVisible)?;
        if invitee.works_nowhere {
            uow.sessions().work_in(&viewed.standing, session).await?;
        }
        uow.record(accepted(request, invitation, own.user()));
        uow.record(
            request.event(
                EventKind::MembershipCreated,
                Some(organization),
                InOrg::new(organization, membership.id).global_id(),
                Changes::default()
                    .made("role", invitation.role.as_str())
                    .with("user", own.user().type_id()),
            ),
        );
        Ok(viewed)
    }

    /// Says no to an invitation. By token, whoever holds the link may, signed in or not: the link went to the invited
    /// mailbox and nowhere else, and somebody without an account must be able to end the matter. One transaction.
    ///
    /// # Errors
    /// `Unauthenticated` when named by id. Refusals: `NOT_FOUND` for `token` or `invitationId`; `INVITATION_EXPIRED`;
    /// `INVITATION_CLOSED`.
    pub async fn decline(self, key: &InvitationKey) -> Outcome<ReceivedInvitation> {
        let request = self.0;
        request
            .attempt(Attempt::on_any("declineInvitation", key.shown()), async |uow| {
                let (grant, invitation) = self.open(uow, key).await?;
                let now = request.core().clock.now();
                let received = uow.received_invitations();
                received
                    .answer(&grant, InvitationState::Declined, None, now)
                    .await?;
                let found = self.find(uow, key).await?;
                let (_, declined) = found.ok_or(Denied::NotVisible)?;
                uow.record(
                    request.event(
                        EventKind::InvitationDeclined,
                        Some(invitation.organization),
                        InOrg::new(invitation.organization, invitation.id).global_id(),
                        Changes::default()
                            .field(
                                "state",
                                InvitationState::Pending.as_str(),
                                InvitationState::Declined.as_str(),
                            )
                            .with("email", invitation.email.as_str())
                            .with("role", invitation.role.as_str()),
                    ),
                );
                Ok(declined)
            })
            .await
    }

    /// The absolute URL of the inviting organization's picture.
    #[must_use]
    pub fn logo_url(self, received: &ReceivedInvitation) -> String {
        logo::url(
            self.0.core(),
            received.invitation.organization,
            received.organization_updated_at,
            self.0.now(),
        )
    }

    /// An invitation that can be answered, its organization held until the unit of work ends.
    async fn open(self, uow: &UnitOfWork, key: &InvitationKey) -> Outcome<(InvitationGrant, Invitation)> {
        let not_found = || {
            let field = match key {
                InvitationKey::Token(_) => "token",
                InvitationKey::Id(_) => "invitationId",
            };
            FieldError::new(ErrorCode::NotFound, "there is no such invitation").at(field)
        };
        let (grant, _) = self.find(uow, key).await?.ok_or_else(not_found)?;
        let received = uow.received_invitations();
        if !received.lock(&grant).await? {
            return Err(not_found().into());
        }
        // Read again, now that nobody else answers, resends or revokes.
        let invitation = received.get(&grant).await?.ok_or_else(not_found)?;
        let now = self.0.core().clock.now();
        invitation.open_at(now).map_err(Refusal::refusal)?;
        Ok((grant, invitation))
    }

    async fn find(
        self,
        repositories: &impl Repositories,
        key: &InvitationKey,
    ) -> Outcome<Option<(InvitationGrant, ReceivedInvitation)>> {
        let received = repositories.received_invitations();
        match key {
            InvitationKey::Token(text) => {
                let Ok(token) = SecretToken::parse(INVITATION_TOKEN, text.trim()) else {
                    return Ok(None);
                };
                Ok(received.by_token(token.hash().as_bytes()).await?)
            }
            InvitationKey::Id(id) => {
                let own = self.0.actor().own()?;
                Ok(received.own(&own, *id).await?)
            }
        }
    }
}

/// The event of an invitation that was accepted: by the invitee, or by the way in which the invitee joined instead.
pub(crate) fn accepted(request: &Request, invitation: &Invitation, user: UserId) -> NewEvent {
    let subject = InOrg::new(invitation.organization, invitation.id).global_id();
    let payload = of_accepted(invitation, user);
    request.event(
        EventKind::InvitationAccepted,
        Some(invitation.organization),
        subject,
        payload,
    )
}

/// What that event tells.
pub(crate) fn of_accepted(invitation: &Invitation, user: UserId) -> Changes {
    Changes::default()
        .field(
            "state",
            InvitationState::Pending.as_str(),
            InvitationState::Accepted.as_str(),
        )
        .with("email", invitation.email.as_str())
        .with("role", invitation.role.as_str())
        .with("user", user.type_id())
}
