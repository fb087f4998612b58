//! Organizations, members and invitations in GraphQL, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod invitations;
mod organizations;

use async_graphql::{EmptySubscription, MergedObject, Object, Request, Schema, Variables};
use resonance_gateway_accounts::UserLoader;
use resonance_gateway_organizations::{OrganizationsMutation, OrganizationsQuery, ViewerOrganizations};
use resonance_testkit::count_statements;
use serde_json::Value;

#[derive(Default)]
struct ViewerQuery;

#[Object]
impl ViewerQuery {
    async fn viewer(&self) -> ViewerOrganizations {
        ViewerOrganizations
    }
}

#[derive(Default, MergedObject)]
struct Query(ViewerQuery, OrganizationsQuery);

/// Executes an operation as `by`.
async fn execute(by: &resonance_services::Request, request: Request) -> async_graphql::Response {
    let schema = Schema::new(
        Query::default(),
        OrganizationsMutation::default(),
        EmptySubscription,
    );
    let request = request
        .data(UserLoader::of(by.clone()))
        .data(resonance_gateway_organizations::RoleLoader::of(by.clone()))
        .data(by.clone());
    schema.execute(request).await
}

/// The data of an operation that must succeed, and how many SQL statements it took.
async fn counted(by: &resonance_services::Request, operation: &str, variables: Value) -> (Value, u32) {
    let request = Request::new(operation).variables(Variables::from_json(variables));
    let (response, statements) = count_statements(execute(by, request)).await;
    assert_eq!(response.errors, [], "{operation}");
    (response.data.into_json().unwrap(), statements)
}

/// The data of an operation that must succeed.
async fn data(by: &resonance_services::Request, operation: &str, variables: Value) -> Value {
    counted(by, operation, variables).await.0
}

/// The codes of the errors of an operation that must fail.
async fn failures(by: &resonance_services::Request, operation: &str, variables: Value) -> Vec<String> {
    let request = Request::new(operation).variables(Variables::from_json(variables));
    let errors = execute(by, request).await.errors.into_iter();
    let code = |error: async_graphql::ServerError| {
        let extensions = error.extensions.unwrap();
        extensions
            .get("code")
            .unwrap()
            .to_string()
            .trim_matches('"')
            .to_owned()
    };
    errors.map(code).collect()
}
