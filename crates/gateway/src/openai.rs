//! Speech in the wire format of OpenAI's API, for the clients that there are for it.
//!
//! What a client asks for becomes a generation like any other: scoped to the organization of its key, metered, and in
//! the history. The same input gives the same generation back, free of charge. A request with an `Idempotency-Key` gets
//! for a day the generation that it got the first time, whatever becomes of voices and engines meanwhile.
//!
//! The format is the one of OpenAI's public API reference, "Create speech", and, for the list of voices, that of the
//! servers that follow it.

mod body;
mod models;
mod problem;
mod speech;
mod voices;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use http::{HeaderName, header, request::Parts};
use resonance_services::Request;

use self::problem::Problem;
use crate::identify::Identify;

/// The largest request in bytes: the longest text, every character written as an escape, and some.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// By which a client marks a request that it may send again, in the spelling of the standard to be.
pub(crate) const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";
/// Tells that the answer is that of an earlier request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The routes.
pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/v1/audio/speech", post(speech::create))
        .route("/v1/audio/voices", get(voices::list))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::get))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(identify)
}

/// The request of whoever sent a key or a token. Cookies are passed over: pages of others can make a browser send them.
async fn request(identify: &Identify, parts: &Parts) -> Result<Request, Problem> {
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        return Err(Problem::unauthenticated());
    }
    let request = identify.request(parts).await.map_err(|_| Problem::internal())?;
    // Wrong credentials make nobody of the caller.
    request.organization(None).map_err(Problem::of)?;
    Ok(request)
}
