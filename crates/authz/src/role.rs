//! What the built-in roles allow: the policy itself.

use resonance_domain::RoleKey;

use crate::{Permission, PermissionSet};

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything of the kind in the organization.
    All,
    /// Only what the holder made.
    Own,
}

/// What an admin may: everything.
const ADMIN: PermissionSet = PermissionSet::of(Permission::ALL);

/// What a member may with everything in the organization.
const MEMBER: PermissionSet = PermissionSet::of(&[
    Permission::MembershipsRead,
    Permission::BillingRead,
    Permission::VoicesRead,
    Permission::GenerationsRead,
    Permission::GenerationsCreate,
    Permission::UsageRead,
]);

/// What whoever may create a thing may also do with the things that they created.
///
/// INVARIANT: an entry here never widens what a role reaches beyond the holder's own things.
const OWN: &[(Permission, Permission)] = &[(Permission::GenerationsCreate, Permission::GenerationsDelete)];

/// The permissions that a role gives over everything of the organization. A role that is not known gives nothing.
#[must_use]
pub fn permissions_of(role: &RoleKey) -> PermissionSet {
    if *role == RoleKey::ADMIN {
        ADMIN
    } else if *role == RoleKey::MEMBER {
        MEMBER
    } else {
        PermissionSet::EMPTY
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

/// What a role allows beyond `own`: whoever grants it must hold all of it, so the result must be empty.
#[must_use]
pub fn role_exceeds(role: &RoleKey, own: PermissionSet) -> PermissionSet {
    permissions_of(role).without(own)
}
