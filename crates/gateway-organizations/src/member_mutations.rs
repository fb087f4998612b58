//! Roles and the end of memberships.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};

use crate::OrganizationMember;

/// A member and a role.
#[derive(Debug, InputObject)]
pub(crate) struct ChangeMemberRoleInput {
    /// The membership.
    member_id: ID,
    /// The key of the role: `org:admin`, `org:member`, or that of a custom role.
    role: String,
}

/// A member.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The membership.
    member_id: ID,
}

/// What became of a member.
#[derive(Debug, SimpleObject)]
pub(crate) struct ChangeMemberRolePayload {
    /// The member with the new role; null if the input was refused.
    member: Option<OrganizationMember>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of removing a member.
#[derive(Debug, SimpleObject)]
pub(crate) struct RemoveMemberPayload {
    /// The id of the membership that has ended; null if the input was refused.
    removed_member_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Gives a member another role, from the member's next request on. Requires `org:sys_memberships:manage` and every
    /// permission of that role (`ROLE_EXCEEDS_OWN`); the last admin stays one (`LAST_ADMIN`).
    async fn change_member_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member and the role.")] input: ChangeMemberRoleInput,
    ) -> ApiResult<ChangeMemberRolePayload> {
        let request = request(context)?;
        let changed = async {
            let id = parse_tenant_id("memberId", &input.member_id)?;
            request.memberships().change_role(id, &input.role).await
        };
        let (member, user_errors) = split(changed.await)?;
        Ok(ChangeMemberRolePayload {
            member: member.map(Into::into),
            user_errors,
        })
    }

    /// Ends a membership, from the member's next request on. Requires `org:sys_memberships:manage`; the last admin stays
    /// (`LAST_ADMIN`). What the member made stays with the organization.
    async fn remove_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member.")] input: RemoveMemberInput,
    ) -> ApiResult<RemoveMemberPayload> {
        let request = request(context)?;
        let removed = async {
            let id = parse_tenant_id("memberId", &input.member_id)?;
            request.memberships().remove(id).await
        };
        let (removed, user_errors) = split(removed.await)?;
        Ok(RemoveMemberPayload {
            removed_member_id: removed.map(|_| input.member_id),
            user_errors,
        })
    }
}
