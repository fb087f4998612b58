//! All mutations of this crate.

use async_graphql::MergedObject;

use crate::{
    invitation_answers::InvitationAnswers, invitation_mutations::InvitationMutation,
    member_mutations::MemberMutation, organization_mutations::OrganizationMutation,
    webhook_mutations::WebhookMutation,
};

/// The mutations around organizations, members, invitations and webhooks.
#[derive(Debug, Default, MergedObject)]
pub struct OrganizationsMutation(
    OrganizationMutation,
    MemberMutation,
    InvitationMutation,
    InvitationAnswers,
    WebhookMutation,
);
