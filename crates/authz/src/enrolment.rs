//! Proof that somebody may join through a domain.

use resonance_domain::{DomainId, OrganizationId};

use crate::OwnGrant;

/// Proof that a user has a verified address at a domain that an organization has proved and that lets people in. It
/// opens joining that one organization, as far as the domain goes, and nothing in it.
///
/// ```compile_fail,E0451
/// # use resonance_authz::EnrolmentGrant;
/// # fn forge(real: EnrolmentGrant, organization: resonance_domain::OrganizationId) -> EnrolmentGrant {
/// EnrolmentGrant { organization, ..real }
/// # }
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct EnrolmentGrant {
    organization: OrganizationId,
    domain: DomainId,
}

impl EnrolmentGrant {
    /// Mints the grant for a domain at which the user has a verified address. `persistence` finds it through the user's
    /// rows only, which is what the [`OwnGrant`] vouches for.
    pub fn for_own_address(_own: &OwnGrant, organization: OrganizationId, domain: DomainId) -> Self {
        Self { organization, domain }
    }

    /// The organization whose domain it is.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }
}
