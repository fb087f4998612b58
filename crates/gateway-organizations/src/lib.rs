//! Organizations, members and invitations in GraphQL.
//!
//! [`Organization`] is where everything of a tenant hangs: the path is the scope. [`ViewerOrganizations`] is the
//! organizations' part of `Viewer`.
//!
//! This crate decides nothing: each resolver calls one use case and shows its outcome.

mod api_key;
mod api_key_mutations;
mod audit_log;
mod audit_verification;
mod domain_mutations;
mod enrolment;
mod enrolment_mutations;
mod invitation;
mod invitation_answers;
mod invitation_mutations;
mod member;
mod member_mutations;
mod membership_request;
mod membership_request_mutations;
mod mutation;
mod organization;
mod organization_domain;
mod organization_event;
mod organization_mutations;
mod permission;
mod query;
mod received_invitation;
mod role;
mod role_mutations;
mod viewer;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_mutations;

pub use api_key::{ApiKey, ApiKeyConnection, ApiKeyEdge, ApiKeyState};
pub use audit_log::{
    AuditActor, AuditActorKind, AuditLogConnection, AuditLogEdge, AuditLogEntry, AuditLogFilter,
};
pub use audit_verification::{AuditDifference, AuditDifferenceKind, AuditVerification};
pub use enrolment::{
    OrganizationOffer, OrganizationOfferConnection, OrganizationOfferEdge, SentMembershipRequest,
    SentMembershipRequestConnection, SentMembershipRequestEdge, ViewerEnrolments,
};
pub use invitation::{Invitation, InvitationConnection, InvitationEdge, InvitationState};
pub use member::{
    MemberOrder, MemberOrderField, OrganizationMember, OrganizationMemberConnection, OrganizationMemberEdge,
};
pub use membership_request::{
    MembershipRequest, MembershipRequestConnection, MembershipRequestEdge, MembershipRequestState,
};
pub use mutation::OrganizationsMutation;
pub use organization::Organization;
pub use organization_domain::{
    DomainProof, EnrolmentMode, OrganizationDomain, OrganizationDomainConnection, OrganizationDomainEdge,
};
pub use organization_event::{
    OrganizationEvent, OrganizationEventActorKind, OrganizationEventConnection, OrganizationEventEdge,
    OrganizationEventItem, OrganizationEventsSubscription,
};
pub use permission::{CataloguedPermission, PermissionExplanation};
pub use query::OrganizationsQuery;
pub use received_invitation::{ReceivedInvitation, ReceivedInvitationConnection, ReceivedInvitationEdge};
pub use role::{Role, RoleLoader, RoleScope};
pub use viewer::{ViewerOrganizationConnection, ViewerOrganizationEdge, ViewerOrganizations};
pub use webhook_delivery::{
    WebhookDelivery, WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDeliveryError,
    WebhookDeliveryState,
};
pub use webhook_endpoint::{
    WebhookDisabledReason, WebhookEndpoint, WebhookEndpointConnection, WebhookEndpointEdge,
};
