//! Errors of the routes that are not GraphQL, in the shape of GraphQL's.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

/// An error with a stable code, as JSON.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// What does not exist, or must not be known to exist.
pub(crate) fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", "not found")
}
