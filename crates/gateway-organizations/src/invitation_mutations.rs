//! Inviting, as those do it who manage memberships.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{InviteMembers, InviteOutcome, Outcome, Request};

use crate::{Invitation, organization_mutations::organization_id};

/// Who is invited.
#[derive(Debug, InputObject)]
pub(crate) struct InviteMembersInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// 1 to 50 addresses. They need not have accounts.
    emails: Vec<String>,
    /// The key of the role that the invitees get: `org:admin`, `org:member`, or that of a custom role.
    role: String,
    /// For how many days the invitations are open: 1 to 365, 30 when nothing is said.
    expires_in_days: Option<i32>,
}

/// What became of inviting one address: one of the two fields is null.
#[derive(Debug, SimpleObject)]
pub(crate) struct InviteMemberResult {
    /// The address, as it was given.
    email: String,
    /// The invitation; null if the address was refused.
    invitation: Option<Invitation>,
    /// Why the address was refused; null if it was invited.
    user_error: Option<UserError>,
}

/// What became of inviting.
#[derive(Debug, SimpleObject)]
pub(crate) struct InviteMembersPayload {
    /// One result for each address, in the given order; null if the input as a whole was refused.
    results: Option<Vec<InviteMemberResult>>,
    /// Why the input as a whole was refused; empty if each address has its own result.
    user_errors: Vec<UserError>,
}

/// An invitation to send again.
#[derive(Debug, InputObject)]
pub(crate) struct ResendInvitationInput {
    /// The invitation, pending or expired.
    invitation_id: ID,
    /// For how many days from now it is open: 1 to 365, 30 when nothing is said.
    expires_in_days: Option<i32>,
}

/// An invitation to take back.
#[derive(Debug, InputObject)]
pub(crate) struct RevokeInvitationInput {
    /// The invitation, pending.
    invitation_id: ID,
}

/// What became of an invitation.
#[derive(Debug, SimpleObject)]
pub(crate) struct InvitationPayload {
    /// The invitation as it is now; null if the input was refused.
    invitation: Option<Invitation>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites addresses by mail, each with an outcome of its own. Requires `org:sys_memberships:manage` and every
    /// permission of the role (`ROLE_EXCEEDS_OWN`). At most 250 an hour for an organization (`RATE_LIMITED`).
    async fn invite_members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who is invited, as what.")] input: InviteMembersInput,
    ) -> ApiResult<InviteMembersPayload> {
        let request = request(context)?;
        let invited = async {
            let input = InviteMembers {
                organization: organization_id(input.organization_id.as_ref())?,
                emails: input.emails,
                role: input.role,
                expires_in_days: input.expires_in_days.map(i64::from),
            };
            request.invitations().invite(input).await
        };
        let (outcomes, user_errors) = split(invited.await)?;
        let result = |InviteOutcome { email, result }| match result {
            Ok(invitation) => InviteMemberResult {
                email,
                invitation: Some(Invitation::at(invitation, request.now())),
                user_error: None,
            },
            Err(error) => InviteMemberResult {
                email,
                invitation: None,
                user_error: Some(error.into()),
            },
        };
        let results = outcomes.map(|outcomes| outcomes.into_iter().map(result).collect());
        Ok(InviteMembersPayload { results, user_errors })
    }

    /// Sends an invitation again, with a new link and a new expiry; the earlier links are void. Requires
    /// `org:sys_memberships:manage`.
    async fn resend_invitation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: ResendInvitationInput,
    ) -> ApiResult<InvitationPayload> {
        let request = request(context)?;
        let resent = async {
            let id = parse_tenant_id("invitationId", &input.invitation_id)?;
            request
                .invitations()
                .resend(id, input.expires_in_days.map(i64::from))
                .await
        };
        payload(request, resent.await)
    }

    /// Takes an invitation back. Requires `org:sys_memberships:manage`.
    async fn revoke_invitation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: RevokeInvitationInput,
    ) -> ApiResult<InvitationPayload> {
        let request = request(context)?;
        let revoked = async {
            let id = parse_tenant_id("invitationId", &input.invitation_id)?;
            request.invitations().revoke(id).await
        };
        payload(request, revoked.await)
    }
}

fn payload(request: &Request, outcome: Outcome<domain::Invitation>) -> ApiResult<InvitationPayload> {
    let (invitation, user_errors) = split(outcome)?;
    let invitation = invitation.map(|invitation| Invitation::at(invitation, request.now()));
    Ok(InvitationPayload {
        invitation,
        user_errors,
    })
}
