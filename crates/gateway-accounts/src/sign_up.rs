//! Signing up.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};
use resonance_services::{NewSignUp, PendingSignUp, SignedUp};

use crate::{
    Session, SessionDelivery, User,
    delivery::{OpenSessionPayload, deliver},
};

/// A sign-up that waits for its address to be proved. There is no account yet. It is kept for a day.
#[derive(Debug, SimpleObject)]
pub(crate) struct SignUp {
    /// The sign-up's id, for `verifySignUp` and `resendSignUpCode`.
    id: ID,
    /// The address that the code went to.
    email: String,
    /// When the code ceases to be valid.
    expires_at: DateTime<Utc>,
}

impl From<PendingSignUp> for SignUp {
    fn from(pending: PendingSignUp) -> Self {
        Self {
            id: pending.id.type_id().into(),
            email: pending.email,
            expires_at: pending.expires_at,
        }
    }
}

/// Who asks for an account.
#[derive(InputObject)]
pub(crate) struct SignUpInput {
    /// The display name: 1 to 128 characters on one line.
    name: String,
    /// The e-mail address, which is proved by a code or by an invitation's link.
    email: String,
    /// The password: 8 to 128 characters, none of the common ones, without one's name or address in it.
    password: String,
    /// The token of an invitation's link, if one led here: then the address must be the invitation's and there is no
    /// code. Null without one.
    invitation_token: Option<String>,
    /// How the session's token is delivered if an invitation's link proves the address.
    #[graphql(default)]
    session: SessionDelivery,
}

/// What became of signing up.
#[derive(Debug, SimpleObject)]
pub(crate) struct SignUpPayload {
    /// What waits for the code; null if the input was refused or an invitation's link proved the address.
    sign_up: Option<SignUp>,
    /// The session that was opened at once; null unless an invitation's link proved the address.
    session: Option<Session>,
    /// Who is signed in; null unless an invitation's link proved the address.
    user: Option<User>,
    /// The session's token, a secret: this is the only time that it is shown. Null unless an invitation's link proved
    /// the address, and if it was delivered by cookie.
    token: Option<String>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The sign-up and its code.
#[derive(InputObject)]
pub(crate) struct VerifySignUpInput {
    /// The sign-up.
    sign_up_id: ID,
    /// The six digits of the newest mail. Spaces and a hyphen do not matter.
    code: String,
    /// How the session's token is delivered.
    #[graphql(default)]
    session: SessionDelivery,
}

/// The sign-up whose code is to be sent again.
#[derive(InputObject)]
pub(crate) struct ResendSignUpCodeInput {
    /// The sign-up.
    sign_up_id: ID,
}

/// What became of sending the code again.
#[derive(Debug, SimpleObject)]
pub(crate) struct ResendSignUpCodePayload {
    /// The sign-up with its new code's time; null if the input was refused.
    sign_up: Option<SignUp>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct SignUpMutation;

#[Object]
impl SignUpMutation {
    /// Asks for an account. A six-digit code goes to the address, valid for ten minutes; `verifySignUp` takes it and makes
    /// the account. The answer never tells whether the address has an account: if it has, a mail tells its owner.
    ///
    /// With the token of a pending invitation's link the account is made at once, with the address proved, and a session
    /// opened; `acceptInvitation` is a step of its own. Open to everybody; `RATE_LIMITED` by address and client.
    async fn sign_up(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who asks.")] input: SignUpInput,
    ) -> ApiResult<SignUpPayload> {
        let new = NewSignUp {
            name: input.name,
            email: input.email,
            password: input.password,
            invitation_token: input.invitation_token,
        };
        let outcome = request(context)?.accounts().sign_up(new).await;
        let (signed_up, user_errors) = split(outcome)?;
        let mut payload = SignUpPayload {
            sign_up: None,
            session: None,
            user: None,
            token: None,
            user_errors,
        };
        match signed_up {
            None => {}
            Some(SignedUp::CodeSent(pending)) => payload.sign_up = Some(pending.into()),
            Some(SignedUp::Opened(opened)) => {
                let opened = deliver(context, Ok(*opened), input.session)?;
                (payload.session, payload.user, payload.token) = (opened.session, opened.user, opened.token);
            }
        }
        Ok(payload)
    }

    /// Takes the code of a sign-up, makes the account and opens a session. Five wrong tries void a code. Open to
    /// everybody.
    async fn verify_sign_up(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The sign-up and its code.")] input: VerifySignUpInput,
    ) -> ApiResult<OpenSessionPayload> {
        let accounts = request(context)?.accounts();
        let outcome = match parse_id("signUpId", &input.sign_up_id) {
            Ok(id) => accounts.verify_sign_up(id, &input.code).await,
            Err(error) => Err(error.into()),
        };
        deliver(context, outcome, input.session)
    }

    /// Sends the code of a sign-up again: another code, which makes earlier ones void. At most one in 30 seconds
    /// (`RATE_LIMITED`). Open to everybody.
    async fn resend_sign_up_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The sign-up.")] input: ResendSignUpCodeInput,
    ) -> ApiResult<ResendSignUpCodePayload> {
        let accounts = request(context)?.accounts();
        let outcome = match parse_id("signUpId", &input.sign_up_id) {
            Ok(id) => accounts.resend_sign_up_code(id).await,
            Err(error) => Err(error.into()),
        };
        let (pending, user_errors) = split(outcome)?;
        Ok(ResendSignUpCodePayload {
            sign_up: pending.map(Into::into),
            user_errors,
        })
    }
}
