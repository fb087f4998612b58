//! An actor's place in an organization.

use std::marker::PhantomData;

use resonance_domain::{MembershipId, OrganizationId, RoleKey, UserId};

use crate::{Action, Denied, Explanation, Extent, Grant, Permission, PermissionSet, role::extent};

/// What a user is in an organization, as it was read from storage for this request.
///
/// ```compile_fail,E0451
/// # use resonance_authz::Standing;
/// # fn forge(real: Standing) -> Standing {
/// Standing { permissions: resonance_authz::PermissionSet::EMPTY, ..real }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    organization: OrganizationId,
    user: UserId,
    membership: MembershipId,
    role: RoleKey,
    permissions: PermissionSet,
}

impl Standing {
    pub(crate) fn new(
        organization: OrganizationId,
        user: UserId,
        membership: MembershipId,
        role: RoleKey,
        permissions: PermissionSet,
    ) -> Self {
        Self {
            organization,
            user,
            membership,
            role,
            permissions,
        }
    }

    /// The organization.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The user.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The membership that this standing rests on.
    #[must_use]
    pub const fn membership(&self) -> MembershipId {
        self.membership
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> &RoleKey {
        &self.role
    }

    /// What the role allows over everything in the organization.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// How far the role reaches with a permission, if at all.
    #[must_use]
    #[inline]
    pub fn reaches(&self, permission: Permission) -> Option<Extent> {
        extent(self.permissions, permission)
    }

    /// Decides whether this standing allows `A` with everything of the organization, and proves it.
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    #[inline]
    pub fn grant<A: Action>(&self) -> Result<Grant<A>, Denied> {
        match A::PERMISSION {
            Some(missing) if !self.permissions.contains(missing) => Err(Denied::Forbidden { missing }),
            _ => Ok(self.mint(Extent::All)),
        }
    }

    /// Decides whether this standing allows `A` at least with what the user made. The grant then carries the
    /// restriction ([`Grant::only_of`]).
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    #[inline]
    pub fn grant_within_reach<A: Action>(&self) -> Result<Grant<A>, Denied> {
        let Some(permission) = A::PERMISSION else {
            return Ok(self.mint(Extent::All));
        };
        match self.reaches(permission) {
            Some(extent) => Ok(self.mint(extent)),
            None => Err(Denied::Forbidden { missing: permission }),
        }
    }

    /// Tells a member why a permission is or is not theirs.
    #[must_use]
    pub fn explain(&self, permission: Permission) -> Explanation {
        Explanation {
            permission,
            role: self.role.clone(),
            extent: self.reaches(permission),
        }
    }

    #[inline]
    fn mint<A: Action>(&self, extent: Extent) -> Grant<A> {
        Grant {
            organization: self.organization,
            user: self.user,
            permissions: self.permissions,
            extent,
            action: PhantomData,
        }
    }
}
