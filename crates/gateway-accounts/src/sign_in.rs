//! Signing in and out, and ending sessions.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};

use crate::{
    SessionDelivery,
    delivery::{OpenSessionPayload, clear_cookie, deliver},
};

/// Address and password.
#[derive(InputObject)]
pub(crate) struct SignInInput {
    /// Any proved address of the account.
    email: String,
    /// The password.
    password: String,
    /// How the session's token is delivered.
    #[graphql(default)]
    session: SessionDelivery,
}

/// What became of signing out.
#[derive(Debug, SimpleObject)]
pub(crate) struct SignOutPayload {
    /// The id of the session that has ended.
    ended_session_id: Option<ID>,
    /// Always empty.
    user_errors: Vec<UserError>,
}

/// The session to end.
#[derive(Debug, InputObject)]
pub(crate) struct RevokeSessionInput {
    /// The session, one of the viewer's.
    session_id: ID,
}

/// What became of ending a session.
#[derive(Debug, SimpleObject)]
pub(crate) struct RevokeSessionPayload {
    /// The id of the session that has ended; null if the input was refused.
    ended_session_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of ending the other sessions.
#[derive(Debug, SimpleObject)]
pub(crate) struct RevokeOtherSessionsPayload {
    /// How many sessions have ended; null if the input was refused.
    ended_sessions: Option<i32>,
    /// Always empty.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Opens a session for whoever knows an account's password. The answer never tells whether the address has an
    /// account. Open to everybody; `RATE_LIMITED` after too many wrong passwords for an address or from a client.
    async fn sign_in(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Address and password.")] input: SignInInput,
    ) -> ApiResult<OpenSessionPayload> {
        let accounts = request(context)?.accounts();
        let outcome = accounts.sign_in(&input.email, input.password).await;
        deliver(context, outcome, input.session)
    }

    /// Ends the session that the request came through, at once, and takes its cookie back. Requires being signed in.
    async fn sign_out(&self, context: &Context<'_>) -> ApiResult<SignOutPayload> {
        // Also of a session that has ended already, so that the browser does not keep sending it.
        clear_cookie(context)?;
        let request = request(context)?;
        let (_, user_errors) = split(request.accounts().sign_out().await)?;
        Ok(SignOutPayload {
            ended_session_id: request
                .account()
                .map(|account| account.session.id.type_id().into()),
            user_errors,
        })
    }

    /// Ends one of the viewer's sessions, at once. Requires being signed in.
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: RevokeSessionInput,
    ) -> ApiResult<RevokeSessionPayload> {
        let sessions = request(context)?.sessions();
        let outcome = match parse_id("sessionId", &input.session_id) {
            Ok(id) => sessions.revoke(id).await,
            Err(error) => Err(error.into()),
        };
        let (ended, user_errors) = split(outcome)?;
        Ok(RevokeSessionPayload {
            ended_session_id: ended.map(|()| input.session_id),
            user_errors,
        })
    }

    /// Ends all of the viewer's sessions but the one that the request came through, at once. Requires being signed in.
    async fn revoke_other_sessions(&self, context: &Context<'_>) -> ApiResult<RevokeOtherSessionsPayload> {
        let (ended, user_errors) = split(request(context)?.sessions().revoke_others().await)?;
        Ok(RevokeOtherSessionsPayload {
            ended_sessions: ended.map(|ended| i32::try_from(ended).unwrap_or(i32::MAX)),
            user_errors,
        })
    }
}
