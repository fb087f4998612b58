//! A request that is answered without being executed.

use async_graphql::{ErrorExtensionValues, ServerError, Value};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::Code;

/// A refusal: an HTTP status, and one GraphQL error with a code.
///
/// Its answer is `{"errors": [{"message", "extensions": {"code", …}}]}` without `data`. On a WebSocket it closes the connection
/// (when it meets the connection's first message) or fails the one operation.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    headers: HeaderMap,
    error: Box<ServerError>,
}

impl Refusal {
    /// A refusal with a code in capitals and a message that the client may read.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let mut error = ServerError::new(message, None);
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", code);
        error.extensions = Some(extensions);
        Self {
            status,
            headers: HeaderMap::new(),
            error: Box::new(error),
        }
    }

    /// A refusal with one of this crate's own codes and the status that belongs to it.
    pub(crate) fn coded(code: Code, message: impl Into<String>) -> Self {
        Self::new(code.status(), code.as_str(), message)
    }

    /// Adds a header to the HTTP answer, such as `WWW-Authenticate` or `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds an entry to the error's `extensions`.
    #[must_use]
    pub fn extension(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default)
            .set(name, value);
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, in the words that the client sees.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.error.message
    }

    pub(crate) fn into_error(self) -> ServerError {
        *self.error
    }

    /// The answer in the given media type.
    pub(crate) fn respond(self, content_type: HeaderValue) -> Response {
        let mut response = (self.status, error_body(std::slice::from_ref(&*self.error))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond(crate::negotiation::Json::Plain.content_type())
    }
}

/// The body of an answer that holds errors and, since nothing was executed, no `data`.
pub(crate) fn error_body(errors: &[ServerError]) -> Bytes {
    #[derive(Serialize)]
    struct Body<'a> {
        errors: &'a [ServerError],
    }
    json(&Body { errors })
}

/// A value as JSON. What is serialised here has string keys only, so that writing into memory cannot fail.
pub(crate) fn json(value: &impl Serialize) -> Bytes {
    let mut body = Vec::with_capacity(1024);
    if let Err(error) = serde_json::to_writer(&mut body, value) {
        tracing::error!(%error, "a response could not be serialised");
        body = br#"{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}"#.to_vec();
    }
    body.into()
}
