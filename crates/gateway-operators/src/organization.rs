//! Organizations, as operators see them.

use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, ID, SimpleObject,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};
use resonance_domain::OrganizationId;
use resonance_gateway_kit::{
    ApiError, ApiResult, BigInt, JsonObject, Total, connection, cursor, page_request, request,
};
use resonance_services::{
    AuditLog, DirectoryOrganization, DirectoryQuery, IdCursor, MemberQuery, Request, ServiceError, TextCursor,
};
use uuid::Uuid;

use crate::{
    arguments::text_page,
    audit::{AuditArguments, AuditEventConnection, AuditFilter, events},
    member::{
        Invitation, InvitationConnection, InvitationEdge, InvitationState, MemberConnection, MemberEdge,
    },
    plan::{Plan, PlansOfOrganizations},
};

/// An organization.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Organization {
    /// The organization's id.
    pub(crate) id: ID,
    /// The display name.
    pub(crate) name: String,
    /// The name in addresses, unique in the instance.
    pub(crate) slug: String,
    /// What the organization says about itself; empty if nothing.
    pub(crate) description: String,
    /// Data that applications keep with the organization; every member reads it.
    pub(crate) public_metadata: JsonObject,
    /// Data that only operators see.
    pub(crate) private_metadata: JsonObject,
    /// How many members and pending invitations there may be; 0 means any number.
    pub(crate) member_limit: u32,
    /// Whether its admins may delete it.
    pub(crate) deletable: bool,
    /// How many generations its history holds.
    pub(crate) generation_count: BigInt,
    /// The id of who created it; null once that account is gone.
    pub(crate) created_by_id: Option<ID>,
    /// The newest month in which it was active (see `MonthlyActivity`), as `YYYY-MM`; null if it never was.
    pub(crate) last_active_month: Option<String>,
    /// When it was created.
    pub(crate) created_at: DateTime<Utc>,
    /// When it last changed.
    pub(crate) updated_at: DateTime<Utc>,
    #[graphql(skip)]
    key: OrganizationId,
}

impl From<DirectoryOrganization> for Organization {
    fn from(found: DirectoryOrganization) -> Self {
        let organization = found.organization;
        Self {
            id: organization.id.type_id().into(),
            key: organization.id,
            name: organization.name,
            slug: organization.slug,
            description: organization.description,
            public_metadata: JsonObject(organization.public_metadata.into_value()),
            private_metadata: JsonObject(found.private_metadata.into_value()),
            member_limit: organization.member_limit,
            deletable: organization.deletable,
            generation_count: BigInt(found.generation_count),
            created_by_id: organization.created_by.map(|user| user.type_id().into()),
            last_active_month: found.active_month,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

#[ComplexObject]
impl Organization {
    /// How many members there are.
    async fn member_count(&self, context: &Context<'_>) -> ApiResult<i32> {
        let counts = context.data_unchecked::<DataLoader<MemberCounts>>();
        let count = counts.load_one(self.key).await.map_err(ApiError::from)?;
        Ok(i32::try_from(count.unwrap_or_default()).unwrap_or(i32::MAX))
    }

    /// The plan; null if it has none.
    async fn plan(&self, context: &Context<'_>) -> ApiResult<Option<Plan>> {
        let plans = context.data_unchecked::<DataLoader<PlansOfOrganizations>>();
        plans.load_one(self.key).await.map_err(ApiError::from)
    }

    /// The members, in the order in which they joined.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only members whose name or e-mail address contains this, ignoring case.")]
        search: Option<String>,
        #[graphql(desc = "Only members with this role, such as `org:admin`.")] role: Option<String>,
    ) -> ApiResult<MemberConnection> {
        let request = request(context)?;
        let page = text_page(first, after.as_deref(), last, before.as_deref())?;
        let query = MemberQuery {
            search,
            role,
            ..MemberQuery::default()
        };
        let organization = self.key;
        let members = request.operators().members(organization, &query, &page).await?;
        let (request, order) = (request.clone(), query.order);
        let total = Total::lazily(move || {
            let (request, query) = (request.clone(), query.clone());
            async move { request.operators().count_members(organization, &query).await }
        });
        let edge = |member: resonance_services::Member| {
            let TextCursor { key, id } = member.place(order);
            MemberEdge {
                cursor: cursor(&(key, id)),
                node: member.into(),
            }
        };
        Ok(MemberConnection::new(members.map(edge), total))
    }

    /// The invitations that were sent, newest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only invitations in one of these states; all when nothing is said.")]
        states: Option<Vec<InvitationState>>,
    ) -> ApiResult<InvitationConnection> {
        let request = request(context)?;
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let states: Vec<_> = states.into_iter().flatten().map(Into::into).collect();
        let organization = self.key;
        let found = request
            .operators()
            .invitations_of(organization, &states, &page)
            .await?;
        let (request, now) = (request.clone(), request.now());
        let total = Total::lazily(move || {
            let (request, states) = (request.clone(), states.clone());
            async move {
                request
                    .operators()
                    .count_invitations_of(organization, &states)
                    .await
            }
        });
        let edge = |invitation: resonance_domain::Invitation| InvitationEdge {
            cursor: cursor(&invitation.id.as_uuid()),
            node: Invitation::at(invitation, now),
        };
        Ok(InvitationConnection::new(found.map(edge), total))
    }

    /// What happened in the organization, newest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which events; all when nothing is said.")] filter: Option<AuditFilter>,
    ) -> ApiResult<AuditEventConnection> {
        let arguments = AuditArguments {
            first,
            after,
            last,
            before,
            filter,
        };
        events(request(context)?, AuditLog::Organization(self.key), arguments).await
    }
}

connection! {
    /// Organizations of the instance.
    OrganizationConnection;
    /// An organization's place in the list.
    OrganizationEdge of Organization
}

pub(crate) fn connection(
    request: &Request,
    query: DirectoryQuery,
    page: resonance_domain::Page<DirectoryOrganization>,
) -> OrganizationConnection {
    let (request, order) = (request.clone(), query.order);
    let total = Total::lazily(move || {
        let (request, query) = (request.clone(), query.clone());
        async move { request.operators().count_organizations(&query).await }
    });
    let edge = |found: DirectoryOrganization| {
        let TextCursor { key, id } = found.place(order);
        OrganizationEdge {
            cursor: cursor(&(key, id)),
            node: found.into(),
        }
    };
    OrganizationConnection::new(page.map(edge), total)
}

/// Counts the members of many organizations at once.
pub(crate) struct MemberCounts(pub(crate) Request);

impl Loader<OrganizationId> for MemberCounts {
    type Value = u64;
    type Error = std::sync::Arc<ServiceError>;

    async fn load(&self, keys: &[OrganizationId]) -> Result<HashMap<OrganizationId, u64>, Self::Error> {
        let counts = self.0.operators().member_counts(keys).await;
        Ok(counts.map_err(std::sync::Arc::new)?.into_iter().collect())
    }
}
