//! What makes and changes a role, checked.

use std::collections::BTreeSet;

use resonance_authz::{AnyPermission, RolePermissions};
use resonance_domain::{ErrorCode, FieldError, FieldErrors, RoleDescription, RoleKey, RoleName};
use resonance_persistence::{CustomRole, RegisteredPermission};
use serde_json::{Value, json};

use crate::changes::Changes;

/// A role that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRole {
    /// The key: `org:` and 1 to 50 lower-case letters, digits and underscores. It never changes.
    pub key: String,
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What it is for: up to 500 characters.
    pub description: String,
    /// What it permits, by key.
    pub permissions: Vec<String>,
}

/// What of a role is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChanges {
    /// What people call it: 1 to 100 characters.
    pub name: Option<String>,
    /// What it is for: up to 500 characters.
    pub description: Option<String>,
    /// All that it permits from now on, by key.
    pub permissions: Option<Vec<String>>,
}

/// Texts of a role that keep to the rules.
pub(super) struct Parsed {
    pub(super) key: Option<RoleKey>,
    pub(super) name: Option<RoleName>,
    pub(super) description: Option<RoleDescription>,
    pub(super) permissions: Option<RolePermissions>,
}

impl NewRole {
    /// Notes what is wrong in `errors`; the values are whole if nothing is.
    pub(super) fn parse(&self, registered: &[RegisteredPermission], errors: &mut FieldErrors) -> Parsed {
        let key = RoleKey::parse(&self.key).and_then(|key| {
            if key.is_built_in() {
                return Err(taken());
            }
            Ok(key)
        });
        Parsed {
            key: errors.take("key", key),
            name: errors.take("name", RoleName::parse(&self.name)),
            description: errors.take("description", RoleDescription::parse(&self.description)),
            permissions: permissions(&self.permissions, registered, errors),
        }
    }
}

impl RoleChanges {
    /// Notes what is wrong in `errors`; what is absent stays so.
    pub(super) fn parse(&self, registered: &[RegisteredPermission], errors: &mut FieldErrors) -> Parsed {
        let name = self.name.as_deref().map(RoleName::parse);
        let description = self.description.as_deref().map(RoleDescription::parse);
        let wanted = self.permissions.as_deref();
        Parsed {
            key: None,
            name: name.and_then(|name| errors.take("name", name)),
            description: description.and_then(|text| errors.take("description", text)),
            permissions: wanted.and_then(|wanted| permissions(wanted, registered, errors)),
        }
    }
}

impl Parsed {
    /// The role as it is afterwards.
    pub(super) fn applied_to(self, role: &CustomRole) -> CustomRole {
        let mut role = role.clone();
        if let Some(name) = self.name {
            role.name = name.into_string();
        }
        if let Some(description) = self.description {
            role.description = description.into_string();
        }
        if let Some(permissions) = self.permissions {
            role.permissions = permissions;
        }
        role
    }
}

fn permissions(
    keys: &[String],
    registered: &[RegisteredPermission],
    errors: &mut FieldErrors,
) -> Option<RolePermissions> {
    let registered: BTreeSet<&str> = registered.iter().map(|known| known.permission.key()).collect();
    let mut whole = true;
    let mut parsed = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let known = AnyPermission::parse(key).and_then(|permission| match &permission {
            AnyPermission::Custom(custom) if !registered.contains(custom.key()) => Err(FieldError::new(
                ErrorCode::Invalid,
                format_args!("{key} is no permission of this instance"),
            )),
            _ => Ok(permission),
        });
        match errors.take(&format!("permissions.{index}"), known) {
            Some(permission) => parsed.push(permission),
            None => whole = false,
        }
    }
    whole.then(|| parsed.into_iter().collect())
}

/// Another role has this key.
pub(super) fn taken() -> FieldError {
    FieldError::new(ErrorCode::Taken, "there is a role with this key already").at("key")
}

/// There are as many roles as there may be.
pub(super) fn too_many() -> FieldError {
    let message = format!("there are {} roles already", resonance_domain::MAX_CUSTOM_ROLES);
    FieldError::new(ErrorCode::RoleLimitReached, message)
}

/// No such role.
pub(super) fn not_found() -> FieldError {
    FieldError::new(
        ErrorCode::NotFound,
        "there is no such role that could be changed here",
    )
    .at("roleId")
}

/// A role that is made, for the record.
pub(super) fn made(role: &CustomRole) -> Changes {
    let all = Changes::default().made("key", role.key.as_str());
    parts(role)
        .into_iter()
        .fold(all, |all, (name, value)| all.made(name, value))
}

/// A role that is no more, for the record.
pub(super) fn gone(role: &CustomRole) -> Changes {
    let all = Changes::default().gone("key", role.key.as_str());
    parts(role)
        .into_iter()
        .fold(all, |all, (name, value)| all.gone(name, value))
}

/// Old and new values of what differs, for the record.
pub(super) fn changes(before: &CustomRole, after: &CustomRole) -> Changes {
    let all = Changes::default().with("key", after.key.as_str());
    let values = parts(before).into_iter().zip(parts(after));
    values.fold(all, |all, ((name, old), (_, new))| all.field(name, old, new))
}

fn parts(role: &CustomRole) -> [(&'static str, Value); 3] {
    [
        ("name", json!(role.name)),
        ("description", json!(role.description)),
        ("permissions", json!(role.permissions.keys().collect::<Vec<_>>())),
    ]
}
