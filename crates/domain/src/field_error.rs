//! What is wrong with an input, field by field.

use std::fmt;

/// The stable code of an expected refusal. Clients match on it; its text never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorCode {
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
    /// There are as many custom roles as there may be.
    RoleLimitReached,
    /// The domain may not be used.
    DomainNotAllowed,
    /// The record that proves the domain was not found.
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
    /// The code's ten minutes are over, or it was never sent.
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

impl ErrorCode {
    /// The code as clients see it, such as `MEMBER_LIMIT_REACHED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::TooLong => "TOO_LONG",
            Self::TooShort => "TOO_SHORT",
            Self::Taken => "TAKEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::LastAdmin => "LAST_ADMIN",
            Self::MemberLimitReached => "MEMBER_LIMIT_REACHED",
            Self::AlreadyMember => "ALREADY_MEMBER",
            Self::AlreadyInvited => "ALREADY_INVITED",
            Self::InvitationExpired => "INVITATION_EXPIRED",
            Self::InvitationClosed => "INVITATION_CLOSED",
            Self::EmailMismatch => "EMAIL_MISMATCH",
            Self::RoleInUse => "ROLE_IN_USE",
            Self::RoleExceedsOwn => "ROLE_EXCEEDS_OWN",
            Self::OwnRequest => "OWN_REQUEST",
            Self::RoleLimitReached => "ROLE_LIMIT_REACHED",
            Self::DomainNotAllowed => "DOMAIN_NOT_ALLOWED",
            Self::DomainUnproved => "DOMAIN_UNPROVED",
            Self::NotDeletable => "NOT_DELETABLE",
            Self::AudioUnreadable => "AUDIO_UNREADABLE",
            Self::AudioTooShort => "AUDIO_TOO_SHORT",
            Self::AudioTooLong => "AUDIO_TOO_LONG",
            Self::AudioSilent => "AUDIO_SILENT",
            Self::ImageUnreadable => "IMAGE_UNREADABLE",
            Self::FileTooLarge => "FILE_TOO_LARGE",
            Self::ConsentRequired => "CONSENT_REQUIRED",
            Self::PasswordTooCommon => "PASSWORD_TOO_COMMON",
            Self::WrongCredentials => "WRONG_CREDENTIALS",
            Self::CodeWrong => "CODE_WRONG",
            Self::CodeExpired => "CODE_EXPIRED",
            Self::CodeExhausted => "CODE_EXHAUSTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::OrganizationLimitReached => "ORGANIZATION_LIMIT_REACHED",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// One thing that is wrong with an input, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FieldError {
    /// What kind of wrong.
    pub code: ErrorCode,
    /// The input field, in the input's own spelling (`emailAddress`), with dots for nesting; `None` where no
    /// single field is to blame.
    pub field: Option<String>,
    /// A sentence for the person who filled in the form.
    pub message: String,
}

impl FieldError {
    /// An error that blames no field yet; see [`FieldError::at`].
    pub fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self {
            code,
            field: None,
            message: message.to_string(),
        }
    }

    /// The same error, blaming `field`.
    #[must_use]
    pub fn at(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }
}

/// Everything that is wrong with an input, all at once.
///
/// ```
/// use resonance_domain::{FieldErrors, OrganizationName, Slug};
/// let mut errors = FieldErrors::default();
/// let name = errors.take("name", OrganizationName::parse(""));
/// let slug = errors.take("slug", Slug::parse("No spaces"));
/// assert_eq!(errors.finish().unwrap_err().len(), 2);
/// assert!(name.is_none() && slug.is_none());
/// ```
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Keeps the value, or notes its error as `field`'s.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, FieldError>) -> Option<T> {
        parsed.map_err(|error| self.0.push(error.at(field))).ok()
    }

    /// Notes an error.
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// All errors, if there was any.
    ///
    /// # Errors
    /// The noted errors, in the order in which they were noted.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
