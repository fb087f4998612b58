//! Answers, in words that both engines share.

use resonance_authz::Denied;

/// What an engine says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, with this thing, or with everything.
    Yes,
    /// Only with what the actor made.
    Own,
    /// No.
    No,
    /// No, because nobody is signed in.
    Unauthenticated,
    /// No, because there is no such organization for the actor.
    NotVisible,
    /// No, because the role lacks this permission.
    Forbidden(String),
}

impl From<Denied> for Answer {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::Unauthenticated,
            Denied::NotVisible => Self::NotVisible,
            Denied::Forbidden { missing } => Self::Forbidden(missing.key().to_owned()),
        }
    }
}
