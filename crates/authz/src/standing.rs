//! An actor's place in an organization.

use std::marker::PhantomData;

use resonance_domain::{Author, MembershipId, OrganizationId, RoleKey, UserId};

use crate::{
    Action, AnyPermission, Denied, Explanation, Extent, Grant, Permission, PermissionSet, RolePermissions,
    role::extent,
};

/// What a user is in an organization, as it was read from storage for this request.
///
/// ```compile_fail,E0451
/// # use resonance_authz::Standing;
/// # fn forge(real: Standing) -> Standing {
/// Standing { permissions: resonance_authz::RolePermissions::NONE, ..real }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    organization: OrganizationId,
    user: UserId,
    membership: MembershipId,
    role: RoleKey,
    permissions: RolePermissions,
}

impl Standing {
    pub(crate) fn new(
        organization: OrganizationId,
        user: UserId,
        membership: MembershipId,
        role: RoleKey,
        permissions: RolePermissions,
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

    /// What the role allows over everything in the organization, of the product's own permissions.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions.product
    }

    /// All that the role allows over everything in the organization.
    #[must_use]
    pub const fn role_permissions(&self) -> &RolePermissions {
        &self.permissions
    }

    /// Whether the role allows what `permission` names, with everything of the organization: for services that embed
    /// this engine and have permissions of their own. It takes no memory. An admin has every custom permission, also
    /// those that no operator has registered yet.
    ///
    /// ```
    /// use resonance_authz::{Authorizer, RolePermissions, StandingRecord, StandingSource};
    /// use resonance_domain::{Id, OrganizationId, RoleKey, UserId};
    /// # use uuid::Uuid;
    ///
    /// /// Whatever answers `StandingSource`; here, everybody is an accountant.
    /// struct Accountants;
    ///
    /// impl StandingSource for Accountants {
    ///     type Error = std::convert::Infallible;
    ///
    ///     async fn standing(&self, _: UserId, _: OrganizationId) -> Result<Option<StandingRecord>, Self::Error> {
    ///         Ok(Some(StandingRecord {
    ///             membership: Id::from_uuid(Uuid::from_u128(3)),
    ///             role: RoleKey::parse("org:accountant").unwrap(),
    ///             on_record: Some(RolePermissions::from_stored("org:invoices:create org:usage:read")),
    ///         }))
    ///     }
    /// }
    ///
    /// # let example = async {
    /// # let (ada, acme) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
    /// let standing = Authorizer::new(Accountants).standing(ada, acme).await.unwrap();
    /// assert!(standing.allows("org:invoices:create") && standing.allows("org:usage:read"));
    /// assert!(!standing.allows("org:invoices:delete") && !standing.allows("org:voices:create"));
    /// # };
    /// # futures_util::FutureExt::now_or_never(example).unwrap();
    /// ```
    #[must_use]
    #[inline]
    pub fn allows(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// How far the role reaches with a permission, if at all.
    #[must_use]
    #[inline]
    pub fn reaches(&self, permission: Permission) -> Option<Extent> {
        extent(self.permissions.product, permission)
    }

    /// Decides whether this standing allows `A` with everything of the organization, and proves it.
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    #[inline]
    pub fn grant<A: Action>(&self) -> Result<Grant<A>, Denied> {
        match A::PERMISSION {
            Some(missing) if !self.permissions.product.contains(missing) => {
                Err(Denied::Forbidden { missing })
            }
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
    pub fn explain(&self, permission: impl Into<AnyPermission>) -> Explanation {
        let permission = permission.into();
        Explanation {
            role: self.role.clone(),
            extent: match &permission {
                AnyPermission::Product(permission) => self.reaches(*permission),
                AnyPermission::Custom(permission) => self.allows(permission.key()).then_some(Extent::All),
            },
            permission,
        }
    }

    #[inline]
    fn mint<A: Action>(&self, extent: Extent) -> Grant<A> {
        Grant {
            organization: self.organization,
            author: Author::User(self.user),
            permissions: self.permissions.product,
            extent,
            action: PhantomData,
        }
    }
}
