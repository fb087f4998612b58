//! Why a permission is or is not a member's.

use resonance_domain::RoleKey;

use crate::{AnyPermission, Extent};

/// The answer to "may I, and why?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The permission in question.
    pub permission: AnyPermission,
    /// The role that the member holds.
    pub role: RoleKey,
    /// How far the role reaches with it; `None` means that the role lacks it.
    pub extent: Option<Extent>,
}

impl Explanation {
    /// Whether the member may, at least with their own things.
    #[must_use]
    pub const fn allowed(&self) -> bool {
        self.extent.is_some()
    }

    /// A sentence for the member.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (role, permission) = (self.role.as_str(), self.permission.key());
        match self.extent {
            Some(Extent::All) => format!("Your role {role} has the permission {permission}."),
            Some(Extent::Own) => {
                format!("Your role {role} has the permission {permission} for what you made yourself.")
            }
            None => format!(
                "Your role {role} lacks the permission {permission}. Whoever manages memberships can give you a role that has it."
            ),
        }
    }
}
