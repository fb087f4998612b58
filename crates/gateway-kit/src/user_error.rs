//! Expected refusals, in mutations' payloads.

use async_graphql::{Enum, SimpleObject};
use resonance_domain::{ErrorCode, FieldError};
use resonance_services::{Outcome, ServiceError};

use crate::{ApiError, ApiResult};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a mutation refused its input. Codes are stable; new ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        pub enum UserErrorCode { $($(#[$doc])* $name,)* }

        impl From<ErrorCode> for UserErrorCode {
            fn from(code: ErrorCode) -> Self {
                match code {
                    $(ErrorCode::$name => Self::$name,)*
                    // The domain's list is open for embedders; ours names every code, as a test shows.
                    _ => Self::Invalid,
                }
            }
        }
    };
}

codes! {
    /// The value breaks the field's rules.
    Invalid,
    /// The value is longer than allowed.
    TooLong,
    /// The value is shorter than allowed.
    TooShort,
    /// Somebody else has this value already.
    Taken,
    /// The thing that the input names does not exist, or the caller may not know that it does.
    NotFound,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// The organization would be left without an admin.
    LastAdmin,
    /// Members and pending invitations fill the organization.
    MemberLimitReached,
    /// The person is a member already.
    AlreadyMember,
    /// A pending invitation for this address exists.
    AlreadyInvited,
    /// The invitation's time is over.
    InvitationExpired,
    /// The invitation was accepted, declined or revoked.
    InvitationClosed,
    /// The signed-in user has not verified the address that the invitation went to.
    EmailMismatch,
    /// The role is held or named somewhere.
    RoleInUse,
    /// The role has a permission that the caller lacks.
    RoleExceedsOwn,
    /// Somebody else must decide about what the caller asked for.
    OwnRequest,
    /// The domain may not be used.
    DomainNotAllowed,
    /// The record that proves the domain was not found (yet).
    DomainUnproved,
    /// The organization is protected from deletion.
    NotDeletable,
    /// The file is no audio that can be decoded.
    AudioUnreadable,
    /// The recording is too short.
    AudioTooShort,
    /// The recording is too long.
    AudioTooLong,
    /// The recording holds no audible sound.
    AudioSilent,
    /// The file is no image that can be decoded.
    ImageUnreadable,
    /// The file is larger than allowed.
    FileTooLarge,
    /// The speaker's consent was not attested.
    ConsentRequired,
    /// The password is on the list of common ones, or derives from the account.
    PasswordTooCommon,
    /// Address or password is wrong.
    WrongCredentials,
    /// The code is wrong.
    CodeWrong,
    /// The code's time is over, or it was never sent.
    CodeExpired,
    /// Too many wrong tries for this code.
    CodeExhausted,
    /// Too many tries; wait.
    RateLimited,
    /// The instance does not allow this user another organization.
    OrganizationLimitReached,
    /// The engine cannot do this.
    Unsupported,
}

/// One reason why a mutation refused its input. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct UserError {
    /// What kind of reason; match on this.
    pub code: UserErrorCode,
    /// The input field to blame, with dots for nesting; null where no single field is.
    pub field: Option<String>,
    /// A sentence for the person who filled in the form.
    pub message: String,
}

impl From<FieldError> for UserError {
    fn from(error: FieldError) -> Self {
        Self {
            code: error.code.into(),
            field: error.field,
            message: error.message,
        }
    }
}

/// Splits a use case's outcome into what a payload shows: the result, or the refusals. All else is an error of the
/// request.
///
/// # Errors
/// Everything but refusals of the input.
pub fn split<T>(outcome: Outcome<T>) -> ApiResult<(Option<T>, Vec<UserError>)> {
    match outcome {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(ServiceError::Refused(errors)) => Ok((None, errors.into_iter().map(UserError::from).collect())),
        Err(error) => Err(ApiError::from(error)),
    }
}
