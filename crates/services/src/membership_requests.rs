//! Requests to join, as the organization deals with them.

use resonance_authz::{Grant, ManageMemberships};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, IdsExt, InOrg, MembershipRequest, MembershipRequestId,
    MembershipRequestState, OrganizationId, Page, PageRequest, RequestClosed, seat_is_free,
};
use resonance_persistence::{IdCursor, NewMembership, ReceivedMembershipRequest, Repositories, UnitOfWork};

use crate::{
    Outcome, Refusal, Request, ServiceError,
    changes::Changes,
    received_invitations,
    refusals::Attempt,
    roles::{existing_role, not_beyond_own},
};

/// The use cases of requests to join, for the organization.
#[derive(Debug, Clone, Copy)]
pub struct MembershipRequests<'a>(&'a Request);

impl Request {
    /// The use cases of requests to join, for the organization.
    #[must_use]
    pub const fn membership_requests(&self) -> MembershipRequests<'_> {
        MembershipRequests(self)
    }
}

impl Refusal for RequestClosed {
    fn refusal(self) -> FieldError {
        FieldError::new(ErrorCode::Conflict, self)
    }
}

impl MembershipRequests<'_> {
    /// A page of the requests in one of `states` (in any, if it is empty), newest first. Requires
    /// `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(
        self,
        organization: OrganizationId,
        states: &[MembershipRequestState],
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<ReceivedMembershipRequest>> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        let requests = self.0.core().database.membership_requests();
        let rows = requests.page(&grant, states, page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are. Requires `org:sys_memberships:manage`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn count(
        self,
        organization: OrganizationId,
        states: &[MembershipRequestState],
    ) -> Outcome<u64> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        let requests = self.0.core().database.membership_requests();
        Ok(requests.count(&grant, states).await?)
    }

    /// Those of `ids` that were made to the organization, in no order. Requires `org:sys_memberships:manage`. One
    /// statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(
        self,
        organization: OrganizationId,
        ids: &[MembershipRequestId],
    ) -> Outcome<Vec<ReceivedMembershipRequest>> {
        let grant = self.0.grant::<ManageMemberships>(organization).await?;
        let requests = self.0.core().database.membership_requests();
        Ok(requests.get_many(&grant, ids).await?)
    }

    /// Makes the requester a member, with the domain's role. Requires `org:sys_memberships:manage`, and every permission
    /// of that role. The requester is told by mail. One transaction, one at a time for an organization.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `membershipRequestId`; `OWN_REQUEST`; `CONFLICT` if it is no longer pending, or
    /// the requester has the address no more; `ROLE_EXCEEDS_OWN`; `ALREADY_MEMBER`; `MEMBER_LIMIT_REACHED`.
    pub async fn accept(self, id: InOrg<MembershipRequestId>) -> Outcome<ReceivedMembershipRequest> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        let attempt = Attempt::on("acceptMembershipRequest", id.organization, id.global_id());
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageMemberships>()?;
                let mut found = existing(uow, &grant, id).await?;
                if found.request.user == user {
                    let message = "somebody else must decide about one's own request";
                    return Err(FieldError::new(ErrorCode::OwnRequest, message)
                        .at("membershipRequestId")
                        .into());
                }
                pending(&found)?;
                let asked = &found.request;
                let role = existing_role(uow, &grant, asked.role.as_str()).await??;
                not_beyond_own(&role.permissions, &standing, "role")?;
                let now = core.clock.now();
                let entrant = uow.enrolments().requester(&grant, asked.user, now).await?;
                let entrant = entrant.ok_or_else(not_found)?;
                if entrant.is_member {
                    let message = "this person is a member already";
                    return Err(FieldError::new(ErrorCode::AlreadyMember, message).into());
                }
                if !uow.membership_requests().has_address(&grant, id.id).await? {
                    return Err(conflict("the requester does not have the address any more").into());
                }
                seat_is_free(entrant.member_limit, entrant.seats_taken, 1).map_err(Refusal::refusal)?;
                self.decide(uow, &grant, &mut found, MembershipRequestState::Accepted)
                    .await?;
                let membership = NewMembership {
                    id: core.ids.next(),
                    role: found.request.role.clone(),
                    name: entrant.name,
                    email: entrant.email,
                    created_at: now,
                };
                let (asker, role) = (found.request.user, membership.role.as_str());
                uow.memberships().admit(&grant, asker, &membership).await?;
                uow.record(accepted(request, &found.request, "request"));
                for invitation in uow.invitations().fulfil(&grant, asker, now).await? {
                    uow.record(received_invitations::accepted(request, &invitation, asker));
                }
                uow.record(
                    request.event(
                        EventKind::MembershipCreated,
                        Some(id.organization),
                        InOrg::new(id.organization, membership.id).global_id(),
                        Changes::default()
                            .made("role", role)
                            .with("user", asker.type_id()),
                    ),
                );
                Ok::<_, ServiceError>(found)
            })
            .await
    }

    /// Says no to a request. Requires `org:sys_memberships:manage`. The requester is told by mail, and is not suggested
    /// the organization again. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `membershipRequestId`; `CONFLICT` if it is no longer pending.
    pub async fn reject(self, id: InOrg<MembershipRequestId>) -> Outcome<ReceivedMembershipRequest> {
        let request = self.0;
        let user = request.signed_in()?.user;
        request
            .attempt(
                Attempt::on("rejectMembershipRequest", id.organization, id.global_id()),
                async |uow| {
                    let standing = uow.standings().of_locked(user, id.organization).await?;
                    let grant = standing.grant::<ManageMemberships>()?;
                    let mut found = existing(uow, &grant, id).await?;
                    pending(&found)?;
                    self.decide(uow, &grant, &mut found, MembershipRequestState::Rejected)
                        .await?;
                    uow.record(request.event(
                        EventKind::MembershipRequestRejected,
                        Some(id.organization),
                        id.global_id(),
                        of_answered(&found.request, MembershipRequestState::Rejected),
                    ));
                    Ok::<_, ServiceError>(found)
                },
            )
            .await
    }

    /// Stores the answer, unless the requester was faster.
    async fn decide(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ManageMemberships>,
        found: &mut ReceivedMembershipRequest,
        answer: MembershipRequestState,
    ) -> Outcome<()> {
        let now = self.0.core().clock.now();
        let requests = uow.membership_requests();
        if !requests.decide(grant, found.request.id, answer, now).await? {
            let closed = RequestClosed(MembershipRequestState::Withdrawn).refusal();
            return Err(closed.at("membershipRequestId").into());
        }
        found.request.state = answer;
        found.request.decided_by = grant.user();
        found.request.closed_at = Some(now);
        Ok(())
    }
}

/// The event of a request that was accepted, `through` what: itself, an invitation or a domain that lets in at once.
pub(crate) fn accepted(
    request: &Request,
    asked: &MembershipRequest,
    through: &str,
) -> resonance_persistence::NewEvent {
    request.event(
        EventKind::MembershipRequestAccepted,
        Some(asked.organization),
        InOrg::new(asked.organization, asked.id).global_id(),
        of_accepted(asked, through),
    )
}

/// What that event tells.
pub(crate) fn of_accepted(asked: &MembershipRequest, through: &str) -> Changes {
    of_answered(asked, MembershipRequestState::Accepted)
        .with("role", asked.role.as_str())
        .with("through", through)
}

/// What the event of a request tells that is pending no more.
pub(crate) fn of_answered(asked: &MembershipRequest, answer: MembershipRequestState) -> Changes {
    Changes::default()
        .field("state", MembershipRequestState::Pending.as_str(), answer.as_str())
        .with("user", asked.user.type_id())
        .with("email", asked.email.as_str())
}

/// The event of a request that its user took back.
pub(crate) fn withdrawn(request: &Request, asked: &MembershipRequest) -> resonance_persistence::NewEvent {
    request.event(
        EventKind::MembershipRequestWithdrawn,
        Some(asked.organization),
        InOrg::new(asked.organization, asked.id).global_id(),
        of_answered(asked, MembershipRequestState::Withdrawn),
    )
}

async fn existing(
    uow: &UnitOfWork,
    grant: &Grant<ManageMemberships>,
    id: InOrg<MembershipRequestId>,
) -> Outcome<ReceivedMembershipRequest> {
    let found = uow.membership_requests().get(grant, id.id).await?;
    Ok(found.ok_or_else(not_found)?)
}

fn pending(found: &ReceivedMembershipRequest) -> Result<(), FieldError> {
    let open = found.request.open();
    open.map_err(|closed| closed.refusal().at("membershipRequestId"))
}

pub(crate) fn not_found() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such request").at("membershipRequestId")
}

fn conflict(message: &str) -> FieldError {
    FieldError::new(ErrorCode::Conflict, message).at("membershipRequestId")
}
