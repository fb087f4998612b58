//! All mutations of this crate.

use async_graphql::MergedObject;

use crate::{
    api_key_mutations::ApiKeyMutation, audit_verification::AuditMutation, domain_mutations::DomainMutation,
    enrolment_mutations::EnrolmentMutation, invitation_answers::InvitationAnswers,
    invitation_mutations::InvitationMutation, member_mutations::MemberMutation,
    membership_request_mutations::MembershipRequestMutation, organization_mutations::OrganizationMutation,
    role_mutations::RoleMutation, webhook_mutations::WebhookMutation,
};

/// The mutations around organizations, members, invitations, domains, roles, webhooks and API keys.
#[derive(Debug, Default, MergedObject)]
pub struct OrganizationsMutation(
    OrganizationMutation,
    MemberMutation,
    InvitationMutation,
    InvitationAnswers,
    DomainMutation,
    EnrolmentMutation,
    MembershipRequestMutation,
    WebhookMutation,
    ApiKeyMutation,
    AuditMutation,
    RoleMutation,
);
