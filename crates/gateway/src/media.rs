//! Audio, previews, logos and keys.

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use http::header;
use resonance_services::Services;

use crate::identify::Identify;

/// The public keys that JWTs are verified with.
pub(crate) fn keys(services: &Services) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, services.jwks().to_string()).into_response()
}

pub(crate) fn routes(identify: Identify) -> Router {
    let _ = identify;
    Router::new()
}
