//! Joining through a domain, as those deal with it who have a verified address there.

use resonance_authz::{Denied, EnrolmentGrant, OwnGrant};
use resonance_domain::{
    EmailAddress, EnrolmentMode, ErrorCode, EventKind, FieldError, IdsExt, InOrg, MembershipRequest,
    MembershipRequestId, MembershipRequestState, OrganizationId, Page, PageRequest, seat_is_free,
};
use resonance_persistence::{
    EnrolmentOffer, Entrant, IdCursor, NewMembership, Repositories, SentMembershipRequest, UnitOfWork,
    ViewedOrganization,
};

use crate::{
    Outcome, Refusal, Request, ServiceError,
    changes::Changes,
    limits, logo,
    membership_requests::{accepted, not_found, withdrawn},
    received_invitations,
    refusals::Attempt,
};

/// The use cases of joining through domains, for the joining.
#[derive(Debug, Clone, Copy)]
pub struct Enrolments<'a>(&'a Request);

impl Request {
    /// The use cases of joining through domains, for the joining.
    #[must_use]
    pub const fn enrolments(&self) -> Enrolments<'_> {
        Enrolments(self)
    }
}

impl Enrolments<'_> {
    /// A page of the organizations that the user may join at once (`AUTOMATIC_INVITATION`) or that are suggested
    /// (`AUTOMATIC_SUGGESTION`), by a verified address at one of their domains; the newest organization first. Three
    /// statements.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn offers(
        self,
        mode: EnrolmentMode,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<EnrolmentOffer>> {
        let own = self.0.actor().own()?;
        let rows = if self.allowed(&self.0.core().database, mode).await? {
            let enrolments = self.0.core().database.enrolments();
            enrolments.page(&own, mode, page).await?
        } else {
            Vec::new()
        };
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are. Three statements.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn count_offers(self, mode: EnrolmentMode) -> Outcome<u64> {
        let own = self.0.actor().own()?;
        if !self.allowed(&self.0.core().database, mode).await? {
            return Ok(0);
        }
        Ok(self.0.core().database.enrolments().count(&own, mode).await?)
    }

    /// Joins an organization whose domain lets people in at once, with the domain's role. It becomes the active
    /// organization if the user has none. One transaction, one at a time for an organization.
    ///
    /// # Errors
    /// `Unauthenticated`. Refusals: `NOT_FOUND` for `organizationId`; `ALREADY_MEMBER`; `MEMBER_LIMIT_REACHED`.
    pub async fn join(self, organization: OrganizationId) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let core = request.core();
        let own = request.actor().own()?;
        let session = request.signed_in()?.session;
        let mode = EnrolmentMode::AutomaticInvitation;
        let attempt = Attempt::on_any("joinOrganization", Some(organization.type_id()));
        let viewed = request
            .attempt(attempt, async |uow| {
                let (grant, offer, entrant) = self.enter(uow, &own, organization, mode).await?;
                seat_is_free(entrant.member_limit, entrant.seats_taken, 1).map_err(Refusal::refusal)?;
                let membership = NewMembership {
                    id: core.ids.next(),
                    role: offer.role,
                    name: entrant.name,
                    email: entrant.email,
                    created_at: core.clock.now(),
                };
                uow.memberships().enrol(&grant, &own, &membership).await?;
                fulfil(request, uow, &own, organization, "domain").await?;
                let viewed = uow.organizations().viewed(&own, organization).await?;
                let viewed = viewed.ok_or(Denied::NotVisible)?;
                if entrant.works_nowhere {
                    uow.sessions().work_in(&viewed.standing, session).await?;
                }
                uow.record(
                    request.event(
                        EventKind::MembershipCreated,
                        Some(organization),
                        InOrg::new(organization, membership.id).global_id(),
                        Changes::default()
                            .made("role", membership.role.as_str())
                            .with("user", own.user().type_id())
                            .with("domain", offer.domain_name.as_str()),
                    ),
                );
                Ok::<_, ServiceError>(viewed)
            })
            .await?;
        request.learn(viewed.standing.clone());
        Ok(viewed)
    }

    /// Asks to join an organization that is suggested. Those who manage its members are told by mail. One transaction.
    ///
    /// # Errors
    /// `Unauthenticated`; `RateLimited` after five requests to one organization in a day. Refusals: `NOT_FOUND` for
    /// `organizationId`; `ALREADY_MEMBER`.
    pub async fn accept_suggestion(self, organization: OrganizationId) -> Outcome<SentMembershipRequest> {
        let request = self.0;
        let core = request.core();
        let own = request.actor().own()?;
        let mode = EnrolmentMode::AutomaticSuggestion;
        let attempt = Attempt::on_any("acceptSuggestion", Some(organization.type_id()));
        request
            .attempt(attempt, async |uow| {
                let (grant, offer, _) = self.enter(uow, &own, organization, mode).await?;
                let now = core.clock.now();
                let key = format!(
                    "membership-request:{}:{}",
                    organization.type_id(),
                    own.user().type_id()
                );
                let taken = uow.throttles().take(&key, limits::MEMBERSHIP_REQUESTS, 1, now);
                taken.await?.map_err(|wait| ServiceError::RateLimited { wait })?;
                let email = EmailAddress::parse(&offer.email)?;
                let asked = MembershipRequest {
                    id: core.ids.next(),
                    organization,
                    user: own.user(),
                    email: offer.email,
                    domain: Some(offer.domain),
                    role: offer.role,
                    state: MembershipRequestState::Pending,
                    decided_by: None,
                    created_at: now,
                    closed_at: None,
                };
                let requests = uow.sent_membership_requests();
                requests.insert(&grant, &own, &asked, &email).await?;
                uow.record(
                    request.event(
                        EventKind::MembershipRequestCreated,
                        Some(organization),
                        InOrg::new(organization, asked.id).global_id(),
                        Changes::default()
                            .made("state", asked.state.as_str())
                            .made("role", asked.role.as_str())
                            .with("user", asked.user.type_id())
                            .with("email", asked.email.as_str()),
                    ),
                );
                Ok::<_, ServiceError>(SentMembershipRequest {
                    request: asked,
                    organization_name: offer.organization_name,
                    organization_updated_at: offer.organization_updated_at,
                })
            })
            .await
    }

    /// Says no to a suggestion: the organization is not suggested to the user again. One transaction.
    ///
    /// # Errors
    /// `Unauthenticated`. Refusals: `NOT_FOUND` for `organizationId`; `ALREADY_MEMBER`.
    pub async fn dismiss_suggestion(self, organization: OrganizationId) -> Outcome<EnrolmentOffer> {
        let request = self.0;
        let core = request.core();
        let own = request.actor().own()?;
        let mode = EnrolmentMode::AutomaticSuggestion;
        let attempt = Attempt::on_any("dismissSuggestion", Some(organization.type_id()));
        request
            .attempt(attempt, async |uow| {
                let (grant, offer, _) = self.enter(uow, &own, organization, mode).await?;
                uow.enrolments().dismiss(&grant, &own, core.clock.now()).await?;
                // Who does not want to join is no business of the organization's.
                uow.record(request.event(
                    EventKind::SuggestionDismissed,
                    None,
                    own.user().type_id(),
                    Changes::default().with("organization", organization.type_id()),
                ));
                Ok::<_, ServiceError>(offer)
            })
            .await
    }

    /// A page of the user's own requests to join, newest first. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn requests(self, page: &PageRequest<IdCursor>) -> Outcome<Page<SentMembershipRequest>> {
        let own = self.0.actor().own()?;
        let requests = self.0.core().database.sent_membership_requests();
        Ok(Page::from_rows(page, requests.page(&own, page).await?))
    }

    /// How many those are. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn count_requests(self) -> Outcome<u64> {
        let own = self.0.actor().own()?;
        let requests = self.0.core().database.sent_membership_requests();
        Ok(requests.count(&own).await?)
    }

    /// Takes a request to join back; the organization is suggested again, as long as its domain does so. One
    /// transaction.
    ///
    /// # Errors
    /// `Unauthenticated`. Refusals: `NOT_FOUND` for `membershipRequestId`; `CONFLICT` if it is no longer pending.
    pub async fn withdraw(self, id: InOrg<MembershipRequestId>) -> Outcome<SentMembershipRequest> {
        let request = self.0;
        let core = request.core();
        let own = request.actor().own()?;
        core.database
            .atomically(async |uow| {
                let requests = uow.sent_membership_requests();
                let now = core.clock.now();
                let withdrew = requests.withdraw(&own, id, now).await?;
                let found = requests.get(&own, id).await?.ok_or_else(not_found)?;
                if !withdrew {
                    let closed = resonance_domain::RequestClosed(found.request.state);
                    return Err(closed.refusal().at("membershipRequestId").into());
                }
                uow.record(withdrawn(request, &found.request));
                Ok::<_, ServiceError>(found)
            })
            .await
    }

    /// The absolute URL of an organization's picture, for those who may join it.
    #[must_use]
    pub fn logo_url(self, organization: OrganizationId, updated_at: chrono::DateTime<chrono::Utc>) -> String {
        logo::url(self.0.core(), organization, updated_at, self.0.now())
    }

    /// Whether the instance lets people in this way at the moment.
    async fn allowed(self, repositories: &impl Repositories, mode: EnrolmentMode) -> Outcome<bool> {
        Ok(self.0.core().instance_settings(repositories).await?.enrols(mode))
    }

    /// What an organization offers, its row and the user's held until the unit of work ends: neither the domain nor the
    /// address goes meanwhile, and nobody else takes a seat.
    async fn enter(
        self,
        uow: &UnitOfWork,
        own: &OwnGrant,
        organization: OrganizationId,
        mode: EnrolmentMode,
    ) -> Outcome<(EnrolmentGrant, EnrolmentOffer, Entrant)> {
        let enrolments = uow.enrolments();
        let session = self.0.signed_in()?.session;
        let now = self.0.core().clock.now();
        if self.allowed(uow, mode).await?
            && let Some((grant, _)) = enrolments.of(own, organization, mode).await?
            && enrolments.lock(&grant).await?
        {
            let entrant = enrolments.entrant(&grant, own, session, now).await?;
            let entrant = entrant.ok_or(Denied::Unauthenticated)?;
            // Read again, now that nothing of it can change.
            if let Some((grant, offer)) = enrolments.of(own, organization, mode).await? {
                return Ok((grant, offer, entrant));
            }
        }
        Err(match uow.standings().of(own.user(), organization).await {
            Ok(_) => FieldError::new(ErrorCode::AlreadyMember, "you are a member already").into(),
            Err(resonance_authz::StandError::Source(error)) => error.into(),
            Err(resonance_authz::StandError::Denied(_)) => {
                let message = "no organization with this id is open to you by a domain";
                FieldError::new(ErrorCode::NotFound, message)
                    .at("organizationId")
                    .into()
            }
        })
    }
}

/// What a new membership settles: the user's pending request, if there is one, is accepted `through` it, and so are the
/// organization's open invitations to the user, which would hold seats for nobody.
pub(crate) async fn fulfil(
    request: &Request,
    uow: &UnitOfWork,
    own: &OwnGrant,
    organization: OrganizationId,
    through: &str,
) -> Outcome<()> {
    let now = request.core().clock.now();
    let requests = uow.sent_membership_requests();
    if let Some(asked) = requests.fulfil(own, organization, now).await? {
        uow.record(accepted(request, &asked, through));
    }
    let open = uow.received_invitations().fulfil(own, organization, now).await?;
    for invitation in &open {
        uow.record(received_invitations::accepted(request, invitation, own.user()));
    }
    Ok(())
}
