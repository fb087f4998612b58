//! Managing members.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, parse_tenant_id, request, split};
use resonance_services::Outcome;

use crate::member::Member;

/// A new member.
#[derive(Debug, InputObject)]
pub(crate) struct AddMemberInput {
    /// The organization.
    organization_id: ID,
    /// The user.
    user_id: ID,
    /// The role's key, such as `org:member`.
    role: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A member's new role.
#[derive(Debug, InputObject)]
pub(crate) struct ChangeMemberRoleInput {
    /// The membership.
    member_id: ID,
    /// The role's key, such as `org:admin`.
    role: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// Who is to go.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The membership.
    member_id: ID,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of a membership.
#[derive(Debug, SimpleObject)]
pub(crate) struct MemberPayload {
    /// The member as they are now, or as they were when they were removed; null if the input was refused.
    member: Option<Member>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

fn payload(outcome: Outcome<resonance_services::Member>) -> ApiResult<MemberPayload> {
    let (member, user_errors) = split(outcome)?;
    Ok(MemberPayload {
        member: member.map(Into::into),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Makes a user a member without an invitation. The member limit holds (`MEMBER_LIMIT_REACHED`).
    async fn add_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, where, as what.")] input: AddMemberInput,
    ) -> ApiResult<MemberPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let added = async {
            let organization = parse_id("organizationId", &input.organization_id)?;
            let user = parse_id("userId", &input.user_id)?;
            operators
                .add_member(organization, user, &input.role, &input.reason)
                .await
        };
        payload(added.await)
    }

    /// Gives a member another role. The last admin keeps theirs (`LAST_ADMIN`).
    async fn change_member_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and the role.")] input: ChangeMemberRoleInput,
    ) -> ApiResult<MemberPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let changed = async {
            let id = parse_tenant_id("memberId", &input.member_id)?;
            operators.change_role(id, &input.role, &input.reason).await
        };
        payload(changed.await)
    }

    /// Ends a membership. What the member made stays. The last admin stays (`LAST_ADMIN`).
    async fn remove_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: RemoveMemberInput,
    ) -> ApiResult<MemberPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let removed = async {
            let id = parse_tenant_id("memberId", &input.member_id)?;
            operators.remove_member(id, &input.reason).await
        };
        payload(removed.await)
    }
}
