//! Users, as operators see them.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{UserEmail, UserId};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request, request};
use resonance_services::{DirectoryQuery, DirectoryUser, IdCursor, Request, TextCursor, ViewedOrganization};
use uuid::Uuid;

/// A person with an account.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct User {
    /// The user's id.
    pub(crate) id: ID,
    /// The display name.
    pub(crate) name: String,
    /// The primary e-mail address.
    pub(crate) email: String,
    /// Since when the user is kept out; null for whoever is not.
    pub(crate) suspended_at: Option<DateTime<Utc>>,
    /// How many organizations the user may create, whatever holds for everybody; null means as many as everybody.
    pub(crate) organization_limit: Option<u32>,
    /// Whether the user is an operator.
    pub(crate) is_operator: bool,
    /// When the account was made.
    pub(crate) created_at: DateTime<Utc>,
    #[graphql(skip)]
    key: UserId,
}

impl From<DirectoryUser> for User {
    fn from(found: DirectoryUser) -> Self {
        let user = found.user;
        Self {
            id: user.id.type_id().into(),
            key: user.id,
            name: user.name,
            email: user.email,
            suspended_at: user.suspended_at,
            organization_limit: found.organization_limit,
            is_operator: found.is_operator,
            created_at: user.created_at,
        }
    }
}

/// An e-mail address of a user.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct EmailAddress {
    /// The address, as written.
    pub(crate) address: String,
    /// When it was proved to be the user's; null means not yet.
    pub(crate) verified_at: Option<DateTime<Utc>>,
    /// Whether it is the address that mails go to.
    pub(crate) primary: bool,
}

impl From<UserEmail> for EmailAddress {
    fn from(email: UserEmail) -> Self {
        Self {
            address: email.address,
            verified_at: email.verified_at,
            primary: email.primary,
        }
    }
}

/// What a user is in an organization.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct UserMembership {
    /// The organization's id.
    pub(crate) organization_id: ID,
    /// The organization's display name.
    pub(crate) organization_name: String,
    /// The organization's slug.
    pub(crate) organization_slug: String,
    /// The key of the user's role there.
    pub(crate) role: String,
}

impl From<ViewedOrganization> for UserMembership {
    fn from(viewed: ViewedOrganization) -> Self {
        Self {
            organization_id: viewed.organization.id.type_id().into(),
            organization_name: viewed.organization.name,
            organization_slug: viewed.organization.slug,
            role: viewed.standing.role().as_str().to_owned(),
        }
    }
}

connection! {
    /// What a user is in organizations, the oldest organization first.
    UserMembershipConnection;
    /// A membership's place in the list.
    UserMembershipEdge of UserMembership
}

#[ComplexObject]
impl User {
    /// Every address of the user, oldest first.
    async fn emails(&self, context: &Context<'_>) -> ApiResult<Vec<EmailAddress>> {
        let emails = request(context)?.operators().emails_of(self.key).await?;
        Ok(emails.into_iter().map(Into::into).collect())
    }

    /// The organizations that the user is a member of, oldest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn memberships(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<UserMembershipConnection> {
        let (request, user) = (request(context)?, self.key);
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let found = request.operators().organizations_of(user, &page).await?;
        let request = request.clone();
        let total = Total::lazily(move || {
            let request = request.clone();
            async move { request.operators().count_organizations_of(user).await }
        });
        let edge = |viewed: ViewedOrganization| UserMembershipEdge {
            cursor: cursor(&viewed.organization.id.as_uuid()),
            node: viewed.into(),
        };
        Ok(UserMembershipConnection::new(found.map(edge), total))
    }
}

connection! {
    /// Users of the instance.
    UserConnection;
    /// A user's place in the list.
    UserEdge of User
}

pub(crate) fn connection(
    request: &Request,
    query: DirectoryQuery,
    page: resonance_domain::Page<DirectoryUser>,
) -> UserConnection {
    let (request, order) = (request.clone(), query.order);
    let total = Total::lazily(move || {
        let (request, query) = (request.clone(), query.clone());
        async move { request.operators().count_users(&query).await }
    });
    let edge = |found: DirectoryUser| {
        let TextCursor { key, id } = found.place(order);
        UserEdge {
            cursor: cursor(&(key, id)),
            node: found.into(),
        }
    };
    UserConnection::new(page.map(edge), total)
}
