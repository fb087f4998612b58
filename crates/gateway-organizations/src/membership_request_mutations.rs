//! Deciding about requests to join.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{Outcome, ReceivedMembershipRequest};

use crate::MembershipRequest;

/// A request to join that is to be decided about.
#[derive(Debug, InputObject)]
pub(crate) struct DecideMembershipRequestInput {
    /// The request, pending.
    membership_request_id: ID,
}

/// What became of a request to join.
#[derive(Debug, SimpleObject)]
pub(crate) struct MembershipRequestPayload {
    /// The request as it is now; null if the input was refused.
    membership_request: Option<MembershipRequest>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct MembershipRequestMutation;

#[Object]
impl MembershipRequestMutation {
    /// Makes the requester a member with the domain's role, and mails them. Requires `org:sys_memberships:manage` and
    /// every permission of that role (`ROLE_EXCEEDS_OWN`). Obeys the member limit (`MEMBER_LIMIT_REACHED`). `OWN_REQUEST` for
    /// one's own, `CONFLICT` for a request that somebody else has decided about.
    async fn accept_membership_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The request.")] input: DecideMembershipRequestInput,
    ) -> ApiResult<MembershipRequestPayload> {
        let request = request(context)?;
        let accepted = async {
            let id = parse_tenant_id("membershipRequestId", &input.membership_request_id)?;
            request.membership_requests().accept(id).await
        };
        payload(accepted.await)
    }

    /// Says no to a request, and mails the requester, to whom the organization is not suggested again. Requires
    /// `org:sys_memberships:manage`. `CONFLICT` for a request that somebody else has decided about.
    async fn reject_membership_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The request.")] input: DecideMembershipRequestInput,
    ) -> ApiResult<MembershipRequestPayload> {
        let request = request(context)?;
        let rejected = async {
            let id = parse_tenant_id("membershipRequestId", &input.membership_request_id)?;
            request.membership_requests().reject(id).await
        };
        payload(rejected.await)
    }
}

fn payload(outcome: Outcome<ReceivedMembershipRequest>) -> ApiResult<MembershipRequestPayload> {
    let (decided, user_errors) = split(outcome)?;
    Ok(MembershipRequestPayload {
        membership_request: decided.map(Into::into),
        user_errors,
    })
}
