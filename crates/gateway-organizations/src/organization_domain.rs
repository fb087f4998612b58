//! Mail domains of an organization.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request, request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

use crate::Role;

/// How people with a verified address at a proved domain join. Sub-domains do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EnrolmentMode {
    /// Only by being invited one by one: the domain does nothing by itself.
    ManualInvitation,
    /// They may join at once: `Viewer.joinableOrganizations`, `joinOrganization`.
    AutomaticInvitation,
    /// The organization is suggested to them, and they may ask to join: `Viewer.suggestions`, `acceptSuggestion`.
    AutomaticSuggestion,
}

impl From<domain::EnrolmentMode> for EnrolmentMode {
    fn from(mode: domain::EnrolmentMode) -> Self {
        match mode {
            domain::EnrolmentMode::ManualInvitation => Self::ManualInvitation,
            domain::EnrolmentMode::AutomaticInvitation => Self::AutomaticInvitation,
            domain::EnrolmentMode::AutomaticSuggestion => Self::AutomaticSuggestion,
        }
    }
}

impl From<EnrolmentMode> for domain::EnrolmentMode {
    fn from(mode: EnrolmentMode) -> Self {
        match mode {
            EnrolmentMode::ManualInvitation => Self::ManualInvitation,
            EnrolmentMode::AutomaticInvitation => Self::AutomaticInvitation,
            EnrolmentMode::AutomaticSuggestion => Self::AutomaticSuggestion,
        }
    }
}

/// How a domain was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum DomainProof {
    /// By a code to an address at the domain.
    Code,
    /// By a TXT record in the domain name system.
    Dns,
}

impl From<domain::DomainProof> for DomainProof {
    fn from(proof: domain::DomainProof) -> Self {
        match proof {
            domain::DomainProof::Code => Self::Code,
            domain::DomainProof::Dns => Self::Dns,
        }
    }
}

/// A mail domain of an organization. Requires `org:sys_domains:read`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct OrganizationDomain {
    /// The domain's id.
    pub id: ID,
    /// The name in lower-case ASCII; an international name as `xn--…`.
    pub name: String,
    /// How people at the domain join, once it is proved.
    pub enrolment_mode: EnrolmentMode,
    /// The role that they get.
    pub role: Role,
    /// How it was proved; null while it is not.
    pub proof: Option<DomainProof>,
    /// When it was proved; null while it is not, and then the domain lets nobody in.
    pub verified_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    domain: domain::OrganizationDomain,
}

impl From<domain::OrganizationDomain> for OrganizationDomain {
    fn from(domain: domain::OrganizationDomain) -> Self {
        Self {
            id: InOrg::new(domain.organization, domain.id).global_id().into(),
            name: domain.name.as_str().to_owned(),
            enrolment_mode: domain.mode.into(),
            role: Role::held(domain.organization, domain.role.clone()),
            proof: domain.proved.map(|(proof, _)| proof.into()),
            verified_at: domain.proved.map(|(_, at)| at),
            created_at: domain.created_at,
            updated_at: domain.updated_at,
            domain,
        }
    }
}

#[ComplexObject]
impl OrganizationDomain {
    /// The name at which a TXT record proves the domain for `verifyDomainByDns`: `_resonance-challenge.` and the domain.
    async fn dns_record_name(&self) -> String {
        self.domain.name.challenge_name()
    }

    /// What that record must say: `resonance-verification=` and a token that proves the domain for this organization
    /// alone.
    async fn dns_record_text(&self, context: &Context<'_>) -> ApiResult<String> {
        Ok(request(context)?.organization_domains().challenge(&self.domain))
    }
}

connection! {
    /// Mail domains of an organization, oldest first.
    OrganizationDomainConnection;
    /// A domain's place in the list.
    OrganizationDomainEdge of OrganizationDomain
}

pub(crate) async fn domains(
    request: &Request,
    organization: OrganizationId,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> ApiResult<OrganizationDomainConnection> {
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let domains = request.organization_domains().list(organization, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let request = request.clone();
        async move { request.organization_domains().count(organization).await }
    });
    let edge = |domain: domain::OrganizationDomain| OrganizationDomainEdge {
        cursor: cursor(&domain.id.as_uuid()),
        node: domain.into(),
    };
    Ok(OrganizationDomainConnection::new(domains.map(edge), total))
}
