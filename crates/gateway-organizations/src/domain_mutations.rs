//! Adding, proving, changing and removing domains.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{AddDomain, Outcome, UpdateDomain};

use crate::{
    OrganizationDomain, organization_domain::EnrolmentMode, organization_mutations::organization_id,
};

/// A domain to add.
#[derive(Debug, InputObject)]
pub(crate) struct AddDomainInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// The name, such as `example.com`, in whichever case and script.
    name: String,
    /// How people at the domain join, once it is proved; `MANUAL_INVITATION` when nothing is said.
    enrolment_mode: Option<EnrolmentMode>,
    /// The key of the role that they get; the instance's default when nothing is said.
    role: Option<String>,
}

/// Where a domain's code goes.
#[derive(Debug, InputObject)]
pub(crate) struct SendDomainCodeInput {
    /// The domain, not proved yet.
    domain_id: ID,
    /// An address at that very domain, whose mails somebody reads who will tell the code.
    email: String,
}

/// A domain and its code.
#[derive(Debug, InputObject)]
pub(crate) struct VerifyDomainByCodeInput {
    /// The domain.
    domain_id: ID,
    /// The six digits of the mail.
    code: String,
}

/// A domain whose record is there.
#[derive(Debug, InputObject)]
pub(crate) struct VerifyDomainByDnsInput {
    /// The domain.
    domain_id: ID,
}

/// What changes about a domain; what is null or omitted stays.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateDomainInput {
    /// The domain.
    domain_id: ID,
    /// How people at the domain join.
    enrolment_mode: Option<EnrolmentMode>,
    /// The key of the role that they get, those included whose request is pending.
    role: Option<String>,
    /// Whether the pending requests that came through the domain are rejected; the requesters are mailed. Otherwise they
    /// stay pending. Suggestions that nobody has answered come and go with the mode in any case.
    #[graphql(default)]
    reject_pending_requests: bool,
}

/// A domain to remove.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveDomainInput {
    /// The domain.
    domain_id: ID,
    /// Whether the pending requests that came through the domain are rejected; the requesters are mailed. Otherwise they
    /// stay pending, with the role that the domain promised. Suggestions that nobody has answered end in any case.
    #[graphql(default)]
    reject_pending_requests: bool,
}

/// What became of a domain.
#[derive(Debug, SimpleObject)]
pub(crate) struct DomainPayload {
    /// The domain as it is now; null if the input was refused.
    domain: Option<OrganizationDomain>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of removing a domain.
#[derive(Debug, SimpleObject)]
pub(crate) struct RemoveDomainPayload {
    /// The id of the domain that is gone; null if the input was refused.
    removed_domain_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct DomainMutation;

#[Object]
impl DomainMutation {
    /// Adds a domain, which lets nobody in before it is proved. Requires `org:sys_domains:manage` and every permission of
    /// the role (`ROLE_EXCEEDS_OWN`). Public mail providers, disposable domains and public suffixes are refused
    /// (`DOMAIN_NOT_ALLOWED`). At most ten.
    async fn add_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The domain.")] input: AddDomainInput,
    ) -> ApiResult<DomainPayload> {
        let request = request(context)?;
        let added = async {
            let input = AddDomain {
                organization: organization_id(input.organization_id.as_ref())?,
                name: input.name,
                mode: input.enrolment_mode.map(Into::into).unwrap_or_default(),
                role: input.role,
            };
            request.organization_domains().add(input).await
        };
        payload(added.await)
    }

    /// Sends a six-digit code to an address at a domain that is to be proved; earlier codes for the domain are void.
    /// Requires `org:sys_domains:manage`. A code to an address every 30 seconds (`RATE_LIMITED`).
    async fn send_domain_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The domain and the address.")] input: SendDomainCodeInput,
    ) -> ApiResult<DomainPayload> {
        let request = request(context)?;
        let sent = async {
            let id = parse_tenant_id("domainId", &input.domain_id)?;
            request.organization_domains().send_code(id, &input.email).await
        };
        payload(sent.await)
    }

    /// Proves a domain by the code of the mail: valid for ten minutes and five tries. Requires `org:sys_domains:manage`.
    /// One organization alone proves a name (`TAKEN`).
    async fn verify_domain_by_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The domain and the code.")] input: VerifyDomainByCodeInput,
    ) -> ApiResult<DomainPayload> {
        let request = request(context)?;
        let proved = async {
            let id = parse_tenant_id("domainId", &input.domain_id)?;
            request
                .organization_domains()
                .verify_by_code(id, &input.code)
                .await
        };
        payload(proved.await)
    }

    /// Proves a domain by the TXT record that its `dnsRecordName` and `dnsRecordText` tell. Requires
    /// `org:sys_domains:manage`. `DOMAIN_UNPROVED` while the record is not seen; one organization alone proves a name
    /// (`TAKEN`).
    async fn verify_domain_by_dns(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The domain.")] input: VerifyDomainByDnsInput,
    ) -> ApiResult<DomainPayload> {
        let request = request(context)?;
        let proved = async {
            let id = parse_tenant_id("domainId", &input.domain_id)?;
            request.organization_domains().verify_by_dns(id).await
        };
        payload(proved.await)
    }

    /// Changes how people at a domain join and what they become. Requires `org:sys_domains:manage` and every permission of
    /// the role that they get from now on (`ROLE_EXCEEDS_OWN`).
    async fn update_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateDomainInput,
    ) -> ApiResult<DomainPayload> {
        let request = request(context)?;
        let updated = async {
            let id = parse_tenant_id("domainId", &input.domain_id)?;
            let input = UpdateDomain {
                mode: input.enrolment_mode.map(Into::into),
                role: input.role,
                reject_pending: input.reject_pending_requests,
            };
            request.organization_domains().update(id, &input).await
        };
        payload(updated.await)
    }

    /// Removes a domain. Whoever joined through it stays a member. Requires `org:sys_domains:manage`.
    async fn remove_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The domain.")] input: RemoveDomainInput,
    ) -> ApiResult<RemoveDomainPayload> {
        let request = request(context)?;
        let removed = async {
            let id = parse_tenant_id("domainId", &input.domain_id)?;
            let reject = input.reject_pending_requests;
            request.organization_domains().remove(id, reject).await
        };
        let (removed, user_errors) = split(removed.await)?;
        Ok(RemoveDomainPayload {
            removed_domain_id: removed.map(|_| input.domain_id),
            user_errors,
        })
    }
}

fn payload(outcome: Outcome<domain::OrganizationDomain>) -> ApiResult<DomainPayload> {
    let (domain, user_errors) = split(outcome)?;
    Ok(DomainPayload {
        domain: domain.map(Into::into),
        user_errors,
    })
}
