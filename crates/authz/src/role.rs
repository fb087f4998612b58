//! What roles allow: the policy itself.

use resonance_domain::RoleKey;

use crate::{CustomPermissions, Permission, PermissionSet, RolePermissions};

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything of the kind in the organization.
    All,
    /// Only what the holder made.
    Own,
}

/// What an admin may: everything, in whatever service.
const ADMIN: RolePermissions = RolePermissions {
    product: PermissionSet::of(Permission::ALL),
    custom: CustomPermissions::ALL,
};

/// What a member may with everything in the organization.
const MEMBER: RolePermissions = RolePermissions {
    product: PermissionSet::of(&[
        Permission::MembershipsRead,
        Permission::BillingRead,
        Permission::VoicesRead,
        Permission::GenerationsRead,
        Permission::GenerationsCreate,
        Permission::UsageRead,
    ]),
    custom: CustomPermissions::NONE,
};

/// What whoever may create a thing may also do with the things that they created.
///
/// INVARIANT: an entry here never widens what a role reaches beyond the holder's own things.
const OWN: &[(Permission, Permission)] = &[(Permission::GenerationsCreate, Permission::GenerationsDelete)];

/// The permissions that a role gives over everything of the organization: of a built-in one the product's own, of
/// every other what storage has on record, and of one that is not on record nothing.
///
/// SECURITY: what storage says of a built-in role is not heard.
#[must_use]
pub fn permissions_of(role: &RoleKey, on_record: Option<RolePermissions>) -> RolePermissions {
    if *role == RoleKey::ADMIN {
        ADMIN
    } else if *role == RoleKey::MEMBER {
        MEMBER
    } else {
        on_record.unwrap_or_default()
    }
}

/// How far `permissions` allow what `wanted` names, if at all.
#[inline]
#[must_use]
pub(crate) fn extent(permissions: PermissionSet, wanted: Permission) -> Option<Extent> {
    if permissions.contains(wanted) {
        return Some(Extent::All);
    }
    OWN.iter()
        .any(|(creates, reaches)| *reaches == wanted && permissions.contains(*creates))
        .then_some(Extent::Own)
}

/// What `role` allows beyond `own`. Whoever gives a role to somebody, makes it, changes it, changes something into it
/// or deletes it must hold all of it, so the result must be empty.
#[must_use]
pub fn role_exceeds(role: &RolePermissions, own: &RolePermissions) -> RolePermissions {
    RolePermissions {
        product: role.product.without(own.product),
        custom: role.custom.without(&own.custom),
    }
}
