//! Authority over the whole instance.

use resonance_domain::UserId;

/// What storage knows of an operator.
///
/// SECURITY: whoever makes one is part of the trusted base. It must come from the operators' table, as the current unit
/// of work sees it, and must know no suspended user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorRecord {
    /// The user.
    pub user: UserId,
}

/// Proof that an operator of the instance acts, for a reason that goes on record with every act.
///
/// It opens the instance's own rows. It is not a member's [`Grant`](crate::Grant), and no member has it:
///
/// ```compile_fail,E0451
/// # use resonance_authz::OperatorGrant;
/// # fn forge(real: OperatorGrant) -> OperatorGrant {
/// OperatorGrant { reason: String::new(), ..real }
/// # }
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct OperatorGrant {
    user: UserId,
    reason: String,
}

impl OperatorGrant {
    /// Mints the grant of an operator who says why.
    pub fn of(record: OperatorRecord, reason: impl Into<String>) -> Self {
        Self {
            user: record.user,
            reason: reason.into(),
        }
    }

    /// The operator.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
