//! Six-digit codes that prove an address.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::VerificationCodeId;

/// How long a code is valid.
pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How many wrong tries void a code.
pub const CODE_MAX_ATTEMPTS: u32 = 5;
/// How long to wait before the next code can be asked for.
pub const CODE_RESEND_AFTER: TimeDelta = TimeDelta::seconds(30);

/// What a code is good for. A code for one purpose is void for every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodePurpose {
    /// Proves the address of a sign-up, which makes the account.
    SignUp,
    /// Proves a further address of an account.
    VerifyEmail,
    /// Allows a new password.
    ResetPassword,
    /// Proves a mail domain of an organization.
    VerifyDomain,
}

impl CodePurpose {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::VerifyDomain => "verify_domain",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [
            Self::SignUp,
            Self::VerifyEmail,
            Self::ResetPassword,
            Self::VerifyDomain,
        ]
        .into_iter()
        .find(|purpose| purpose.as_str() == text)
    }
}

/// A code that was sent. The digits are not part of it and kept nowhere: they derive from its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationCode {
    /// Its identity.
    pub id: VerificationCodeId,
    /// What it is good for.
    pub purpose: CodePurpose,
    /// The sign-up, the address, the user or the domain that it is about; `None` where an address without an account asked, whose
    /// code no try ever matches.
    pub subject: Option<Uuid>,
    /// The address that it is sent to.
    pub address: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Wrong tries so far.
    pub attempts: u32,
    /// When it was used up.
    pub consumed_at: Option<DateTime<Utc>>,
}

/// Why a code is not even compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// Its time is over, or it was used.
    #[error("the code has expired; ask for a new one")]
    Expired,
    /// Too many wrong tries.
    #[error("too many wrong tries; ask for a new code")]
    Exhausted,
}

impl VerificationCode {
    /// Whether a try at `now` may be compared with the code.
    ///
    /// # Errors
    /// [`CodeRefusal`].
    pub fn usable_at(&self, now: DateTime<Utc>) -> Result<(), CodeRefusal> {
        if self.consumed_at.is_some() || now >= self.expires_at() {
            Err(CodeRefusal::Expired)
        } else if self.attempts >= CODE_MAX_ATTEMPTS {
            Err(CodeRefusal::Exhausted)
        } else {
            Ok(())
        }
    }

    /// The first moment at which it is no longer valid.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.created_at + CODE_LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    #[test]
    fn a_code_lives_ten_minutes_and_five_wrong_tries() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let fresh = VerificationCode {
            id: Id::from_uuid(Uuid::nil()),
            purpose: CodePurpose::VerifyEmail,
            subject: None,
            address: "ada@example.org".into(),
            created_at: at(0),
            attempts: 4,
            consumed_at: None,
        };
        assert_eq!(fresh.usable_at(at(599)), Ok(()));
        assert_eq!(fresh.usable_at(at(600)), Err(CodeRefusal::Expired));
        let exhausted = VerificationCode {
            attempts: 5,
            ..fresh.clone()
        };
        assert_eq!(exhausted.usable_at(at(1)), Err(CodeRefusal::Exhausted));
        let used = VerificationCode {
            consumed_at: Some(at(1)),
            ..fresh.clone()
        };
        assert_eq!(used.usable_at(at(2)), Err(CodeRefusal::Expired));
    }
}
