//! Permissions that an instance adds for services of its own.

use std::{fmt, sync::Arc};

use resonance_domain::{ErrorCode, FieldError};

use crate::Permission;

/// The longest feature or action, in characters.
const MAX_PART: usize = 50;

/// A permission that the product does not know: `org:<feature>:<action>`, registered by an operator for a service that
/// embeds this engine or reads the instance's JWTs. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomPermission(Arc<str>);

impl CustomPermission {
    /// Checks `org:<feature>:<action>`: feature and action have 1 to 50 lower-case letters, digits, `_` and `-`. What
    /// begins with `org:sys_`, or is in the product's own catalogue, is no custom permission.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        if Self::is_one(raw) {
            return Ok(Self(raw.into()));
        }
        let message = if Permission::from_key(raw).is_some() {
            "is a permission of the product"
        } else if raw.starts_with(SYSTEM) {
            "must not start with org:sys_, which is the system's"
        } else {
            "must be org:<feature>:<action> in lower-case letters, digits, _ and -"
        };
        Err(FieldError::new(ErrorCode::Invalid, message))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The action at the end of the key, such as `create`.
    #[must_use]
    pub fn action(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }

    /// Whether a custom permission can have this key.
    fn is_one(key: &str) -> bool {
        let part = |part: &str| {
            (1..=MAX_PART).contains(&part.len())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        };
        !key.starts_with(SYSTEM)
            && key
                .strip_prefix("org:")
                .and_then(|rest| rest.split_once(':'))
                .is_some_and(|(feature, action)| part(feature) && part(action))
            && Permission::from_key(key).is_none()
    }
}

/// How the permissions of the system begin.
const SYSTEM: &str = "org:sys_";

impl fmt::Debug for CustomPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of custom permissions. Cheap to clone; asking it takes no memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomPermissions(Held);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Held {
    #[default]
    None,
    /// Sorted, each once, and not empty: equal sets are equal values.
    Some(Arc<[CustomPermission]>),
    All,
}

impl CustomPermissions {
    /// None.
    pub const NONE: Self = Self(Held::None);
    /// Every custom permission there is and will be, which is what an admin has.
    pub const ALL: Self = Self(Held::All);

    /// Whether the custom permission with this key is in the set. What cannot be the key of a custom permission is in
    /// none.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: &str) -> bool {
        match &self.0 {
            Held::None => false,
            Held::Some(some) => some
                .binary_search_by(|permission| permission.key().cmp(key))
                .is_ok(),
            Held::All => CustomPermission::is_one(key),
        }
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Held::None, _) | (_, Held::All) => Self::NONE,
            (Held::All, _) => Self::ALL,
            (Held::Some(some), _) => some
                .iter()
                .filter(|permission| !other.contains(permission.key()))
                .cloned()
                .collect(),
        }
    }

    /// Those of the set that are named: of the set of all, none.
    pub fn iter(&self) -> impl Iterator<Item = &CustomPermission> {
        let named: &[CustomPermission] = match &self.0 {
            Held::Some(some) => some,
            Held::None | Held::All => &[],
        };
        named.iter()
    }

    /// Those of the set that are among `registered`, which are all there are.
    pub fn among<'a>(
        &'a self,
        registered: &'a [CustomPermission],
    ) -> impl Iterator<Item = &'a CustomPermission> {
        registered
            .iter()
            .filter(|permission| self.contains(permission.key()))
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Held::None)
    }

    /// Whether it is the set of all.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        matches!(self.0, Held::All)
    }
}

impl FromIterator<CustomPermission> for CustomPermissions {
    fn from_iter<I: IntoIterator<Item = CustomPermission>>(permissions: I) -> Self {
        let mut permissions: Vec<_> = permissions.into_iter().collect();
        permissions.sort_unstable();
        permissions.dedup();
        if permissions.is_empty() {
            return Self::NONE;
        }
        Self(Held::Some(permissions.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(keys: &[&str]) -> CustomPermissions {
        keys.iter()
            .map(|key| CustomPermission::parse(key).unwrap())
            .collect()
    }

    #[test]
    fn neither_the_systems_nor_the_products_permissions_are_custom() {
        for bad in [
            "org:sys_invoices:read",
            "org:sys_roles:manage",
            "org:voices:create",
            "org:invoices",
            "org::read",
            "org:invoices:",
            "org:a:b:c",
            "org:Invoices:read",
            "org:in voices:read",
            "user:invoices:read",
            "org:ä:read",
            "",
        ] {
            assert!(CustomPermission::parse(bad).is_err(), "{bad}");
            assert!(!CustomPermissions::ALL.contains(bad), "{bad}");
        }
        let good = CustomPermission::parse("org:in-voices_2:re-create").unwrap();
        assert_eq!(good.action(), "re-create");
        assert!(CustomPermissions::ALL.contains(good.key()));
        assert!(CustomPermission::parse(&format!("org:{}:a", "a".repeat(51))).is_err());
    }

    #[test]
    fn all_is_more_than_any_and_nothing_exceeds_all() {
        let some = set(&["org:a:a", "org:b:b"]);
        let (all, none) = (CustomPermissions::ALL, CustomPermissions::NONE);
        assert_eq!(some.without(&all), none);
        assert_eq!(all.without(&all), none);
        assert_eq!(all.without(&some), all);
        assert_eq!(some.without(&set(&["org:b:b"])), set(&["org:a:a"]));
        assert_eq!(set(&[]), none);
        assert_eq!(set(&["org:b:b", "org:a:a", "org:b:b"]), some);
    }

    proptest! {
        #[test]
        fn a_set_holds_what_it_was_made_of(
            keys in proptest::collection::vec("org:[a-c]{1,2}:[a-c]", 0..9), other in "org:[a-c]{1,2}:[a-c]"
        ) {
            let made = set(&keys.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(keys.iter().all(|key| made.contains(key)));
            prop_assert_eq!(made.contains(&other), keys.contains(&other));
            prop_assert_eq!(made.is_empty(), keys.is_empty());
        }
    }
}
