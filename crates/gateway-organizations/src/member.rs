//! Members of an organization.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{InOrg, MembershipOrder, OrganizationId};
use resonance_gateway_accounts::User;
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request};
use resonance_services::{Member, MemberQuery, Request, TextCursor};
use uuid::Uuid;

use crate::Role;

/// A user's membership in an organization, with exactly one role.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct OrganizationMember {
    /// The membership's id, for `changeMemberRole` and `removeMember`.
    pub id: ID,
    /// The person.
    pub user: User,
    /// The role.
    pub role: Role,
    /// When the person joined.
    pub joined_at: DateTime<Utc>,
    /// When the role last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Member> for OrganizationMember {
    fn from(member: Member) -> Self {
        let membership = member.membership;
        Self {
            id: InOrg::new(membership.organization, membership.id)
                .global_id()
                .into(),
            user: User {
                id: membership.user.type_id().into(),
                name: member.name,
                email: Some(member.email),
            },
            role: Role::held(membership.organization, membership.role),
            joined_at: membership.created_at,
            updated_at: membership.updated_at,
        }
    }
}

connection! {
    /// Members of an organization.
    OrganizationMemberConnection;
    /// A member's place in the list.
    OrganizationMemberEdge of OrganizationMember
}

/// By what members are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MemberOrderField {
    /// By the time of joining.
    JoinedAt,
    /// By name, ignoring case.
    Name,
    /// By primary e-mail address, ignoring case.
    Email,
}

impl From<MemberOrderField> for MembershipOrder {
    fn from(field: MemberOrderField) -> Self {
        match field {
            MemberOrderField::JoinedAt => Self::JoinedAt,
            MemberOrderField::Name => Self::Name,
            MemberOrderField::Email => Self::Email,
        }
    }
}

/// How members are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, InputObject)]
pub struct MemberOrder {
    /// By what.
    pub field: MemberOrderField,
    /// Whether from the last to the first.
    #[graphql(default)]
    pub descending: bool,
}

/// Which members, and which page of them.
pub(crate) struct MemberArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
    pub(crate) search: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) order: Option<MemberOrder>,
}

pub(crate) async fn members(
    request: &Request,
    organization: OrganizationId,
    arguments: MemberArguments,
) -> ApiResult<OrganizationMemberConnection> {
    let MemberArguments {
        first,
        after,
        last,
        before,
        search,
        role,
        order,
    } = arguments;
    let place = |(key, id): (String, Uuid)| TextCursor { key, id };
    let page = page_request(first, after.as_deref(), last, before.as_deref(), place)?;
    let query = MemberQuery {
        search,
        role,
        order: order.map(|order| order.field.into()).unwrap_or_default(),
        descending: order.is_some_and(|order| order.descending),
    };
    let members = request.memberships().list(organization, &query, &page).await?;
    let by = query.order;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, query) = (request.clone(), query.clone());
        async move { request.memberships().count(organization, &query).await }
    });
    let edge = |member: Member| {
        let TextCursor { key, id } = member.place(by);
        OrganizationMemberEdge {
            cursor: cursor(&(key, id)),
            node: member.into(),
        }
    };
    Ok(OrganizationMemberConnection::new(members.map(edge), total))
}
