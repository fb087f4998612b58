//! Proving that a domain is the organization's: by a code to an address there, or by a DNS record.

use resonance_authz::ManageDomains;
use resonance_domain::{
    CodePurpose, DomainId, DomainName, DomainProof, EmailAddress, ErrorCode, EventKind, FieldError, InOrg,
    OrganizationDomain,
};
use resonance_persistence::Repositories;

use crate::{
    OrganizationDomains, Outcome, ServiceError,
    changes::Changes,
    codes::{ADMIT, make_code, throttle_code, try_code, typed_code},
    limits::{DOMAIN_CODES, DOMAIN_LOOKUPS, WRONG_CODES_BY_DOMAIN},
    organization_domains::{challenge, enabled, not_found, one},
    refusals::Attempt,
};

impl OrganizationDomains<'_> {
    /// Sends a six-digit code to an address at a domain that is to be proved. Requires `org:sys_domains:manage`. Earlier
    /// codes for the domain are void.
    ///
    /// # Errors
    /// Denials; `RateLimited`, also within 30 seconds of the last code to the address. Refusals: `NOT_FOUND` for
    /// `domainId`, or `CONFLICT` if it is proved; `INVALID` for `email`, also for an address at another domain or at a
    /// sub-domain.
    pub async fn send_code(self, id: InOrg<DomainId>, email: &str) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        // Before anything is counted: who may not manage domains uses up nobody's allowance.
        let attempt = Attempt::on("sendDomainCode", id.organization, id.global_id());
        let grant = request.grant::<ManageDomains>(id.organization).await;
        let grant = request.noting(attempt.clone(), grant).await?;
        enabled(&core.instance_settings(&core.database).await?)?;
        let domain = core.database.organization_domains().get(&grant, id.id).await?;
        let domain = domain.ok_or_else(not_found)?;
        unproved(&domain)?;
        let address = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        if DomainName::of(&address).as_ref() != Some(&domain.name) {
            let message = format_args!("must be an address at {}", domain.name.as_str());
            return Err(FieldError::new(ErrorCode::Invalid, message).at("email").into());
        }
        throttle_code(request, CodePurpose::VerifyDomain, &address).await?;
        let by_organization = format!("domain-code:{}", id.organization.type_id());
        core.throttle(&[(by_organization, DOMAIN_CODES)]).await?;
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageDomains>()?;
                let domain = one(uow, &grant, id.id).await?;
                unproved(&domain)?;
                let subject = Some(id.id.as_uuid());
                let code = make_code(request, uow, CodePurpose::VerifyDomain, subject, &address).await?;
                uow.record(
                    request.event(
                        EventKind::DomainCodeSent,
                        Some(id.organization),
                        id.global_id(),
                        Changes::default()
                            .with("name", domain.name.as_str())
                            .with("email", address.as_str())
                            .with("codeId", serde_json::json!(code.id)),
                    ),
                );
                Ok::<_, ServiceError>(domain)
            })
            .await
    }

    /// Proves a domain by the code of the mail. Requires `org:sys_domains:manage`. A domain that is proved already stays
    /// so, whatever the code.
    ///
    /// # Errors
    /// Denials; `RateLimited` after 50 wrong codes for one address or one domain's name in a day. Refusals: `NOT_FOUND`
    /// for `domainId`, `TAKEN` if another organization proved it before; `CODE_WRONG`, `CODE_EXHAUSTED`, `CODE_EXPIRED`
    /// or `INVALID` for `code`.
    pub async fn verify_by_code(self, id: InOrg<DomainId>, code: &str) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        let typed = typed_code(code);
        let now = core.clock.now();
        let attempt = Attempt::on("verifyDomainByCode", id.organization, id.global_id());
        let proved = request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageDomains>()?;
                enabled(&core.instance_settings(uow).await?)?;
                let domain = one(uow, &grant, id.id).await?;
                let typed = typed.clone()?;
                if domain.proved.is_some() {
                    return Ok(Ok(domain));
                }
                // Whoever asks for codes at ever more addresses, or for ever more organizations, guesses no faster.
                let by_name = format!("wrong-code:domain:{}", domain.name.as_str());
                if let Err(wait) = uow
                    .throttles()
                    .check(&by_name, WRONG_CODES_BY_DOMAIN, now)
                    .await?
                {
                    return Err(ServiceError::RateLimited { wait });
                }
                let codes = uow.verification_codes();
                let (purpose, subject) = (CodePurpose::VerifyDomain, id.id.as_uuid());
                let code = codes.lock_newest(&ADMIT, purpose, subject).await?;
                if let Err(refusal) = try_code(core, uow, code, typed, true).await? {
                    if refusal.code == ErrorCode::CodeWrong {
                        // Its answer does not matter: it was asked above whether there is any left.
                        let taken = uow.throttles().take(&by_name, WRONG_CODES_BY_DOMAIN, 1, now);
                        let _ = taken.await?;
                    }
                    return Ok(Err(refusal));
                }
                codes.consume(&ADMIT, purpose, subject, now).await?;
                self.prove(uow, &grant, domain, DomainProof::Code).await.map(Ok)
            })
            .await;
        Ok(or_taken(proved)??)
    }

    /// Proves a domain by its TXT record. Requires `org:sys_domains:manage`. The name servers are asked before anything is
    /// written. A domain that is proved already stays so.
    ///
    /// # Errors
    /// Denials; `RateLimited`. Refusals for `domainId`: `NOT_FOUND`; `DOMAIN_UNPROVED` if the record is not there (yet), or
    /// nobody answers; `TAKEN` if another organization proved it before.
    pub async fn verify_by_dns(self, id: InOrg<DomainId>) -> Outcome<OrganizationDomain> {
        let request = self.0;
        let core = request.core();
        let user = request.signed_in()?.user;
        let attempt = Attempt::on("verifyDomainByDns", id.organization, id.global_id());
        let grant = request.grant::<ManageDomains>(id.organization).await;
        let grant = request.noting(attempt.clone(), grant).await?;
        enabled(&core.instance_settings(&core.database).await?)?;
        let domain = core.database.organization_domains().get(&grant, id.id).await?;
        let domain = domain.ok_or_else(not_found)?;
        if domain.proved.is_some() {
            return Ok(domain);
        }
        let lookups = format!("domain-lookup:{}", id.organization.type_id());
        core.throttle(&[(lookups, DOMAIN_LOOKUPS)]).await?;
        let wanted = challenge(core, id.id);
        let texts = core.dns.texts(&domain.name.challenge_name()).await;
        let texts = texts.map_err(|error| {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "a domain's record cannot be read"
            );
            unfound("the name servers gave no answer; try again later")
        })?;
        if !texts.iter().any(|text| text.trim() == wanted) {
            return Err(unfound(&format!(
                "there is no TXT record {} that says {wanted}; it may take a while until a new record is seen",
                domain.name.challenge_name()
            ))
            .into());
        }
        let proved = request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageDomains>()?;
                let domain = one(uow, &grant, id.id).await?;
                if domain.proved.is_some() {
                    return Ok(domain);
                }
                self.prove(uow, &grant, domain, DomainProof::Dns).await
            })
            .await;
        or_taken(proved)
    }

    async fn prove(
        self,
        uow: &resonance_persistence::UnitOfWork,
        grant: &resonance_authz::Grant<ManageDomains>,
        domain: OrganizationDomain,
        proof: DomainProof,
    ) -> Outcome<OrganizationDomain> {
        let now = self.0.core().clock.now();
        uow.organization_domains()
            .prove(grant, domain.id, proof, now)
            .await?;
        uow.record(
            self.0.event(
                EventKind::DomainVerified,
                Some(domain.organization),
                InOrg::new(domain.organization, domain.id).global_id(),
                Changes::default()
                    .field("verified", false, true)
                    .with("name", domain.name.as_str())
                    .with("proof", proof.as_str()),
            ),
        );
        Ok(OrganizationDomain {
            proved: Some((proof, now)),
            updated_at: now,
            ..domain
        })
    }
}

fn unproved(domain: &OrganizationDomain) -> Result<(), FieldError> {
    if domain.proved.is_none() {
        return Ok(());
    }
    Err(FieldError::new(ErrorCode::Conflict, "the domain is proved already").at("domainId"))
}

fn unfound(message: &str) -> FieldError {
    FieldError::new(ErrorCode::DomainUnproved, message).at("domainId")
}

/// The index that keeps a proved name unique decides who was first.
fn or_taken<T>(proved: Outcome<T>) -> Outcome<T> {
    match proved {
        Err(ServiceError::Storage(error)) if error.is_unique() => {
            let message = "another organization has proved this domain";
            Err(FieldError::new(ErrorCode::Taken, message).at("domainId").into())
        }
        proved => proved,
    }
}
