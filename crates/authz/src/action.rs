//! Actions: what a grant is for, as types.

use crate::Permission;

mod sealed {
    pub trait Sealed {}
}

/// Something that can be done in an organization. The set of actions is closed.
pub trait Action: sealed::Sealed + Send + Sync + 'static {
    /// The permission that it needs; `None` for what every member may.
    const PERMISSION: Option<Permission>;
}

/// A grant for `Self` also serves where a grant for `A` is asked for.
pub trait Implies<A: Action>: Action {}

impl<A: Action> Implies<A> for A {}

/// What an operator may do in an organization without being a member of it: see to its profile, its members, its limits and
/// its end. What the members say and hear is theirs alone.
pub trait Operable: Action {}

impl Operable for ReadOrganization {}
impl Operable for ChangeOrganization {}
impl Operable for DeleteOrganization {}
impl Operable for ReadMemberships {}
impl Operable for ManageMemberships {}
impl Operable for ReadAudit {}
impl Operable for ReadUsage {}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident: $permission:expr $(, implies $($implied:ident),+)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            impl Action for $name {
                const PERMISSION: Option<Permission> = $permission;
            }
            $($(impl Implies<$implied> for $name {})+)?
        )*

        /// Every action: its type's name, and the permission that it needs.
        pub const ACTIONS: &[(&str, Option<Permission>)] = &[$((stringify!($name), $permission)),*];
    };
}

actions! {
    /// Look at the organization itself: every member may.
    ReadOrganization: None;
    /// Change the profile.
    ChangeOrganization: Some(Permission::ProfileManage), implies ReadOrganization;
    /// Delete the organization.
    DeleteOrganization: Some(Permission::ProfileDelete), implies ReadOrganization;
    /// List the members.
    ReadMemberships: Some(Permission::MembershipsRead), implies ReadOrganization;
    /// Invite, remove, change roles.
    ManageMemberships: Some(Permission::MembershipsManage), implies ReadMemberships, ReadOrganization;
    /// See the organization's mail domains.
    ReadDomains: Some(Permission::DomainsRead), implies ReadOrganization;
    /// Add, prove, change and remove domains.
    ManageDomains: Some(Permission::DomainsManage), implies ReadOrganization;
    /// Make, change and delete the organization's own roles.
    ManageRoles: Some(Permission::RolesManage), implies ReadOrganization;
    /// Read the audit log, and verify it.
    ReadAudit: Some(Permission::AuditRead), implies ReadOrganization;
    /// See the API keys, without their secrets.
    ReadApiKeys: Some(Permission::ApiKeysRead), implies ReadOrganization;
    /// Make, change and revoke API keys.
    ManageApiKeys: Some(Permission::ApiKeysManage), implies ReadApiKeys, ReadOrganization;
    /// Make, change and delete webhook endpoints; see deliveries. Reaches every published event.
    ManageWebhooks: Some(Permission::WebhooksManage), implies ReadOrganization;
    /// List voices.
    ReadVoices: Some(Permission::VoicesRead), implies ReadOrganization;
    /// Make custom voices.
    CreateVoices: Some(Permission::VoicesCreate), implies ReadVoices, ReadOrganization;
    /// Change custom voices.
    UpdateVoices: Some(Permission::VoicesUpdate), implies ReadVoices, ReadOrganization;
    /// Delete custom voices.
    DeleteVoices: Some(Permission::VoicesDelete), implies ReadVoices, ReadOrganization;
    /// Read the history.
    ReadGenerations: Some(Permission::GenerationsRead), implies ReadOrganization;
    /// Have texts spoken.
    CreateGenerations: Some(Permission::GenerationsCreate), implies ReadGenerations, ReadVoices, ReadOrganization;
    /// Stop what is queued or being spoken. Reaches as far as deleting does: one's own, or all.
    CancelGenerations: Some(Permission::GenerationsDelete), implies ReadGenerations, ReadOrganization;
    /// Delete from the history.
    DeleteGenerations: Some(Permission::GenerationsDelete), implies ReadGenerations, ReadOrganization;
    /// See what was used.
    ReadUsage: Some(Permission::UsageRead), implies ReadOrganization;
    /// See plan and cost.
    ReadBilling: Some(Permission::BillingRead), implies ReadOrganization;
    /// Set budgets, subscribe, change and cancel.
    ManageBilling: Some(Permission::BillingManage), implies ReadBilling, ReadOrganization;
}
