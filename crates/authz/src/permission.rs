//! The catalogue of permissions.

use std::fmt;

macro_rules! permissions {
    ($(#[doc = $doc:literal] $name:ident = $key:literal;)*) => {
        /// Something that a role may allow. The catalogue is append-only; the order gives the bit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $(#[doc = $doc] $name,)* }

        impl Permission {
            /// Every permission, in catalogue order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The key, such as `org:voices:create`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// What it is for, in a sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }

            /// Finds a permission by its key.
            #[must_use]
            pub fn from_key(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    /// Change the organization's name, slug, description, logo and public metadata.
    ProfileManage = "org:sys_profile:manage";
    /// Delete the organization.
    ProfileDelete = "org:sys_profile:delete";
    /// List the members.
    MembershipsRead = "org:sys_memberships:read";
    /// Invite, remove and change the roles of members; answer membership requests.
    MembershipsManage = "org:sys_memberships:manage";
    /// See the organization's domains.
    DomainsRead = "org:sys_domains:read";
    /// Add, prove and remove domains.
    DomainsManage = "org:sys_domains:manage";
    /// Make, change and delete the organization's own roles.
    RolesManage = "org:sys_roles:manage";
    /// See plan, period and cost.
    BillingRead = "org:sys_billing:read";
    /// Subscribe, change and cancel.
    BillingManage = "org:sys_billing:manage";
    /// See the API keys.
    ApiKeysRead = "org:sys_api_keys:read";
    /// Make and revoke API keys.
    ApiKeysManage = "org:sys_api_keys:manage";
    /// Make, change and delete webhook endpoints.
    WebhooksManage = "org:sys_webhooks:manage";
    /// Read the audit log.
    AuditRead = "org:sys_audit:read";
    /// Set up single sign-on.
    SsoManage = "org:sys_sso:manage";
    /// List voices and hear their previews.
    VoicesRead = "org:voices:read";
    /// Make custom voices.
    VoicesCreate = "org:voices:create";
    /// Change custom voices.
    VoicesUpdate = "org:voices:update";
    /// Delete custom voices.
    VoicesDelete = "org:voices:delete";
    /// Read the history and hear it.
    GenerationsRead = "org:generations:read";
    /// Have texts spoken.
    GenerationsCreate = "org:generations:create";
    /// Delete generations from the history.
    GenerationsDelete = "org:generations:delete";
    /// See what was used.
    UsageRead = "org:usage:read";
}

impl Permission {
    /// The feature in the middle of the key, such as `voices`.
    #[must_use]
    pub fn feature(self) -> &'static str {
        self.key().split(':').nth(1).unwrap_or_default()
    }

    /// The action at the end of the key, such as `create`.
    #[must_use]
    pub fn action(self) -> &'static str {
        self.key().split(':').nth(2).unwrap_or_default()
    }

    /// Whether the permission comes with the system (`org:sys_…`) rather than with the product.
    #[must_use]
    pub fn is_system(self) -> bool {
        self.feature().starts_with("sys_")
    }

    const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

/// A set of permissions, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// No permission.
    pub const EMPTY: Self = Self(0);

    /// The set of the given permissions.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < permissions.len() {
            bits |= permissions[i].bit();
            i += 1;
        }
        Self(bits)
    }

    /// Whether the permission is in the set.
    #[must_use]
    #[inline]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether every permission of `other` is in this set.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// This set and `other` together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The permissions in the set, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| self.contains(*permission))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::key)).finish()
    }
}

// The set is one machine word; a catalogue that outgrows it must not compile.
const _: () = assert!(Permission::ALL.len() <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_again_and_have_three_parts() {
        for permission in Permission::ALL {
            assert_eq!(Permission::from_key(permission.key()), Some(*permission));
            assert_eq!(
                permission.key(),
                format!("org:{}:{}", permission.feature(), permission.action())
            );
        }
    }
}
