//! A schema of this crate's parts alone.

use async_graphql::{Context, Object, Response, Schema};
use futures_util::{StreamExt as _, stream::BoxStream};
use resonance_domain::OrganizationId;
use resonance_gateway_kit::ApiResult;
use resonance_gateway_speech::{
    GenerationConnection, GenerationFilter, GenerationsMutation, GenerationsSubscription, Usage, UsagePeriod,
    VoiceLoader, generations_of, usage_of,
};
use resonance_services::Request;
use serde_json::Value;

pub(crate) struct Query;

pub(crate) struct Organization(OrganizationId);

/// An organization's part.
#[Object]
impl Organization {
    /// The history.
    async fn generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<GenerationFilter>,
        #[graphql(desc = "How many.")] first: Option<i32>,
        #[graphql(desc = "After.")] after: Option<String>,
        #[graphql(desc = "How many.")] last: Option<i32>,
        #[graphql(desc = "Before.")] before: Option<String>,
    ) -> ApiResult<GenerationConnection> {
        generations_of(context, self.0, filter, first, after, last, before).await
    }

    /// The usage.
    async fn usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "When.")] period: Option<UsagePeriod>,
    ) -> ApiResult<Usage> {
        usage_of(context, self.0, period).await
    }
}

#[Object]
impl Query {
    /// An organization.
    async fn organization(
        &self,
        #[graphql(desc = "Which.")] id: String,
    ) -> async_graphql::Result<Organization> {
        Ok(Organization(id.parse()?))
    }
}

pub(crate) type TestSchema = Schema<Query, GenerationsMutation, GenerationsSubscription>;

pub(crate) fn schema() -> TestSchema {
    Schema::build(Query, GenerationsMutation, GenerationsSubscription).finish()
}

fn operation(request: &Request, document: &str, variables: Value) -> async_graphql::Request {
    async_graphql::Request::new(document)
        .variables(async_graphql::Variables::from_json(variables))
        .data(request.clone())
        .data(VoiceLoader::of(request.clone()))
}

/// Executes a document as `request`.
pub(crate) async fn execute(request: &Request, document: &str, variables: Value) -> Response {
    schema().execute(operation(request, document, variables)).await
}

/// Executes a document that must not fail; its data.
pub(crate) async fn data(request: &Request, document: &str, variables: Value) -> Value {
    shown(execute(request, document, variables).await)
}

/// Subscribes as `request`; what comes must not fail.
pub(crate) fn subscribe(request: &Request, document: &str, variables: Value) -> BoxStream<'static, Value> {
    let responses = schema().execute_stream(operation(request, document, variables));
    responses.map(shown).boxed()
}

fn shown(response: Response) -> Value {
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

/// The code of the first error of a response.
pub(crate) fn error_code(response: &Response) -> String {
    let extensions = response.errors[0].extensions.as_ref().unwrap();
    let code = extensions.get("code").unwrap().clone().into_json().unwrap();
    code.as_str().unwrap().to_owned()
}
