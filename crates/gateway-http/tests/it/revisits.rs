//! Documents that come again.

use async_graphql::{Schema, ValidationMode};
use axum::Router;
use resonance_gateway_http::GraphQlHttp;
use serde_json::json;

use crate::{
    call::{app, ask},
    sample::{self, Callers, Events, Mutation, Query, Sample},
};

fn app_that_trusts(trusting: Sample) -> Router {
    let graphql = GraphQlHttp::builder(sample::schema())
        .once_validated(trusting)
        .request_data(Callers)
        .build();
    Router::new().route("/graphql", graphql.route())
}

#[tokio::test]
async fn a_valid_document_is_validated_once() {
    // Whatever is not validated gives itself away by being too complex.
    let suspicious = Schema::build(Query, Mutation, Events)
        .validation_mode(ValidationMode::Fast)
        .limit_complexity(0)
        .finish();
    let app = app_that_trusts(suspicious);
    let text = "query ($name: String!) { greeting(name: $name) }";
    let good = json!({ "query": text, "variables": { "name": "Ada" } });
    ask(&app, good.clone()).await.data();
    assert_eq!(ask(&app, good).await.code(), "QUERY_TOO_COMPLEX");
    let doubtful = json!({ "query": text, "variables": { "name": null } });
    assert_eq!(ask(&app, doubtful).await.code(), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_request_is_answered_alike_the_first_and_every_further_time() {
    let greeting = "query ($name: String!) { greeting(name: $name) }";
    let double = "query ($number: Int!, $skip: Boolean) { caller double(number: $number) @skip(if: $skip) }";
    let optional = "query ($number: Int = 2) { double(number: $number) }";
    let complex = format!("{{ {} }}", "nest { mood } ".repeat(600));
    let requests = [
        (greeting, json!({ "name": "Ada" })),
        (greeting, json!({ "name": 1 })),
        (greeting, json!({ "name": null })),
        (greeting, json!({})),
        (double, json!({ "number": 3, "skip": false })),
        (double, json!({ "number": 3_000_000_000_u32, "skip": false })),
        (double, json!({ "number": 1.5, "skip": false })),
        (double, json!({ "number": "3", "skip": false })),
        (double, json!({ "number": 3 })),
        (optional, json!({})),
        (optional, json!({ "number": 4 })),
        (optional, json!({ "number": null })),
        (complex.as_str(), json!({})),
        ("{ caller nonsense }", json!({})),
        ("{ nest { broken } }", json!({})),
        ("{ storage caller }", json!({})),
    ];
    for (query, variables) in requests {
        let request = json!({ "query": query, "variables": variables });
        let app = app();
        let first = ask(&app, request.clone()).await;
        // A good request in between, for those whose documents are valid.
        ask(
            &app,
            json!({ "query": query, "variables": { "name": "Ada", "number": 1, "skip": true } }),
        )
        .await;
        for _ in 0..2 {
            let again = ask(&app, request.clone()).await;
            assert_eq!(
                (again.status, &again.text),
                (first.status, &first.text),
                "{request}"
            );
        }
    }
}
