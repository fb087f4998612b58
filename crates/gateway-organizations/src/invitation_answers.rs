//! Answering an invitation, as the invitee does.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain::{ErrorCode, FieldError};
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::InvitationKey;

use crate::{Organization, ReceivedInvitation};

/// An invitation, named by the link's token or by its id. Exactly one of the two is given.
#[derive(Debug, InputObject)]
pub(crate) struct AnswerInvitationInput {
    /// The token in the link, `inv_…`.
    token: Option<String>,
    /// The id, for an invitation to one of the viewer's verified addresses.
    invitation_id: Option<ID>,
}

impl AnswerInvitationInput {
    fn key(self) -> Result<InvitationKey, FieldError> {
        match (self.token, self.invitation_id) {
            (Some(token), None) => Ok(InvitationKey::Token(token)),
            (None, Some(id)) => parse_tenant_id("invitationId", &id).map(InvitationKey::Id),
            _ => Err(FieldError::new(
                ErrorCode::Invalid,
                "give either token or invitationId",
            )),
        }
    }
}

/// What became of accepting an invitation.
#[derive(Debug, SimpleObject)]
pub(crate) struct AcceptInvitationPayload {
    /// The organization that was joined; null if the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of declining an invitation.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeclineInvitationPayload {
    /// The invitation as it is now; null if the input was refused.
    invitation: Option<ReceivedInvitation>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct InvitationAnswers;

#[Object]
impl InvitationAnswers {
    /// Joins the organization that invites. Requires being signed in with the invited address verified
    /// (`EMAIL_MISMATCH`). It becomes the active organization if the viewer has none.
    async fn accept_invitation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: AnswerInvitationInput,
    ) -> ApiResult<AcceptInvitationPayload> {
        let request = request(context)?;
        let accepted = async { request.invitations().accept(&input.key()?).await };
        let (viewed, user_errors) = split(accepted.await)?;
        Ok(AcceptInvitationPayload {
            organization: viewed.map(Into::into),
            user_errors,
        })
    }

    /// Says no to an invitation. By token, whoever holds the link may, signed in or not; by id, whoever has the invited
    /// address verified.
    async fn decline_invitation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: AnswerInvitationInput,
    ) -> ApiResult<DeclineInvitationPayload> {
        let request = request(context)?;
        let declined = async { request.invitations().decline(&input.key()?).await };
        let (received, user_errors) = split(declined.await)?;
        let invitation = received.map(|received| ReceivedInvitation::at(received, request.now()));
        Ok(DeclineInvitationPayload {
            invitation,
            user_errors,
        })
    }
}
