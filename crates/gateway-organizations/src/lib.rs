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
mod organization_event;
mod organization_mutations;
mod permission;
mod query;
mod received_invitation;
mod role;
mod viewer;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_mutations;

pub use invitation::{Invitation, InvitationConnection, InvitationEdge, InvitationState};
pub use member::{
    MemberOrder, MemberOrderField, OrganizationMember, OrganizationMemberConnection, OrganizationMemberEdge,
};
pub use mutation::OrganizationsMutation;
pub use organization::Organization;
pub use organization_event::{
    OrganizationEvent, OrganizationEventActorKind, OrganizationEventConnection, OrganizationEventEdge,
    OrganizationEventItem, OrganizationEventsSubscription,
};
pub use permission::PermissionExplanation;
pub use query::OrganizationsQuery;
pub use received_invitation::{ReceivedInvitation, ReceivedInvitationConnection, ReceivedInvitationEdge};
pub use role::Role;
pub use viewer::{ViewerOrganizationConnection, ViewerOrganizationEdge, ViewerOrganizations};
pub use webhook_delivery::{
    WebhookDelivery, WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDeliveryError,
    WebhookDeliveryState,
};
pub use webhook_endpoint::{
    WebhookDisabledReason, WebhookEndpoint, WebhookEndpointConnection, WebhookEndpointEdge,
};
