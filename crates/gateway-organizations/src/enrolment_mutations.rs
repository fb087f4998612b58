//! Joining through domains, as those do it who may.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain::{FieldError, OrganizationId};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, parse_tenant_id, request, split};

use crate::{Organization, OrganizationOffer, SentMembershipRequest};

/// An organization that one of the viewer's verified addresses opens.
#[derive(Debug, InputObject)]
pub(crate) struct OfferInput {
    /// The organization, from `Viewer.joinableOrganizations` or `Viewer.suggestions`.
    organization_id: ID,
}

impl OfferInput {
    fn organization(&self) -> Result<OrganizationId, FieldError> {
        parse_id("organizationId", &self.organization_id)
    }
}

/// A request of the viewer's.
#[derive(Debug, InputObject)]
pub(crate) struct WithdrawMembershipRequestInput {
    /// The request, pending.
    membership_request_id: ID,
}

/// What became of joining.
#[derive(Debug, SimpleObject)]
pub(crate) struct JoinOrganizationPayload {
    /// The organization that was joined; null if the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of the viewer's request to join.
#[derive(Debug, SimpleObject)]
pub(crate) struct SentMembershipRequestPayload {
    /// The request as it is now; null if the input was refused.
    membership_request: Option<SentMembershipRequest>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of dismissing a suggestion.
#[derive(Debug, SimpleObject)]
pub(crate) struct DismissSuggestionPayload {
    /// The suggestion that is gone; null if the input was refused.
    dismissed: Option<OrganizationOffer>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct EnrolmentMutation;

#[Object]
impl EnrolmentMutation {
    /// Joins an organization of `Viewer.joinableOrganizations`, with the role of its domain. Obeys the member limit
    /// (`MEMBER_LIMIT_REACHED`). It becomes the active organization if the viewer has none. Requires being signed in.
    async fn join_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OfferInput,
    ) -> ApiResult<JoinOrganizationPayload> {
        let request = request(context)?;
        let joined = async { request.enrolments().join(input.organization()?).await };
        let (viewed, user_errors) = split(joined.await)?;
        Ok(JoinOrganizationPayload {
            organization: viewed.map(Into::into),
            user_errors,
        })
    }

    /// Asks to join an organization of `Viewer.suggestions`; those who manage its members are mailed. Five times a day for
    /// an organization (`RATE_LIMITED`). Requires being signed in.
    async fn accept_suggestion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OfferInput,
    ) -> ApiResult<SentMembershipRequestPayload> {
        let request = request(context)?;
        let asked = async {
            request
                .enrolments()
                .accept_suggestion(input.organization()?)
                .await
        };
        let (sent, user_errors) = split(asked.await)?;
        Ok(SentMembershipRequestPayload {
            membership_request: sent.map(Into::into),
            user_errors,
        })
    }

    /// Says no to a suggestion: the organization is not suggested to the viewer again. Requires being signed in.
    async fn dismiss_suggestion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization.")] input: OfferInput,
    ) -> ApiResult<DismissSuggestionPayload> {
        let request = request(context)?;
        let dismissed = async {
            request
                .enrolments()
                .dismiss_suggestion(input.organization()?)
                .await
        };
        let (dismissed, user_errors) = split(dismissed.await)?;
        Ok(DismissSuggestionPayload {
            dismissed: dismissed.map(Into::into),
            user_errors,
        })
    }

    /// Takes one's own request to join back; the organization is suggested again. Requires being signed in.
    async fn withdraw_membership_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The request.")] input: WithdrawMembershipRequestInput,
    ) -> ApiResult<SentMembershipRequestPayload> {
        let request = request(context)?;
        let withdrawn = async {
            let id = parse_tenant_id("membershipRequestId", &input.membership_request_id)?;
            request.enrolments().withdraw(id).await
        };
        let (sent, user_errors) = split(withdrawn.await)?;
        Ok(SentMembershipRequestPayload {
            membership_request: sent.map(Into::into),
            user_errors,
        })
    }
}
