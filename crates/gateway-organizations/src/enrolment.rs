//! Joining through domains, as those see it who may.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request, request};
use resonance_services::{self as services, EnrolmentOffer, IdCursor};
use uuid::Uuid;

use crate::MembershipRequestState;

/// An organization that one of the viewer's verified addresses opens: what may be known of it before joining.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct OrganizationOffer {
    /// The organization's id; the organization itself opens only to members.
    pub organization_id: ID,
    /// The organization's name.
    pub organization_name: String,
    /// The viewer's verified address at the organization's domain.
    pub email: String,
    #[graphql(skip)]
    offer: EnrolmentOffer,
}

impl From<EnrolmentOffer> for OrganizationOffer {
    fn from(offer: EnrolmentOffer) -> Self {
        Self {
            organization_id: offer.organization.type_id().into(),
            organization_name: offer.organization_name.clone(),
            email: offer.email.clone(),
            offer,
        }
    }
}

#[ComplexObject]
impl OrganizationOffer {
    /// Where the organization's logo, or else an avatar of its initials, can be fetched for about a day without signing
    /// in.
    async fn organization_logo_url(&self, context: &Context<'_>) -> ApiResult<String> {
        let EnrolmentOffer {
            organization,
            organization_updated_at,
            ..
        } = self.offer;
        Ok(request(context)?
            .enrolments()
            .logo_url(organization, organization_updated_at))
    }
}

connection! {
    /// Organizations that the viewer's verified addresses open, newest organization first.
    OrganizationOfferConnection;
    /// An organization's place in the list.
    OrganizationOfferEdge of OrganizationOffer
}

/// The viewer's own request to join an organization.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct SentMembershipRequest {
    /// The request's id.
    pub id: ID,
    /// The organization's id; the organization itself opens only to members.
    pub organization_id: ID,
    /// The organization's name.
    pub organization_name: String,
    /// The viewer's verified address on which the request rests.
    pub email: String,
    /// Where it stands.
    pub state: MembershipRequestState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ceased to be pending; null while it is.
    pub closed_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    sent: services::SentMembershipRequest,
}

impl From<services::SentMembershipRequest> for SentMembershipRequest {
    fn from(sent: services::SentMembershipRequest) -> Self {
        let request = sent.request.clone();
        Self {
            id: InOrg::new(request.organization, request.id).global_id().into(),
            organization_id: request.organization.type_id().into(),
            organization_name: sent.organization_name.clone(),
            email: request.email,
            state: request.state.into(),
            created_at: request.created_at,
            closed_at: request.closed_at,
            sent,
        }
    }
}

#[ComplexObject]
impl SentMembershipRequest {
    /// Where the organization's logo, or else an avatar of its initials, can be fetched for about a day without signing
    /// in.
    async fn organization_logo_url(&self, context: &Context<'_>) -> ApiResult<String> {
        let organization = self.sent.request.organization;
        let updated_at = self.sent.organization_updated_at;
        Ok(request(context)?.enrolments().logo_url(organization, updated_at))
    }
}

connection! {
    /// The viewer's own requests to join organizations, newest first.
    SentMembershipRequestConnection;
    /// A request's place in the list.
    SentMembershipRequestEdge of SentMembershipRequest
}

/// What domains open to the signed-in user.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewerEnrolments;

#[Object]
impl ViewerEnrolments {
    /// The organizations that the viewer may join at once (`joinOrganization`), by a verified address at one of their
    /// domains. Those that the viewer is a member of are not among them.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn joinable_organizations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<OrganizationOfferConnection> {
        let mode = domain::EnrolmentMode::AutomaticInvitation;
        offers(context, mode, first, after, last, before).await
    }

    /// The organizations that are suggested to the viewer, by a verified address at one of their domains: pending
    /// suggestions, to be accepted (`acceptSuggestion`) or dismissed (`dismissSuggestion`).
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn suggestions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<OrganizationOfferConnection> {
        let mode = domain::EnrolmentMode::AutomaticSuggestion;
        offers(context, mode, first, after, last, before).await
    }

    /// The viewer's own requests to join organizations, newest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn membership_requests(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<SentMembershipRequestConnection> {
        let request = request(context)?;
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let sent = request.enrolments().requests(&page).await?;
        let request = request.clone();
        let total = Total::lazily(move || {
            let request = request.clone();
            async move { request.enrolments().count_requests().await }
        });
        let edge = |sent: services::SentMembershipRequest| SentMembershipRequestEdge {
            cursor: cursor(&sent.request.id.as_uuid()),
            node: sent.into(),
        };
        Ok(SentMembershipRequestConnection::new(sent.map(edge), total))
    }
}

async fn offers(
    context: &Context<'_>,
    mode: domain::EnrolmentMode,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> ApiResult<OrganizationOfferConnection> {
    let request = request(context)?;
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let offers = request.enrolments().offers(mode, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let request = request.clone();
        async move { request.enrolments().count_offers(mode).await }
    });
    let edge = |offer: EnrolmentOffer| OrganizationOfferEdge {
        cursor: cursor(&offer.organization.as_uuid()),
        node: offer.into(),
    };
    Ok(OrganizationOfferConnection::new(offers.map(edge), total))
}
