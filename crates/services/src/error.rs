//! Why a use case did not do what was asked.

use chrono::TimeDelta;
use resonance_authz::{Denied, StandError};
use resonance_blobs::BlobError;
use resonance_domain::{
    ErrorCode, FieldError, FieldErrors, InvitationRefusal, LastAdmin, SeatRefusal, SubscriptionStatus,
};
use resonance_persistence::StorageError;

use crate::QuotaExceeded;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Who asks may not, or may not even know.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The input is refused: every reason that could be found at once. Never empty.
    #[error("the input was refused")]
    Refused(Vec<FieldError>),
    /// Too much, too fast.
    #[error("too many requests")]
    RateLimited {
        /// How long to wait.
        wait: TimeDelta,
    },
    /// A budget or a plan has not so much left.
    #[error("the quota is exceeded")]
    QuotaExceeded(Box<QuotaExceeded>),
    /// Nobody pays for the organization.
    #[error("a subscription is required")]
    SubscriptionRequired {
        /// How the subscription stands that there is; `None`: there is none.
        status: Option<SubscriptionStatus>,
    },
    /// The billing provider cannot be reached, or does not do its work.
    #[error("the billing provider is not available")]
    BillingUnavailable,
    /// Signed in, but working in no organization.
    #[error("no organization is active")]
    OrganizationRequired,
    /// The database failed.
    #[error("the database failed")]
    Storage(#[source] StorageError),
    /// The object store failed, or lost an object that a row names.
    #[error("the object store failed")]
    Store(#[source] BlobError),
    /// Something that is nobody's fault outside failed.
    #[error("{0} failed")]
    Internal(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a use case returns.
pub type Outcome<T> = Result<T, ServiceError>;

impl ServiceError {
    /// An internal failure of `what`.
    pub fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(what, source.into())
    }
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<BlobError> for ServiceError {
    fn from(error: BlobError) -> Self {
        Self::Store(error)
    }
}

impl From<StandError<StorageError>> for ServiceError {
    fn from(error: StandError<StorageError>) -> Self {
        match error {
            StandError::Denied(denied) => Self::Denied(denied),
            StandError::Source(error) => Self::Storage(error),
        }
    }
}

impl From<FieldError> for ServiceError {
    fn from(error: FieldError) -> Self {
        Self::Refused(vec![error])
    }
}

impl From<Vec<FieldError>> for ServiceError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Refused(errors)
    }
}

impl From<FieldErrors> for ServiceError {
    fn from(errors: FieldErrors) -> Self {
        Self::Refused(errors.finish().err().unwrap_or_default())
    }
}

/// A rule's refusal as an error of the input: every rule of the domain has one code.
pub trait Refusal {
    /// The code and the sentence.
    fn refusal(self) -> FieldError;
}

impl Refusal for LastAdmin {
    fn refusal(self) -> FieldError {
        FieldError::new(ErrorCode::LastAdmin, self)
    }
}

impl Refusal for SeatRefusal {
    fn refusal(self) -> FieldError {
        FieldError::new(ErrorCode::MemberLimitReached, self)
    }
}

impl Refusal for InvitationRefusal {
    fn refusal(self) -> FieldError {
        let code = match self {
            Self::Expired => ErrorCode::InvitationExpired,
            Self::Closed(_) => ErrorCode::InvitationClosed,
        };
        FieldError::new(code, self)
    }
}
