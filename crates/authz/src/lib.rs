//! Who may do what in Resonance, and the proofs that storage demands.
//!
//! Policy is data: [`Permission`] is the catalogue, a role is a [`PermissionSet`] (and, where an instance has
//! permissions of its own, a set of those: [`RolePermissions`]), and an actor's [`Standing`] in an organization is a
//! role held there. A decision compares bits; it neither allocates nor waits. A service that embeds this crate asks
//! [`Standing::allows`] for what the product does not know.
//!
//! A positive decision is a value: a [`Grant`] for one organization and one [`Action`]. Its fields are private and
//! nothing but a standing mints it, so a function that takes a `Grant<ReadVoices>` cannot be called by anybody who
//! forgot to ask, and finds the organization in the grant instead of in an argument.
//!
//! This crate never knows where standings are stored (see [`StandingSource`]), nor how a refusal is shown.
//!
//! ```
//! use resonance_authz::{Authorizer, CreateVoices, ReadVoices, StandingRecord, StandingSource};
//! use resonance_domain::{Id, MembershipId, OrganizationId, RoleKey, UserId};
//! # use uuid::Uuid;
//!
//! /// One organization with one member.
//! struct Directory(OrganizationId, UserId);
//!
//! impl StandingSource for Directory {
//!     type Error = std::convert::Infallible;
//!
//!     async fn standing(
//!         &self,
//!         user: UserId,
//!         organization: OrganizationId,
//!     ) -> Result<Option<StandingRecord>, Self::Error> {
//!         Ok((organization == self.0 && user == self.1).then(|| StandingRecord {
//!             membership: Id::from_uuid(Uuid::from_u128(3)),
//!             role: RoleKey::MEMBER,
//!             on_record: None,
//!         }))
//!     }
//! }
//!
//! # let runtime = async {
//! let (acme, ada) = (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
//! let authorizer = Authorizer::new(Directory(acme, ada));
//! let standing = authorizer.standing(ada, acme).await.unwrap();
//! assert!(standing.grant::<ReadVoices>().is_ok());
//! assert!(standing.grant::<CreateVoices>().is_err());
//!
//! let stranger = Id::from_uuid(Uuid::from_u128(4));
//! assert!(authorizer.standing(stranger, acme).await.is_err());
//! # };
//! ```

mod action;
mod actor;
mod api_key;
mod authorizer;
mod custom_permission;
mod denied;
mod enrolment;
mod explanation;
mod grant;
mod operator;
mod permission;
mod role;
mod role_permissions;
mod standing;

pub use action::{
    ACTIONS, Action, CancelGenerations, ChangeOrganization, CreateGenerations, CreateVoices,
    DeleteGenerations, DeleteOrganization, DeleteVoices, Implies, ManageApiKeys, ManageBilling,
    ManageDomains, ManageMemberships, ManageRoles, ManageWebhooks, Operable, ReadApiKeys, ReadAudit,
    ReadBilling, ReadDomains, ReadGenerations, ReadMemberships, ReadOrganization, ReadUsage, ReadVoices,
    UpdateVoices,
};
pub use actor::{Actor, KeyHolder, SignedIn};
pub use api_key::{KeyStanding, not_for_keys};
pub use authorizer::{Authorizer, StandError, StandingRecord, StandingSource};
pub use custom_permission::{CustomPermission, CustomPermissions};
pub use denied::Denied;
pub use enrolment::EnrolmentGrant;
pub use explanation::Explanation;
pub use grant::{Grant, InvitationGrant, OwnGrant, SystemGrant, system};
pub use operator::{Appoints, OperatorGrant, OperatorRecord};
pub use permission::{Permission, PermissionSet};
pub use role::{Extent, permissions_of, role_exceeds};
pub use role_permissions::{AnyPermission, RolePermissions};
pub use standing::Standing;
