//! Errors of whole requests.

use std::fmt;

use async_graphql::{Error, ErrorExtensions, Value};
use chrono::SecondsFormat;
use resonance_authz::{Denied, Permission};
use resonance_domain::FieldError;
use resonance_services::{Quota, QuotaExceeded, ServiceError};

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
    /// A budget or a plan has not so much left: `extensions.quota` tells which, `limit`, `spent` and `requested` how much,
    /// `mutation` and `permission` who can do something about it, and how.
    QuotaExceeded,
    /// Nobody pays for the organization: `extensions.status` tells how the subscription stands, `mutation` and `permission`
    /// as above.
    SubscriptionRequired,
    /// The billing provider does not answer; everything else works.
    BillingUnavailable,
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
            Self::SubscriptionRequired => "SUBSCRIPTION_REQUIRED",
            Self::BillingUnavailable => "BILLING_UNAVAILABLE",
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
    /// Keys and values beside the code.
    details: Vec<(&'static str, Value)>,
}

impl ApiError {
    /// An error with a message for the client.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
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
        let field = error.field.map(|field| ("field", field.into()));
        Self {
            code: Code::Invalid,
            message: error.message,
            details: field.into_iter().collect(),
        }
    }

    /// Logs an unexpected error with its causes and shows an id to quote.
    #[must_use]
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        #[expect(clippy::disallowed_methods, reason = "an id to quote; nothing depends on it")]
        let id = uuid::Uuid::now_v7().simple().to_string();
        tracing::error!(id, error = %Causes(error), "request failed");
        Self {
            code: Code::Internal,
            message: "something went wrong on our side".into(),
            details: vec![("id", id.into())],
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
            for (key, value) in error.details {
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
                details: vec![("missing", missing.key().into())],
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
                    details: vec![("retryAfter", seconds.into())],
                }
            }
            ServiceError::QuotaExceeded(exceeded) => used_up(&exceeded),
            ServiceError::SubscriptionRequired { status } => Self {
                code: Code::SubscriptionRequired,
                message: "the organization needs a subscription; whoever manages its billing begins one by createCheckout"
                    .into(),
                details: vec![
                    ("status", status.map_or(Value::Null, |status| status.as_str().to_uppercase().into())),
                    ("mutation", "createCheckout".into()),
                    ("permission", Permission::BillingManage.key().into()),
                ],
            },
            ServiceError::BillingUnavailable => Self::new(
                Code::BillingUnavailable,
                "the billing provider does not answer; try again later",
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

/// What is used up, how much there is, and who can do something about it.
fn used_up(exceeded: &QuotaExceeded) -> ApiError {
    let (name, whose, mutation, permission) = match exceeded.quota {
        Quota::Plan => (
            "PLAN",
            "the plan of the organization",
            "createCheckout",
            Permission::BillingManage,
        ),
        Quota::Organization => (
            "ORGANIZATION",
            "the budget of the organization",
            "setBudget",
            Permission::BillingManage,
        ),
        Quota::Member => ("MEMBER", "your budget", "setBudget", Permission::BillingManage),
        Quota::ApiKey => (
            "API_KEY",
            "the budget of this key",
            "updateApiKey",
            Permission::ApiKeysManage,
        ),
        Quota::CustomVoices => (
            "CUSTOM_VOICES",
            "the plan of the organization",
            "createCheckout",
            Permission::BillingManage,
        ),
    };
    let left = exceeded.limit.saturating_sub(exceeded.spent);
    let message = match exceeded.quota {
        Quota::CustomVoices => format!(
            "{whose} includes {} custom voices, and they are all there",
            exceeded.limit
        ),
        _ => format!(
            "{whose} has {left} characters left, and {} are asked for",
            exceeded.requested
        ),
    };
    let since = exceeded.period_start.map_or(Value::Null, |start| {
        start.to_rfc3339_opts(SecondsFormat::Secs, true).into()
    });
    ApiError {
        code: Code::QuotaExceeded,
        message,
        details: vec![
            ("quota", name.into()),
            ("limit", exceeded.limit.into()),
            ("spent", exceeded.spent.into()),
            ("requested", exceeded.requested.into()),
            ("periodStart", since),
            ("mutation", mutation.into()),
            ("permission", permission.key().into()),
        ],
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
