//! The account's part of the viewer.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, Total, cursor, page_request, request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

use crate::{EmailAddress, Session, SessionConnection, SessionEdge};

/// The signed-in user, as they see themselves.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct ViewerAccount {
    /// The account's id.
    pub id: ID,
    /// The display name.
    pub name: String,
    /// The primary e-mail address.
    pub email: String,
    /// The session that the request came through.
    pub session: Session,
}

impl ViewerAccount {
    /// The account behind a request; `None` if nobody is signed in. Costs no statement.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        let account = request.account()?;
        Some(Self {
            id: account.user.id.type_id().into(),
            name: account.user.name.clone(),
            email: account.user.email.clone(),
            session: Session::new(account.session.clone(), Some(account.session.id)),
        })
    }
}

#[ComplexObject]
impl ViewerAccount {
    /// All e-mail addresses of the account, proved or not, oldest first: at most ten.
    async fn email_addresses(&self, context: &Context<'_>) -> ApiResult<Vec<EmailAddress>> {
        let addresses = request(context)?.email_addresses().list().await?;
        Ok(addresses.into_iter().map(Into::into).collect())
    }

    /// The account's sessions that have not ended, newest first.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<SessionConnection> {
        let request = request(context)?;
        let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
            IdCursor(id)
        })?;
        let current = request.account().map(|account| account.session.id);
        let sessions = request.sessions().page(&page).await?;
        let total = request.clone();
        Ok(SessionConnection::new(
            sessions.map(|session: domain::Session| SessionEdge {
                cursor: cursor(&session.id.as_uuid()),
                node: Session::new(session, current),
            }),
            Total::lazily(move || {
                let request = total.clone();
                async move { request.sessions().count().await }
            }),
        ))
    }
}
