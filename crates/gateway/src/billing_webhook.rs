//! What the billing provider tells of its own accord.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request as HttpRequest, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::StatusCode;
use resonance_services::{Services, WebhookOutcome};

use crate::respond;

/// The path, which is to be given to the provider.
pub(crate) const PATH: &str = "/webhooks/billing";
/// The longest message: a subscription with its customer and its product is a few kilobytes.
const LONGEST: usize = 512 * 1024;

/// The routes.
pub(crate) fn routes(services: Services) -> Router {
    Router::new().route(PATH, post(take)).with_state(services)
}

/// 202 for whatever is believed, news or not, so that it does not come again; 403 for what is not; 404 without a provider.
async fn take(State(services): State<Services>, http: HttpRequest<Body>) -> Response {
    let (parts, body) = http.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return respond::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TOO_LONG",
            "the message is too long",
        );
    };
    let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    match services.billing_webhook(&header, &body).await {
        Ok(WebhookOutcome::Taken) => StatusCode::ACCEPTED.into_response(),
        Ok(WebhookOutcome::NotExpected) => respond::not_found(),
        Ok(WebhookOutcome::Refused(refusal)) => {
            respond::error(StatusCode::FORBIDDEN, "FORBIDDEN", &refusal.to_string())
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "keeping what the billing provider told failed"
            );
            respond::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "INTERNAL",
                "something went wrong on our side; send it again",
            )
        }
    }
}
