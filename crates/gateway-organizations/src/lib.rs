//! Organizations, members and invitations in GraphQL.
//!
//! [`Organization`] is where everything of a tenant hangs: the path is the scope. [`ViewerOrganizations`] is the
//! organizations' part of `Viewer`.
//!
//! This crate decides nothing: each resolver calls one use case and shows its outcome.

mod invitation;
mod invitation_answers;
mod invitation_mutations;
mod member;
mod member_mutations;
mod mutation;
mod organization;
mod organization_mutations;
mod permission;
mod query;
mod received_invitation;
mod role;
mod viewer;

pub use invitation::{Invitation, InvitationConnection, InvitationEdge, InvitationState};
pub use member::{
    MemberOrder, MemberOrderField, OrganizationMember, OrganizationMemberConnection, OrganizationMemberEdge,
};
pub use mutation::OrganizationsMutation;
pub use organization::Organization;
pub use permission::PermissionExplanation;
pub use query::OrganizationsQuery;
pub use received_invitation::{ReceivedInvitation, ReceivedInvitationConnection, ReceivedInvitationEdge};
pub use role::Role;
pub use viewer::{ViewerOrganizationConnection, ViewerOrganizationEdge, ViewerOrganizations};
