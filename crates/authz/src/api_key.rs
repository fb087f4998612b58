//! What an API key opens.

use std::marker::PhantomData;

use resonance_domain::{ApiKeyId, Author, OrganizationId};

use crate::{
    Action, Denied, Extent, Grant, KeyHolder, Permission, PermissionSet, RolePermissions, role::extent,
};

/// What keys may have of the product's own: to hear voices, to speak, and to read and tidy the history of it. Nothing that
/// gives power to people, keys or other services: whoever finds a key must not be able to make themselves a member. Nor
/// anything that makes or changes voices: the speaker's consent takes a person who attests it.
const FOR_KEYS: PermissionSet = PermissionSet::of(&[
    Permission::VoicesRead,
    Permission::GenerationsRead,
    Permission::GenerationsCreate,
    Permission::GenerationsDelete,
]);

/// Those of `permissions` that no API key may have, however many its maker has. Custom permissions are the embedding
/// service's business, and may all be given to keys.
///
/// ```
/// use resonance_authz::{RolePermissions, not_for_keys};
/// let asked = RolePermissions::from_stored("org:generations:create org:sys_roles:manage org:invoices:read");
/// assert_eq!(not_for_keys(&asked).to_stored(), "org:sys_roles:manage");
/// ```
#[must_use]
pub fn not_for_keys(permissions: &RolePermissions) -> RolePermissions {
    RolePermissions {
        product: permissions.product.without(FOR_KEYS),
        ..RolePermissions::NONE
    }
}

/// A key that opens something now, as it was read from storage for this request. Only `persistence` makes one, from
/// the row of a key that is neither revoked nor expired, of an organization that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    organization: OrganizationId,
    key: ApiKeyId,
    permissions: RolePermissions,
}

impl KeyStanding {
    /// The standing of a key with these permissions.
    ///
    /// SECURITY: part of the trusted base, as [`StandingSource`](crate::StandingSource) is: `permissions` must be what
    /// the row says. What keys may not have is dropped, whatever the row says.
    #[must_use]
    pub fn of_record(organization: OrganizationId, key: ApiKeyId, permissions: RolePermissions) -> Self {
        let product = permissions.product.without(not_for_keys(&permissions).product);
        Self {
            organization,
            key,
            permissions: RolePermissions {
                product,
                ..permissions
            },
        }
    }

    /// The organization.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Who acts.
    #[must_use]
    pub const fn holder(&self) -> KeyHolder {
        KeyHolder {
            key: self.key,
            organization: self.organization,
        }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> ApiKeyId {
        self.key
    }

    /// Whether the key has the permission, one of the product's or a custom one.
    #[must_use]
    pub fn allows(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// All that it has.
    #[must_use]
    pub const fn permissions(&self) -> &RolePermissions {
        &self.permissions
    }

    /// As [`Standing::grant`](crate::Standing::grant).
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    pub fn grant<A: Action>(&self) -> Result<Grant<A>, Denied> {
        match A::PERMISSION {
            Some(missing) if !self.permissions.product.contains(missing) => {
                Err(Denied::Forbidden { missing })
            }
            _ => Ok(self.mint(Extent::All)),
        }
    }

    /// As [`Standing::grant_within_reach`](crate::Standing::grant_within_reach); its own things are those that were made
    /// with the key.
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    pub fn grant_within_reach<A: Action>(&self) -> Result<Grant<A>, Denied> {
        let Some(permission) = A::PERMISSION else {
            return Ok(self.mint(Extent::All));
        };
        match extent(self.permissions.product, permission) {
            Some(extent) => Ok(self.mint(extent)),
            None => Err(Denied::Forbidden { missing: permission }),
        }
    }

    fn mint<A: Action>(&self, extent: Extent) -> Grant<A> {
        Grant {
            organization: self.organization,
            author: Author::ApiKey(self.key),
            permissions: self.permissions.product,
            extent,
            action: PhantomData,
        }
    }
}
