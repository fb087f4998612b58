//! The compact form in which version-2 session tokens of Clerk state an organization and what may be done in it.
//!
//! The published form: `fea` lists the features, each with its scope (`o` for the organization); `o.per` lists
//! the actions that occur, each once; `o.fpm` has one decimal number for each feature, in the order of `fea`, whose bit i
//! (the lowest is 0) says that the i-th action of `o.per` is granted for this feature. With `dashboard:read`,
//! `dashboard:manage` and `teams:read`: `fea` is `o:dashboard,o:teams`, `o.per` is `manage,read`, `o.fpm` is `3,2`.
//!
//! As there, permissions of the system (`org:sys_…`) are left out: a service that needs them asks the API.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How every permission and role key begins.
const ORGANIZATION_PREFIX: &str = "org:";

/// How the features of the system begin.
const SYSTEM_PREFIX: &str = "sys_";

/// Decoders in JavaScript read `o.fpm` as numbers, which are exact up to 53 bits; a bit lost would be a
/// permission that nobody granted.
const MAX_ACTIONS: usize = 53;

/// The organization that a session works in, as a token is to state it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveOrganization {
    /// The organization's id, in its public form.
    pub id: String,
    /// The organization's slug.
    pub slug: String,
    /// The key of the user's role there, such as `org:admin`.
    pub role: String,
    /// The permissions that the role gives, such as `org:voices:read`. Order and repetition do not matter.
    pub permissions: Vec<String>,
}

/// The claim `o` of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationClaims {
    /// The organization's id.
    pub id: String,
    /// The organization's slug.
    pub slg: String,
    /// The role's key without `org:`.
    pub rol: String,
    /// The actions that occur among the granted permissions, comma-separated. Absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// For each feature of `fea`, the granted actions of `per` as a bit mask. Absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpm: Option<String>,
}

/// Encodes an active organization as the claims `o` and `fea`.
///
/// # Errors
/// [`ClaimsError`] when a permission cannot be stated in this form.
pub(crate) fn encode(
    organization: &ActiveOrganization,
) -> Result<(OrganizationClaims, Option<String>), ClaimsError> {
    let mut features: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for permission in &organization.permissions {
        let (feature, action) = split(permission)?;
        if !feature.starts_with(SYSTEM_PREFIX) {
            features.entry(feature).or_default().insert(action);
        }
    }
    let actions: Vec<&str> = features
        .values()
        .flatten()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if actions.len() > MAX_ACTIONS {
        return Err(ClaimsError::TooManyActions);
    }
    let mask = |granted: &BTreeSet<&str>| {
        let bits = actions
            .iter()
            .enumerate()
            .filter(|(_, action)| granted.contains(*action));
        bits.fold(0_u64, |mask, (bit, _)| mask | 1 << bit)
    };
    let list = |items: Vec<String>| (!items.is_empty()).then(|| items.join(","));
    let role = &organization.role;
    let claims = OrganizationClaims {
        id: organization.id.clone(),
        slg: organization.slug.clone(),
        rol: role.strip_prefix(ORGANIZATION_PREFIX).unwrap_or(role).to_owned(),
        per: list(actions.iter().map(|action| (*action).to_owned()).collect()),
        fpm: list(
            features
                .values()
                .map(|granted| mask(granted).to_string())
                .collect(),
        ),
    };
    let fea = list(features.keys().map(|feature| format!("o:{feature}")).collect());
    Ok((claims, fea))
}

/// The feature and the action of `org:<feature>:<action>`.
fn split(permission: &str) -> Result<(&str, &str), ClaimsError> {
    let well_formed = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    permission
        .strip_prefix(ORGANIZATION_PREFIX)
        .and_then(|rest| rest.split_once(':'))
        .filter(|(feature, action)| well_formed(feature) && well_formed(action))
        .ok_or_else(|| ClaimsError::MalformedPermission(permission.to_owned()))
}

impl OrganizationClaims {
    /// The permissions that the claims `o` and `fea` state, in no particular order. What does not fit
    /// together grants nothing.
    #[must_use]
    pub fn permissions(&self, fea: Option<&str>) -> BTreeSet<String> {
        let items = |list: Option<&'_ str>| -> Vec<String> {
            list.into_iter()
                .flat_map(|list| list.split(','))
                .map(|item| item.trim().to_owned())
                .collect()
        };
        let actions = items(self.per.as_deref());
        let masks = items(self.fpm.as_deref());
        let features = items(fea)
            .into_iter()
            .filter_map(|item| match item.split_once(':') {
                Some(("o" | "ou" | "uo", feature)) => Some(feature.to_owned()),
                _ => None,
            });
        let mut permissions = BTreeSet::new();
        for (feature, mask) in features.zip(masks) {
            let mask = mask.parse::<u64>().unwrap_or(0);
            for (_, action) in actions
                .iter()
                .take(MAX_ACTIONS)
                .enumerate()
                .filter(|(bit, _)| mask >> bit & 1 == 1)
            {
                permissions.insert(format!("{ORGANIZATION_PREFIX}{feature}:{action}"));
            }
        }
        permissions
    }
}

/// A permission that cannot be stated in a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// It is not `org:<feature>:<action>` of letters, digits, `_` and `-`.
    #[error("malformed permission `{0}`")]
    MalformedPermission(String),
    /// More kinds of action than a bit mask can hold.
    #[error("permissions with more than {MAX_ACTIONS} kinds of action do not fit into a token")]
    TooManyActions,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn organization(permissions: &[&str]) -> ActiveOrganization {
        ActiveOrganization {
            id: "org_1".into(),
            slug: "acme".into(),
            role: "org:admin".into(),
            permissions: permissions.iter().map(|&p| p.to_owned()).collect(),
        }
    }

    #[test]
    fn clerks_documented_example_comes_out_as_documented() {
        let (o, fea) = encode(&organization(&[
            "org:dashboard:read",
            "org:dashboard:manage",
            "org:teams:read",
        ]))
        .unwrap();
        assert_eq!(fea.as_deref(), Some("o:dashboard,o:teams"));
        assert_eq!(o.per.as_deref(), Some("manage,read"));
        assert_eq!(o.fpm.as_deref(), Some("3,2"));
        assert_eq!(
            (o.id.as_str(), o.slg.as_str(), o.rol.as_str()),
            ("org_1", "acme", "admin")
        );
    }

    #[test]
    fn permissions_of_the_system_are_left_out() {
        let (o, fea) = encode(&organization(&["org:sys_memberships:read", "org:voices:read"])).unwrap();
        assert_eq!(
            o.permissions(fea.as_deref()),
            BTreeSet::from(["org:voices:read".to_owned()])
        );
        assert!(!format!("{o:?}{fea:?}").contains("sys_"));
    }

    #[test]
    fn without_permissions_the_lists_are_absent() {
        let (o, fea) = encode(&organization(&["org:sys_memberships:read"])).unwrap();
        assert_eq!((o.per, o.fpm, fea), (None, None, None));
    }

    #[test]
    fn a_permission_that_would_change_the_lists_is_refused() {
        for bad in [
            "voices:read",
            "org:voices",
            "org:a,b:read",
            "org:voices:re,ad",
            "org::read",
            "org:a:b:c",
            "org:ä:b",
        ] {
            assert_eq!(
                encode(&organization(&[bad])),
                Err(ClaimsError::MalformedPermission(bad.into())),
                "{bad}"
            );
        }
    }

    #[test]
    fn as_many_actions_as_a_mask_can_hold_are_kept_apart_and_one_more_is_refused() {
        let permissions = |n: usize| (0..n).map(|i| format!("org:f{}:a{i}", i % 3)).collect::<Vec<_>>();
        let mut full = organization(&[]);
        full.permissions = permissions(53);
        let (o, fea) = encode(&full).unwrap();
        assert_eq!(
            o.permissions(fea.as_deref()),
            full.permissions.iter().cloned().collect()
        );
        full.permissions = permissions(54);
        assert_eq!(encode(&full), Err(ClaimsError::TooManyActions));
    }

    #[test]
    fn foreign_claims_that_do_not_fit_together_grant_nothing() {
        let claims = |per: &str, fpm: &str| OrganizationClaims {
            id: String::new(),
            slg: String::new(),
            rol: String::new(),
            per: Some(per.into()),
            fpm: Some(fpm.into()),
        };
        assert!(claims("read", "x").permissions(Some("o:voices")).is_empty());
        assert!(claims("read", "1").permissions(None).is_empty());
        assert!(claims("read", "1").permissions(Some("u:voices")).is_empty());
        assert!(claims("read", "2").permissions(Some("o:voices")).is_empty());
        // A feature of the user alone has no number in the map.
        assert_eq!(
            claims("manage, read", "2,1").permissions(Some("u:mine, o:voices, uo:teams")),
            BTreeSet::from(["org:voices:read".to_owned(), "org:teams:manage".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            permissions in proptest::collection::btree_set("org:[a-d]{1,2}:[a-e]{1,2}", 0..60)
        ) {
            let mut active = organization(&[]);
            active.permissions = permissions.iter().rev().cloned().collect();
            let (o, fea) = encode(&active).unwrap();
            prop_assert_eq!(o.permissions(fea.as_deref()), permissions);
        }
    }
}
