//! How a session's token gets to its client.

use async_graphql::{Context, Enum, SimpleObject};
use http::header::SET_COOKIE;
use resonance_gateway_kit::{ApiResult, UserError, request, split};
use resonance_services::{OpenedSession, Outcome};

use crate::{Session, User};

/// The name of the cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "resonance_session";

/// The cookie stays as long as browsers let it (400 days): it is the session that ends.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// How the token of a new session gets to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum SessionDelivery {
    /// In the payload, to be sent back as `Authorization: Bearer …`.
    #[default]
    Token,
    /// In a cookie that scripts cannot read and other sites do not send along (`HttpOnly; SameSite=Lax`). For browsers.
    /// Over a WebSocket no cookie can be set.
    Cookie,
}

/// What became of opening a session.
#[derive(Debug, SimpleObject)]
pub(crate) struct OpenSessionPayload {
    /// The session; null if the input was refused.
    pub(crate) session: Option<Session>,
    /// Who is signed in; null if the input was refused.
    pub(crate) user: Option<User>,
    /// The session's token, a secret: this is the only time that it is shown. Null if it was delivered by cookie, or the
    /// input was refused.
    pub(crate) token: Option<String>,
    /// Why the input was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
}

/// Delivers a session that was just opened, and shows what became of it.
pub(crate) fn deliver(
    context: &Context<'_>,
    outcome: Outcome<OpenedSession>,
    delivery: SessionDelivery,
) -> ApiResult<OpenSessionPayload> {
    let (opened, user_errors) = split(outcome)?;
    let Some(opened) = opened else {
        return Ok(OpenSessionPayload {
            session: None,
            user: None,
            token: None,
            user_errors,
        });
    };
    let current = Some(opened.session.id);
    let token = match delivery {
        SessionDelivery::Token => Some(opened.token),
        SessionDelivery::Cookie => {
            set_cookie(context, &opened.token, MAX_AGE)?;
            None
        }
    };
    Ok(OpenSessionPayload {
        session: Some(Session::new(opened.session, current)),
        user: Some(opened.user.into()),
        token,
        user_errors,
    })
}

/// Takes the cookie back.
pub(crate) fn clear_cookie(context: &Context<'_>) -> ApiResult<()> {
    set_cookie(context, "", 0)
}

fn set_cookie(context: &Context<'_>, value: &str, max_age: u32) -> ApiResult<()> {
    let url = &request(context)?.services().settings().public_url;
    let secure = if url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{SESSION_COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age}{secure}");
    context.append_http_header(SET_COOKIE, cookie);
    Ok(())
}
