//! What a role permits, of both kinds.

use resonance_domain::{ErrorCode, FieldError};

use crate::{CustomPermission, CustomPermissions, Permission, PermissionSet};

/// A permission of either kind: of the product's catalogue, or custom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AnyPermission {
    /// One of the product's.
    Product(Permission),
    /// One that an operator registered.
    Custom(CustomPermission),
}

impl AnyPermission {
    /// Finds the permission that a key names. Whether a custom one is registered is storage's knowledge.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        if let Some(permission) = Permission::from_key(raw) {
            return Ok(Self::Product(permission));
        }
        CustomPermission::parse(raw).map(Self::Custom).map_err(|_| {
            let message = "must be a permission such as org:voices:create";
            FieldError::new(ErrorCode::Invalid, message)
        })
    }

    /// The key, such as `org:voices:create`.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Product(permission) => permission.key(),
            Self::Custom(permission) => permission.key(),
        }
    }
}

impl From<Permission> for AnyPermission {
    fn from(permission: Permission) -> Self {
        Self::Product(permission)
    }
}

impl From<CustomPermission> for AnyPermission {
    fn from(permission: CustomPermission) -> Self {
        Self::Custom(permission)
    }
}

/// What a role permits with everything of the organization. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePermissions {
    /// Of the product's catalogue.
    pub product: PermissionSet,
    /// Of those that the instance's operators registered.
    pub custom: CustomPermissions,
}

impl RolePermissions {
    /// Nothing.
    pub const NONE: Self = Self {
        product: PermissionSet::EMPTY,
        custom: CustomPermissions::NONE,
    };

    /// Reads the permissions that stand in a text, separated by spaces. What is no permission (any more) permits
    /// nothing.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        text.split(' ')
            .filter_map(|key| AnyPermission::parse(key).ok())
            .collect()
    }

    /// The text that [`RolePermissions::from_stored`] reads.
    #[must_use]
    pub fn to_stored(&self) -> String {
        self.keys().collect::<Vec<_>>().join(" ")
    }

    /// Whether the permission with this key is among them.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        match Permission::from_key(key) {
            Some(permission) => self.product.contains(permission),
            None => self.custom.contains(key),
        }
    }

    /// Whether nothing is permitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The keys, the product's first. Of a role that has all custom permissions, none of those is named.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let product = self.product.iter().map(|permission| -> &str { permission.key() });
        product.chain(self.custom.iter().map(CustomPermission::key))
    }

    /// The keys, the product's first, where `registered` are all custom permissions there are.
    pub fn keys_among<'a>(&'a self, registered: &'a [CustomPermission]) -> impl Iterator<Item = &'a str> {
        let product = self.product.iter().map(|permission| -> &str { permission.key() });
        product.chain(self.custom.among(registered).map(CustomPermission::key))
    }
}

impl FromIterator<AnyPermission> for RolePermissions {
    fn from_iter<I: IntoIterator<Item = AnyPermission>>(permissions: I) -> Self {
        let mut product = PermissionSet::EMPTY;
        let mut custom = Vec::new();
        for permission in permissions {
            match permission {
                AnyPermission::Product(permission) => {
                    product = product.union(PermissionSet::of(&[permission]));
                }
                AnyPermission::Custom(permission) => custom.push(permission),
            }
        }
        Self {
            product,
            custom: custom.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again_and_what_is_no_permission_permits_nothing() {
        let read = RolePermissions::from_stored(
            "org:voices:read org:invoices:create  org:sys_everything:manage nonsense org:sys_roles:manage",
        );
        assert_eq!(
            read.to_stored(),
            "org:sys_roles:manage org:voices:read org:invoices:create"
        );
        assert_eq!(RolePermissions::from_stored(&read.to_stored()), read);
        assert!(RolePermissions::from_stored("").is_empty());
        assert!(!read.contains("org:sys_everything:manage"));
    }
}
