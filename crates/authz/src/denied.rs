//! Refusals.

use crate::Permission;

/// Why a request was refused. The list is closed: whoever shows refusals must handle each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in.
    #[error("not signed in")]
    Unauthenticated,
    /// The actor is no member: for them the organization does not exist.
    #[error("not found")]
    NotVisible,
    /// The actor is a member whose role does not allow this.
    #[error("missing the permission {}", .missing.key())]
    Forbidden {
        /// What the role lacks.
        missing: Permission,
    },
}
