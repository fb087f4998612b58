//! Roles by name: keys, display names, descriptions.

use std::borrow::Cow;

use crate::{ErrorCode, FieldError, text::text_type};

/// How many custom roles an organization may have, and how many the instance: all roles of an organization fit into
/// one answer.
pub const MAX_CUSTOM_ROLES: usize = 50;

text_type! {
    /// What people call a custom role: 1 to 100 characters on one line.
    RoleName, one_line, 1..=100
}

text_type! {
    /// What a custom role is for: up to 500 characters, and may be empty.
    RoleDescription, bounded_text, 0..=500
}

/// The key of a role, such as `org:admin`. What it permits is `resonance-authz`'s knowledge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleKey(Cow<'static, str>);

impl RoleKey {
    /// The built-in role that manages the organization.
    pub const ADMIN: Self = Self(Cow::Borrowed("org:admin"));
    /// The built-in role that works in the organization.
    pub const MEMBER: Self = Self(Cow::Borrowed("org:member"));
    /// The roles that come with the product.
    pub const BUILT_IN: [Self; 2] = [Self::ADMIN, Self::MEMBER];

    /// Checks `org:` followed by 1 to 50 lower-case letters, digits and underscores.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        match raw {
            "org:admin" => Ok(Self::ADMIN),
            "org:member" => Ok(Self::MEMBER),
            _ => {
                let name = raw.strip_prefix("org:").unwrap_or_default();
                let clean = name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                if clean && (1..=50).contains(&name.len()) {
                    Ok(Self(Cow::Owned(raw.to_owned())))
                } else {
                    Err(FieldError::new(
                        ErrorCode::Invalid,
                        "must be a role key such as org:member",
                    ))
                }
            }
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the built-in admin role.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        *self == Self::ADMIN
    }

    /// Whether the role comes with the product. No custom role has such a key.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        Self::BUILT_IN.contains(self)
    }
}
