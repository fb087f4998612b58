//! Authority over the whole instance.

use std::marker::PhantomData;

use resonance_domain::{Author, OrganizationId, UserId};

use crate::{Extent, Grant, Operable, OwnGrant, Permission, PermissionSet, SystemGrant, system::Appoint};

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
/// It opens the instance's own rows, every user's own ones, and in every organization what is an operator's business
/// ([`Operable`]). No member has it, and nobody can make one up:
///
/// ```compile_fail,E0451
/// # use resonance_authz::OperatorGrant;
/// # fn forge(real: OperatorGrant) -> OperatorGrant {
/// OperatorGrant { reason: String::new(), ..real }
/// # }
/// ```
///
/// What members say and hear is none of an operator's business:
///
/// ```compile_fail,E0277
/// # use resonance_authz::{Grant, OperatorGrant, ReadGenerations};
/// # use resonance_domain::OrganizationId;
/// fn pry(operator: &OperatorGrant, organization: OrganizationId) -> Grant<ReadGenerations> {
///     operator.within(organization)
/// }
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct OperatorGrant {
    user: UserId,
    reason: String,
}

impl OperatorGrant {
    /// Mints the grant of an operator who says why. Whoever only reads need not: then the reason is empty.
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

    /// The operator's authority in an organization. The operator is no member there: nothing that takes a standing takes
    /// this.
    pub const fn within<A: Operable>(&self, organization: OrganizationId) -> Grant<A> {
        Grant {
            organization,
            author: Author::User(self.user),
            permissions: PermissionSet::of(Permission::ALL),
            extent: Extent::All,
            action: PhantomData,
        }
    }

    /// The operator's authority over a user's own rows.
    pub const fn over(&self, user: UserId) -> OwnGrant {
        OwnGrant::new(user)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Authority to say who is an operator: that of an operator, and that of whoever holds the instance's configuration or
/// command line.
pub trait Appoints: sealed::Sealed + Sync {}

impl sealed::Sealed for OperatorGrant {}
impl Appoints for OperatorGrant {}
impl sealed::Sealed for SystemGrant<Appoint> {}
impl Appoints for SystemGrant<Appoint> {}
