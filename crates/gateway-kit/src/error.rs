//! Errors of whole requests.

use std::fmt;

use async_graphql::{Error, ErrorExtensions};
use resonance_authz::Denied;
use resonance_domain::FieldError;
use resonance_services::ServiceError;

/// What resolvers return.
pub type ApiResult<T> = Result<T, ApiError>;

/// The stable code of an error that concerns the request as a whole, in `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Nobody is signed in.
    Unauthenticated,
    /// Signed in, but working in no organization.
    OrganizationRequired,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The caller's role lacks a permission, which `extensions.missing` names.
    Forbidden,
    /// An argument is wrong; `extensions.field` names it.
    Invalid,
    /// A budget has not so much left; the message tells whose.
    QuotaExceeded,
    /// Too much, too fast; `extensions.retryAfter` says how many seconds to wait.
    RateLimited,
    /// Something failed inside; `extensions.id` is what to quote.
    Internal,
}

impl Code {
    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::OrganizationRequired => "ORGANIZATION_REQUIRED",
            Self::NotFound => "NOT_FOUND",
            Self::Forbidden => "FORBIDDEN",
            Self::Invalid => "INVALID",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// An error of a request. It has no `Display`, so `?` finds no way from a library's error to a client:
///
/// ```compile_fail,E0277
/// # use resonance_gateway_kit::ApiResult;
/// fn resolver() -> ApiResult<u32> {
///     Ok("1".parse::<u32>()?)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    message: String,
    /// `(key, value)` beside the code.
    detail: Option<(&'static str, async_graphql::Value)>,
}

impl ApiError {
    /// An error with a message for the client.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: None,
        }
    }

    /// What does not exist, or must not be known to exist. There is one text for both.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "not found")
    }

    /// A wrong argument.
    #[must_use]
    pub fn invalid(error: FieldError) -> Self {
        let detail = error.field.map(|field| ("field", field.into()));
        Self {
            code: Code::Invalid,
            message: error.message,
            detail,
        }
    }

    /// Logs an unexpected error with its causes and shows an id to quote.
    #[must_use]
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        #[expect(clippy::disallowed_methods, reason = "an id to quote; nothing depends on it")]
        let id = uuid::Uuid::now_v7().simple().to_string();
        tracing::error!(id, error = %Causes(error), "request failed");
        let detail = Some(("id", id.into()));
        Self {
            code: Code::Internal,
            message: "something went wrong on our side".into(),
            detail,
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }
}

/// An error with its causes in one line: the log as JSON would show the first of them alone.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code.as_str());
            if let Some((key, value)) = error.detail {
                extensions.set(key, value);
            }
        })
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::new(Code::Unauthenticated, "sign in first"),
            Denied::NotVisible => Self::not_found(),
            Denied::Forbidden { missing } => Self {
                code: Code::Forbidden,
                message: format!("your role lacks the permission {}", missing.key()),
                detail: Some(("missing", missing.key().into())),
            },
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(denied) => denied.into(),
            ServiceError::OrganizationRequired => {
                Self::new(Code::OrganizationRequired, "create or join an organization first")
            }
            ServiceError::RateLimited { wait } => {
                let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
                Self {
                    code: Code::RateLimited,
                    message: format!("too many requests; wait {seconds} seconds"),
                    detail: Some(("retryAfter", seconds.into())),
                }
            }
            ServiceError::QuotaExceeded { budget } => Self::new(
                Code::QuotaExceeded,
                format!("{budget} has not so many characters left"),
            ),
            // Of a query's arguments only the first wrong one is told; mutations tell all, see `split`.
            ServiceError::Refused(errors) => match errors.into_iter().next() {
                Some(error) => Self::invalid(error),
                None => Self::new(Code::Invalid, "the input was refused"),
            },
            error @ (ServiceError::Storage(_) | ServiceError::Store(_) | ServiceError::Internal(..)) => {
                Self::internal(&error)
            }
        }
    }
}

/// For loaders, whose errors are shared between waiting fields.
impl From<std::sync::Arc<ServiceError>> for ApiError {
    fn from(error: std::sync::Arc<ServiceError>) -> Self {
        match &*error {
            ServiceError::Denied(denied) => (*denied).into(),
            error => Self::internal(error),
        }
    }
}
