//! Answers that say no, in Polar's shapes.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// Why something was not done, as the wire has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer: `{error, detail}`.
    pub body: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.status, self.body)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub(crate) fn named(status: StatusCode, error: &str, detail: &str) -> Self {
        Self {
            status: status.as_u16(),
            body: json!({ "error": error, "detail": detail }),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::named(StatusCode::NOT_FOUND, "ResourceNotFound", "Not found")
    }

    pub(crate) fn already_canceled() -> Self {
        Self::named(
            StatusCode::FORBIDDEN,
            "AlreadyCanceledSubscription",
            "The subscription has ended, or is canceled already.",
        )
    }

    /// What does not fit the schema.
    pub(crate) fn schema(problems: Vec<Value>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            body: json!({ "error": "RequestValidationError", "detail": problems }),
        }
    }

    /// What fits the schema, but not what is there.
    pub(crate) fn values(problems: Vec<Value>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            body: json!({ "error": "PolarRequestValidationError", "detail": problems }),
        }
    }

    /// One value of the body that does not fit what is there.
    pub(crate) fn value(field: &str, message: &str, input: &Value) -> Self {
        Self::values(vec![problem(
            &json!(["body", field]),
            "value_error",
            message,
            input,
        )])
    }

    /// No token, or a wrong one.
    pub(crate) fn unauthorized(bears_a_token: bool) -> Self {
        let body = if bears_a_token {
            json!({
                "error": "invalid_token",
                "error_description": "The token is wrong, expired or revoked.",
            })
        } else {
            json!({ "error": "Unauthorized", "detail": "Unauthorized" })
        };
        Self {
            status: StatusCode::UNAUTHORIZED.as_u16(),
            body,
        }
    }
}

/// One entry of a validation error's `detail`.
pub(crate) fn problem(place: &Value, kind: &str, message: &str, input: &Value) -> Value {
    json!({ "type": kind, "loc": place, "msg": message, "input": input })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
