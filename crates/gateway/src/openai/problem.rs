//! Errors as OpenAI's clients read them.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use resonance_authz::Denied;
use resonance_domain::{ErrorCode, FieldError, GenerationFailure};
use resonance_services::ServiceError;
use serde_json::json;

use super::{IDEMPOTENCY_HEADER, REPLAYED};

/// Why there is no answer of use.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    code: String,
    param: Option<String>,
    message: String,
    retry_after: Option<u64>,
    replayed: bool,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, code: &str, message: impl ToString) -> Self {
        Self {
            status,
            kind,
            code: code.to_owned(),
            param: None,
            message: message.to_string(),
            retry_after: None,
            replayed: false,
        }
    }

    /// A wrong value in a field of the request.
    pub(super) fn invalid(param: &str, code: &str, message: impl ToString) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message)
        }
    }

    pub(super) fn body(message: impl ToString) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "invalid_json",
            message,
        )
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "send a valid API key: Authorization: Bearer rsk_…";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            "invalid_api_key",
            message,
        )
    }

    pub(super) fn no_model(model: &str) -> Self {
        Self {
            param: Some("model".to_owned()),
            ..Self::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "model_not_found",
                format_args!("there is no model `{model}`; see GET /v1/models"),
            )
        }
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "internal",
            "something went wrong on our side",
        )
    }

    /// The speech is not there yet, and is going to be: the same request gets it later.
    pub(super) fn not_yet() -> Self {
        Self {
            retry_after: Some(5),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "server_error",
                "engine_unavailable",
                "the speech engine is not available at present; the text waits for it, so ask again",
            )
        }
    }

    /// A generation that ended without audio.
    pub(super) fn of_failure(failure: &GenerationFailure) -> Self {
        let code = failure.code.to_ascii_lowercase();
        let message = &failure.message;
        match failure.code.as_str() {
            "NOTHING_TO_SPEAK" | "TOO_LONG" => Self::invalid("input", &code, message),
            "UNSUPPORTED_VOICE" | "UNSUPPORTED_LANGUAGE" => Self::invalid("voice", &code, message),
            "ENGINE_UNAVAILABLE" | "STORE_UNAVAILABLE" => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", &code, message)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", &code, message),
        }
    }

    /// What a use case refused.
    pub(super) fn of(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(Denied::Unauthenticated) => Self::unauthenticated(),
            ServiceError::Denied(Denied::Forbidden { missing }) => Self::new(
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "insufficient_permissions",
                format_args!("the permission {} is missing", missing.key()),
            ),
            ServiceError::Denied(Denied::NotVisible) => Self::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "not_found",
                "not found",
            ),
            ServiceError::OrganizationRequired => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "organization_required",
                "name an organization: X-Resonance-Organization",
            ),
            ServiceError::Refused(errors) => match errors.first() {
                Some(error) => Self::of_field(error),
                None => Self::internal(),
            },
            ServiceError::RateLimited { wait } => Self {
                retry_after: Some(wait.num_seconds().unsigned_abs().max(1)),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "requests",
                    "rate_limit_exceeded",
                    "too many requests",
                )
            },
            ServiceError::QuotaExceeded(exceeded) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                "insufficient_quota",
                format_args!(
                    "{} of {} characters are spent, and {} are asked for",
                    exceeded.spent, exceeded.limit, exceeded.requested
                ),
            ),
            ServiceError::SubscriptionRequired { .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                "billing_not_active",
                "the organization needs a subscription",
            ),
            ServiceError::BillingUnavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "server_error",
                "billing_unavailable",
                "the billing provider does not answer",
            ),
            error @ (ServiceError::Storage(_) | ServiceError::Store(_) | ServiceError::Internal(..)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "request failed");
                Self::internal()
            }
        }
    }

    /// The same; `replayed` tells whether it is what an earlier request made.
    pub(super) fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// What is wrong about the key that marks a request.
    pub(super) fn of_idempotency(error: &FieldError) -> Self {
        let (status, code) = match error.code {
            ErrorCode::Conflict => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            // Clients send again what conflicts; here that is of no use.
            ErrorCode::NotFound => (StatusCode::GONE, "generation_deleted"),
            _ => (StatusCode::BAD_REQUEST, "invalid_idempotency_key"),
        };
        Self {
            param: Some(IDEMPOTENCY_HEADER.to_owned()),
            ..Self::new(status, "invalid_request_error", code, &error.message)
        }
    }

    fn of_field(error: &FieldError) -> Self {
        if error.field.as_deref() == Some("idempotencyKey") {
            return Self::of_idempotency(error);
        }
        // Our names of the fields are not theirs.
        let param = match error.field.as_deref() {
            Some("text") => Some("input"),
            Some("voiceId") => Some("voice"),
            Some("settings.speed") => Some("speed"),
            Some("instructions") => Some("instructions"),
            _ => None,
        };
        let status = match error.code {
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        let code = error.code.as_str().to_ascii_lowercase();
        Self {
            param: param.map(str::to_owned),
            ..Self::new(status, "invalid_request_error", &code, &error.message)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        });
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
