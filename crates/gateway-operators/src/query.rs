//! Where reading begins.

use async_graphql::{Context, ID, Object};
use resonance_domain::{ErrorCode, FieldError, Month};
use resonance_gateway_kit::{ApiError, ApiResult, request};
use resonance_services::AuditLog;

use crate::{
    arguments::{self, DirectoryOrder, OrganizationFilter, UserFilter, text_page},
    audit::{AuditArguments, AuditEventConnection, AuditFilter, events},
    engine::{JobQueue, SpeechEngine},
    instance::{InstanceSettings, InstanceTotals, MonthlyActivity, Operator},
    organization::{self, Organization, OrganizationConnection},
    plan::Plan,
    role::{InstanceRole, RegisteredPermission},
    user::{self, User, UserConnection},
};

/// Where reading begins. All of it is for operators of the instance only.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatorQuery;

/// Where reading begins. All of it is for operators of the instance only.
#[Object]
impl OperatorQuery {
    /// Every organization of the instance, the oldest first unless another order is asked for.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn organizations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which organizations; all when nothing is said.")] filter: Option<
            OrganizationFilter,
        >,
        #[graphql(desc = "By creation when nothing is said.")] order_by: Option<DirectoryOrder>,
    ) -> ApiResult<OrganizationConnection> {
        let request = request(context)?;
        let page = text_page(first, after.as_deref(), last, before.as_deref())?;
        let query = arguments::organizations(filter, order_by);
        let found = request.operators().organizations(&query, &page).await?;
        Ok(organization::connection(request, query, found))
    }

    /// One organization; null if there is none with this id.
    async fn organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: ID,
    ) -> ApiResult<Option<Organization>> {
        let request = request(context)?;
        request.operators().admit().await?;
        // What is no id is no organization's.
        let Ok(id) = id.parse() else {
            return Ok(None);
        };
        let mut found = request.operators().organizations_by_id(&[id]).await?;
        Ok(found.pop().map(Into::into))
    }

    /// Every user of the instance, the oldest account first unless another order is asked for.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which users; all when nothing is said.")] filter: Option<UserFilter>,
        #[graphql(desc = "By creation when nothing is said.")] order_by: Option<DirectoryOrder>,
    ) -> ApiResult<UserConnection> {
        let request = request(context)?;
        let page = text_page(first, after.as_deref(), last, before.as_deref())?;
        let query = arguments::users(filter, order_by);
        let found = request.operators().users(&query, &page).await?;
        Ok(user::connection(request, query, found))
    }

    /// One user; null if there is none with this id.
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] id: ID,
    ) -> ApiResult<Option<User>> {
        let request = request(context)?;
        request.operators().admit().await?;
        let Ok(id) = id.parse() else {
            return Ok(None);
        };
        let mut found = request.operators().users_by_id(&[id]).await?;
        Ok(found.pop().map(Into::into))
    }

    /// All custom roles that every organization has, oldest first.
    async fn roles(&self, context: &Context<'_>) -> ApiResult<Vec<InstanceRole>> {
        let found = request(context)?.operators().roles().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// All plans, oldest first.
    async fn plans(&self, context: &Context<'_>) -> ApiResult<Vec<Plan>> {
        let found = request(context)?.operators().plans().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// All permissions that were registered for services, by key.
    async fn permissions(&self, context: &Context<'_>) -> ApiResult<Vec<RegisteredPermission>> {
        let found = request(context)?.operators().permissions().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Every operator, oldest first.
    async fn operators(&self, context: &Context<'_>) -> ApiResult<Vec<Operator>> {
        let found = request(context)?.operators().list().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// The speech engines of the node that answers, by name.
    async fn engines(&self, context: &Context<'_>) -> ApiResult<Vec<SpeechEngine>> {
        let found = request(context)?.operators().engines().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// How many jobs there are in each queue.
    async fn queues(&self, context: &Context<'_>) -> ApiResult<Vec<JobQueue>> {
        let found = request(context)?.operators().queues().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// What holds in the instance.
    async fn settings(&self, context: &Context<'_>) -> ApiResult<InstanceSettings> {
        Ok(request(context)?.operators().settings().await?.into())
    }

    /// How much there is in the instance.
    async fn totals(&self, context: &Context<'_>) -> ApiResult<InstanceTotals> {
        Ok(request(context)?.operators().totals().await?.into())
    }

    /// What happened month by month, oldest first, at most 36 months.
    #[graphql(complexity = "5 + 36 * child_complexity")]
    async fn months(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first month, as `YYYY-MM`; eleven before the last when nothing is said.")]
        first: Option<String>,
        #[graphql(desc = "The last month, as `YYYY-MM`; this one when nothing is said.")] last: Option<
            String,
        >,
    ) -> ApiResult<Vec<MonthlyActivity>> {
        let request = request(context)?;
        request.operators().admit().await?;
        let months = request
            .operators()
            .months(month("first", first)?, month("last", last)?)
            .await?;
        Ok(months.into_iter().map(Into::into).collect())
    }

    /// What concerns accounts and the instance, and every act of an operator wherever it was, newest first.
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
        events(request(context)?, AuditLog::Instance, arguments).await
    }
}

fn month(field: &str, text: Option<String>) -> ApiResult<Option<Month>> {
    let parsed = text.map(|text| text.parse::<Month>()).transpose();
    parsed.map_err(|error| ApiError::invalid(FieldError::new(ErrorCode::Invalid, error).at(field)))
}
