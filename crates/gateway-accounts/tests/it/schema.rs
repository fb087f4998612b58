//! A schema of this crate's parts alone.

use async_graphql::{Context, EmptySubscription, MergedObject, Object, Response, Schema};
use resonance_domain::{InOrg, OrganizationId, UserId};
use resonance_gateway_accounts::{AccountsMutation, User, UserLoader, ViewerAccount};
use resonance_services::Request;
use serde_json::Value;

#[derive(MergedObject)]
pub(crate) struct Viewer(ViewerAccount);

pub(crate) struct Query;

#[Object]
impl Query {
    /// The viewer.
    async fn viewer(&self, context: &Context<'_>) -> Option<Viewer> {
        ViewerAccount::of(context.data_unchecked::<Request>()).map(Viewer)
    }

    /// People of an organization.
    async fn people(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where.")] organization: String,
        #[graphql(desc = "Who.")] ids: Vec<String>,
    ) -> async_graphql::Result<Vec<Option<User>>> {
        let organization: OrganizationId = organization.parse()?;
        let loader = context.data_unchecked::<async_graphql::dataloader::DataLoader<UserLoader>>();
        let mut people = Vec::new();
        for id in ids {
            let id: UserId = id.parse()?;
            let loaded = loader.load_one(InOrg::new(organization, id)).await;
            people.push(loaded.map_err(|_| "failed")?);
        }
        Ok(people)
    }
}

pub(crate) type TestSchema = Schema<Query, AccountsMutation, EmptySubscription>;

pub(crate) fn schema() -> TestSchema {
    Schema::build(Query, AccountsMutation::default(), EmptySubscription).finish()
}

/// Executes a document as `request`.
pub(crate) async fn execute(request: &Request, document: &str, variables: Value) -> Response {
    let operation = async_graphql::Request::new(document)
        .variables(async_graphql::Variables::from_json(variables))
        .data(request.clone())
        .data(UserLoader::of(request.clone()));
    schema().execute(operation).await
}

/// Executes a document that must not fail; its data.
pub(crate) async fn data(request: &Request, document: &str, variables: Value) -> Value {
    let response = execute(request, document, variables).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

/// The code of the first error of a response.
pub(crate) fn error_code(response: &Response) -> String {
    let extensions = response.errors[0].extensions.as_ref().unwrap();
    extensions
        .get("code")
        .unwrap()
        .clone()
        .into_json()
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}
