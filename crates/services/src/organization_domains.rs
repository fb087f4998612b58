//! Mail domains of organizations, through which people join.

use resonance_authz::{Grant, ManageDomains, ReadDomains};
use resonance_dns::refusal;
use resonance_domain::{
    DOMAINS_PER_ORGANIZATION, DomainId, DomainName, EnrolmentMode, ErrorCode, EventKind, FieldError,
    FieldErrors, IdsExt, InOrg, InstanceSettings, MembershipRequestState, OrganizationDomain, OrganizationId,
    Page, PageRequest, challenge_text,
};
use resonance_persistence::{IdCursor, Repositories, UnitOfWork};

use crate::{
    Outcome, Request, ServiceError,
    changes::Changes,
    core::Core,
    membership_requests::of_answered,
    refusals::Attempt,
    roles::{existing_role, not_beyond_own},
    token::DOMAIN_TOKEN,
};

/// A domain to add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddDomain {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// The name.
    pub name: String,
    /// How people at the domain join, once it is proved.
    pub mode: EnrolmentMode,
    /// The key of the role that they get; the instance's default when nothing is said.
    pub role: Option<String>,
}

/// What changes about a domain; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateDomain {
    /// How people at the domain join.
    pub mode: Option<EnrolmentMode>,
    /// The key of the role that they get, those included whose request is pending.
    pub role: Option<String>,
    /// Whether the pending requests that came through the domain are rejected.
    pub reject_pending: bool,
}

/// The use cases of domains, for the organization that has them.
#[derive(Debug, Clone, Copy)]
pub struct OrganizationDomains<'a>(pub(crate) &'a Request);

impl Request {
    /// The use cases of domains, for the organization that has them.
    #[must_use]
    pub const fn organization_domains(&self) -> OrganizationDomains<'_> {
        OrganizationDomains(self)
    }
}

impl OrganizationDomains<'_> {
    /// A page of the domains, oldest first. Requires `org:sys_domains:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(
        self,
        organization: OrganizationId,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<OrganizationDomain>> {
        let grant = self.0.grant::<ReadDomains>(organization).await?;
        let rows = self.0.core().database.organization_domains().page(&grant, page);
        Ok(Page::from_rows(page, rows.await?))
    }

    /// How many there are. Requires `org:sys_domains:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn count(self, organization: OrganizationId) -> Outcome<u64> {
        let grant = self.0.grant::<ReadDomains>(organization).await?;
        Ok(self
            .0
            .core()
            .database
            .organization_domains()
            .count(&grant)
            .await?)
    }

    /// Those of `ids` that are the organization's, in no order. Requires `org:sys_domains:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(
        self,
        organization: OrganizationId,
        ids: &[DomainId],
    ) -> Outcome<Vec<OrganizationDomain>> {
        let grant = self.0.grant::<ReadDomains>(organization).await?;
        let domains = self.0.core().database.organization_domains();
        Ok(domains.get_many(&grant, ids).await?)
    }

    /// What the TXT record that proves a domain must say. It belongs to this organization and domain, and proves the
    /// name for no other.
    #[must_use]
    pub fn challenge(self, domain: &OrganizationDomain) -> String {
        challenge(self.0.core(), domain.id)
    }

    /// Adds a domain, which is not proved yet. Requires `org:sys_domains:manage`, and every permission of the role.
    ///
    /// Whether another organization has proved the name is told only to whoever proves it.
    ///
    /// # Errors
    /// Denials. Refusals: `INVALID`, `DOMAIN_NOT_ALLOWED`, `TAKEN` (the organization has it) or `CONFLICT` (ten domains)
    /// for `name`; `DOMAIN_NOT_ALLOWED` for `enrolmentMode`; of `role`; `DOMAIN_NOT_ALLOWED` where the instance has no
    /// domains.
    pub async fn add(self, input: AddDomain) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(input.organization)?;
        let user = request.signed_in()?.user;
        let settings = core.instance_settings(&core.database).await?;
        let mut errors = FieldErrors::default();
        let name = errors.take("name", own_name(&input.name));
        let allowed = errors.take("enrolmentMode", allowed_mode(&settings, input.mode));
        let role = input
            .role
            .as_deref()
            .unwrap_or(settings.domain_default_role.as_str());
        let attempt = Attempt::in_organization("addDomain", organization);
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<ManageDomains>()?;
                enabled(&settings)?;
                let role = errors.take("role", existing_role(uow, &grant, role).await?);
                let (Some(name), Some(()), Some(role)) = (&name, allowed, role) else {
                    return Ok(None);
                };
                not_beyond_own(&role.permissions, &standing, "role")?;
                let role = role.key;
                let domains = uow.organization_domains().all(&grant).await?;
                if domains.iter().any(|domain| domain.name == *name) {
                    let message = "is one of the organization's domains already";
                    return Err(FieldError::new(ErrorCode::Taken, message).at("name").into());
                }
                if domains.len() >= DOMAINS_PER_ORGANIZATION {
                    let message =
                        format_args!("an organization has at most {DOMAINS_PER_ORGANIZATION} domains");
                    return Err(FieldError::new(ErrorCode::Conflict, message).at("name").into());
                }
                let now = core.clock.now();
                let domain = OrganizationDomain {
                    id: core.ids.next(),
                    organization,
                    name: name.clone(),
                    mode: input.mode,
                    role: role.clone(),
                    proved: None,
                    created_at: now,
                    updated_at: now,
                };
                uow.organization_domains().insert(&grant, &domain).await?;
                uow.record(
                    request.event(
                        EventKind::DomainCreated,
                        Some(organization),
                        InOrg::new(organization, domain.id).global_id(),
                        Changes::default()
                            .made("name", name.as_str())
                            .made("enrolmentMode", domain.mode.as_str())
                            .made("role", role.as_str()),
                    ),
                );
                Ok::<_, ServiceError>(Some(domain))
            })
            .await?
            .ok_or_else(|| errors.into())
    }

    /// Changes how people at a domain join and what they become. Requires `org:sys_domains:manage`, and every permission
    /// of the role that they get from now on. One transaction.
    ///
    /// Suggestions come and go with the mode; requests that people made stay pending unless they are to be rejected.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `domainId`; `DOMAIN_NOT_ALLOWED` for `enrolmentMode`; of `role`.
    pub async fn update(self, id: InOrg<DomainId>, input: &UpdateDomain) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        let settings = core.instance_settings(&core.database).await?;
        let mut errors = FieldErrors::default();
        if let Some(mode) = input.mode {
            errors.take("enrolmentMode", allowed_mode(&settings, mode));
        }
        let attempt = Attempt::on("updateDomain", id.organization, id.global_id());
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageDomains>()?;
                let mut domain = one(uow, &grant, id.id).await?;
                let (old_mode, old_role) = (domain.mode, domain.role.clone());
                let role = input.role.as_deref().unwrap_or(old_role.as_str());
                let role = errors.take("role", existing_role(uow, &grant, role).await?);
                let Some(role) = role else {
                    return Err(errors.into());
                };
                errors.finish()?;
                not_beyond_own(&role.permissions, &standing, "role")?;
                domain.mode = input.mode.unwrap_or(old_mode);
                domain.role = role.key;
                let now = core.clock.now();
                let rejected = self.reject(uow, &grant, id.id, input.reject_pending).await?;
                if (old_mode, &old_role) == (domain.mode, &domain.role) {
                    return Ok(domain);
                }
                domain.updated_at = now;
                let domains = uow.organization_domains();
                domains
                    .update(&grant, id.id, domain.mode, &domain.role, now)
                    .await?;
                uow.record(
                    request.event(
                        EventKind::DomainUpdated,
                        Some(id.organization),
                        id.global_id(),
                        Changes::default()
                            .field("enrolmentMode", old_mode.as_str(), domain.mode.as_str())
                            .field("role", old_role.as_str(), domain.role.as_str())
                            .with("name", domain.name.as_str())
                            .with("rejectedRequests", rejected),
                    ),
                );
                Ok::<_, ServiceError>(domain)
            })
            .await
    }

    /// Removes a domain; whoever joined through it stays. Requires `org:sys_domains:manage`. One transaction.
    ///
    /// Requests that people made stay pending, with the role that they were promised, unless they are to be rejected.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `domainId`.
    pub async fn remove(self, id: InOrg<DomainId>, reject_pending: bool) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let user = request.signed_in()?.user;
        request
            .attempt(
                Attempt::on("removeDomain", id.organization, id.global_id()),
                async |uow| {
                    let standing = uow.standings().of_locked(user, id.organization).await?;
                    let grant = standing.grant::<ManageDomains>()?;
                    let domain = one(uow, &grant, id.id).await?;
                    let rejected = self.reject(uow, &grant, id.id, reject_pending).await?;
                    uow.organization_domains().delete(&grant, id.id).await?;
                    uow.record(
                        request.event(
                            EventKind::DomainDeleted,
                            Some(id.organization),
                            id.global_id(),
                            Changes::default()
                                .gone("name", domain.name.as_str())
                                .gone("enrolmentMode", domain.mode.as_str())
                                .gone("role", domain.role.as_str())
                                .with("verified", domain.proved.is_some())
                                .with("rejectedRequests", rejected),
                        ),
                    );
                    Ok::<_, ServiceError>(domain)
                },
            )
            .await
    }

    /// Rejects the pending requests that came through a domain, if that is wanted; how many those were.
    async fn reject(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ManageDomains>,
        id: DomainId,
        wanted: bool,
    ) -> Outcome<usize> {
        if !wanted {
            return Ok(0);
        }
        let now = self.0.core().clock.now();
        let rejected = uow.membership_requests().reject_through(grant, id, now).await?;
        for asked in &rejected {
            uow.record(self.0.event(
                EventKind::MembershipRequestRejected,
                Some(asked.organization),
                InOrg::new(asked.organization, asked.id).global_id(),
                of_answered(asked, MembershipRequestState::Rejected),
            ));
        }
        Ok(rejected.len())
    }
}

/// A domain of the organization that a grant opens.
pub(crate) async fn one(
    uow: &UnitOfWork,
    grant: &Grant<ManageDomains>,
    id: DomainId,
) -> Outcome<OrganizationDomain> {
    let found = uow.organization_domains().get(grant, id).await?;
    Ok(found.ok_or_else(not_found)?)
}

pub(crate) fn not_found() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such domain").at("domainId")
}

pub(crate) fn challenge(core: &Core, id: DomainId) -> String {
    let token = core.tokens.derive(DOMAIN_TOKEN, id.as_uuid().as_bytes(), 0);
    challenge_text(&token.expose())
}

/// Domains are the instance's to switch off.
pub(crate) fn enabled(settings: &InstanceSettings) -> Result<(), FieldError> {
    if settings.domains_enabled {
        return Ok(());
    }
    let message = "domains are switched off in this instance";
    Err(FieldError::new(ErrorCode::DomainNotAllowed, message))
}

fn own_name(raw: &str) -> Result<DomainName, FieldError> {
    let name = DomainName::parse(raw)?;
    match refusal(&name) {
        None => Ok(name),
        Some(refusal) => Err(FieldError::new(ErrorCode::DomainNotAllowed, refusal)),
    }
}

/// That a domain does nothing by itself is allowed everywhere.
fn allowed_mode(settings: &InstanceSettings, mode: EnrolmentMode) -> Result<(), FieldError> {
    if settings.enrols(mode) {
        return Ok(());
    }
    let message = "this instance does not allow this way of enrolment";
    Err(FieldError::new(ErrorCode::DomainNotAllowed, message))
}
