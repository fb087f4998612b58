//! Requests to join, as the organization sees them.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId, UserId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, Total, connection, cursor, page_request};
use resonance_services::{IdCursor, ReceivedMembershipRequest, Request};
use uuid::Uuid;

use crate::Role;

/// Where a request to join stands. All but `PENDING` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MembershipRequestState {
    /// Waiting for the organization.
    Pending,
    /// The requester became a member: by this request, or another way in the meantime.
    Accepted,
    /// The organization said no.
    Rejected,
    /// The requester took it back, or gave up the address that it rested on.
    Withdrawn,
}

impl From<domain::MembershipRequestState> for MembershipRequestState {
    fn from(state: domain::MembershipRequestState) -> Self {
        match state {
            domain::MembershipRequestState::Pending => Self::Pending,
            domain::MembershipRequestState::Accepted => Self::Accepted,
            domain::MembershipRequestState::Rejected => Self::Rejected,
            domain::MembershipRequestState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<MembershipRequestState> for domain::MembershipRequestState {
    fn from(state: MembershipRequestState) -> Self {
        match state {
            MembershipRequestState::Pending => Self::Pending,
            MembershipRequestState::Accepted => Self::Accepted,
            MembershipRequestState::Rejected => Self::Rejected,
            MembershipRequestState::Withdrawn => Self::Withdrawn,
        }
    }
}

/// Somebody's request to join the organization. Requires `org:sys_memberships:manage`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct MembershipRequest {
    /// The request's id.
    pub id: ID,
    /// The requester's name.
    pub name: String,
    /// The requester's verified address at the organization's domain.
    pub email: String,
    /// The role that comes with joining: the domain's.
    pub role: Role,
    /// Where it stands.
    pub state: MembershipRequestState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ceased to be pending; null while it is.
    pub closed_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    decided_by: Option<InOrg<UserId>>,
}

impl From<ReceivedMembershipRequest> for MembershipRequest {
    fn from(ReceivedMembershipRequest { request, name }: ReceivedMembershipRequest) -> Self {
        let organization = request.organization;
        Self {
            id: InOrg::new(organization, request.id).global_id().into(),
            name,
            email: request.email,
            role: Role::held(organization, request.role),
            state: request.state.into(),
            created_at: request.created_at,
            closed_at: request.closed_at,
            decided_by: request.decided_by.map(|user| InOrg::new(organization, user)),
        }
    }
}

#[ComplexObject]
impl MembershipRequest {
    /// Who accepted or rejected it; null while nobody did, and once that account is gone.
    async fn decided_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let Some(user) = self.decided_by else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        users.load_one(user).await.map_err(ApiError::from)
    }
}

connection! {
    /// Requests to join an organization, newest first.
    MembershipRequestConnection;
    /// A request's place in the list.
    MembershipRequestEdge of MembershipRequest
}

/// Which requests, and which page of them.
pub(crate) struct MembershipRequestArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
    pub(crate) states: Vec<MembershipRequestState>,
}

pub(crate) async fn membership_requests(
    request: &Request,
    organization: OrganizationId,
    arguments: MembershipRequestArguments,
) -> ApiResult<MembershipRequestConnection> {
    let MembershipRequestArguments {
        first,
        after,
        last,
        before,
        states,
    } = arguments;
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let states: Vec<domain::MembershipRequestState> = states.into_iter().map(Into::into).collect();
    let requests = request.membership_requests();
    let requests = requests.list(organization, &states, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, states) = (request.clone(), states.clone());
        async move { request.membership_requests().count(organization, &states).await }
    });
    let edge = |received: ReceivedMembershipRequest| MembershipRequestEdge {
        cursor: cursor(&received.request.id.as_uuid()),
        node: received.into(),
    };
    Ok(MembershipRequestConnection::new(requests.map(edge), total))
}
