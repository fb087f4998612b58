//! A schema of this crate's parts alone.

use std::io::{Seek as _, Write as _};

use async_graphql::{Context, MergedObject, Object, Response, Schema, UploadValue};
use futures_util::{StreamExt as _, stream::BoxStream};
use resonance_domain::OrganizationId;
use resonance_gateway_accounts::UserLoader;
use resonance_gateway_kit::{ApiResult, request};
use resonance_gateway_speech::{
    GenerationArguments, GenerationConnection, GenerationFilter, GenerationOrder, GenerationsMutation,
    GenerationsSubscription, Usage, UsagePeriod, VoiceArguments, VoiceConnection, VoiceFilter, VoiceLoader,
    VoiceOrder, VoicesMutation, VoicesQuery, generations_of, usage_of, voices_of,
};
use resonance_services::Request;
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Roots;

#[derive(Default, MergedObject)]
pub(crate) struct Query(Roots, VoicesQuery);

#[derive(Default, MergedObject)]
pub(crate) struct Mutation(GenerationsMutation, VoicesMutation);

pub(crate) struct Organization(OrganizationId);

/// An organization's part.
#[Object]
impl Organization {
    /// The history.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<GenerationFilter>,
        #[graphql(desc = "How.")] order_by: Option<GenerationOrder>,
        #[graphql(desc = "How many.")] first: Option<i32>,
        #[graphql(desc = "After.")] after: Option<String>,
        #[graphql(desc = "How many.")] last: Option<i32>,
        #[graphql(desc = "Before.")] before: Option<String>,
    ) -> ApiResult<GenerationConnection> {
        let arguments = GenerationArguments {
            first,
            after,
            last,
            before,
            filter,
            order: order_by,
        };
        generations_of(request(context)?, self.0, arguments).await
    }

    /// The voices.
    async fn voices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<VoiceFilter>,
        #[graphql(desc = "How.")] order_by: Option<VoiceOrder>,
        #[graphql(desc = "How many.")] first: Option<i32>,
        #[graphql(desc = "After.")] after: Option<String>,
    ) -> ApiResult<VoiceConnection> {
        let arguments = VoiceArguments {
            first,
            after,
            filter,
            order: order_by,
            ..VoiceArguments::default()
        };
        voices_of(request(context)?, self.0, arguments).await
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
impl Roots {
    /// An organization.
    async fn organization(
        &self,
        #[graphql(desc = "Which.")] id: String,
    ) -> async_graphql::Result<Organization> {
        Ok(Organization(id.parse()?))
    }
}

pub(crate) type TestSchema = Schema<Query, Mutation, GenerationsSubscription>;

pub(crate) fn schema() -> TestSchema {
    Schema::build(Query::default(), Mutation::default(), GenerationsSubscription).finish()
}

fn operation(request: &Request, document: &str, variables: Value) -> async_graphql::Request {
    async_graphql::Request::new(document)
        .variables(async_graphql::Variables::from_json(variables))
        .data(request.clone())
        .data(VoiceLoader::of(request.clone()))
        .data(UserLoader::of(request.clone()))
}

/// Executes a document as `request`.
pub(crate) async fn execute(request: &Request, document: &str, variables: Value) -> Response {
    schema().execute(operation(request, document, variables)).await
}

/// Executes a document whose input's `sample` is that file.
pub(crate) async fn upload(request: &Request, document: &str, variables: Value, file: &[u8]) -> Response {
    let mut operation = operation(request, document, variables);
    let mut content = tempfile::tempfile().unwrap();
    content.write_all(file).unwrap();
    content.rewind().unwrap();
    let value = UploadValue {
        filename: "voice.txt".to_owned(),
        content_type: Some("text/plain".to_owned()),
        content,
    };
    operation.set_upload("variables.input.sample", value);
    schema().execute(operation).await
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

pub(crate) fn shown(response: Response) -> Value {
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

/// The code of the first error of a response.
pub(crate) fn error_code(response: &Response) -> String {
    let extensions = response.errors[0].extensions.as_ref().unwrap();
    let code = extensions.get("code").unwrap().clone().into_json().unwrap();
    code.as_str().unwrap().to_owned()
}
