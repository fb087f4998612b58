//! All mutations of this crate.

use async_graphql::MergedObject;

use crate::{
    invitation_answers::InvitationAnswers, invitation_mutations::InvitationMutation,
    member_mutations::MemberMutation, organization_mutations::OrganizationMutation,
};

/// The mutations around organizations, members and invitations.
#[derive(Debug, Default, MergedObject)]
pub struct OrganizationsMutation(
    OrganizationMutation,
    MemberMutation,
    InvitationMutation,
    InvitationAnswers,
);
