//! GET and POST: the GraphQL over HTTP specification.

use http::Method;
use resonance_gateway_http::GraphQlHttp;
use serde_json::json;

use crate::{
    call::{app, ask, bare, encoded, posted, query},
    sample,
};

const JSON: (&str, &str) = ("content-type", "application/json");
const GRAPHQL: &str = "application/graphql-response+json";

#[tokio::test]
async fn the_answer_has_the_media_type_that_the_client_likes_best() {
    for (accept, expected) in [
        (GRAPHQL, "application/graphql-response+json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        (
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json; charset=utf-8",
        ),
    ] {
        let answer = posted(&app(), &[JSON, ("accept", accept)], r#"{"query":"{ greeting }"}"#).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, expected),
            "{accept}"
        );
        assert_eq!(answer.text, r#"{"data":{"greeting":"hello world"}}"#);
    }
    let answer = posted(&app(), &[JSON], r#"{"query":"{ greeting }"}"#).await;
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_client_that_accepts_no_json_is_told_so() {
    let answer = posted(
        &app(),
        &[JSON, ("accept", "text/html")],
        r#"{"query":"{ greeting }"}"#,
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (406, "NOT_ACCEPTABLE")
    );
}

#[tokio::test]
async fn a_body_of_another_type_is_unsupported() {
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/jsonx")],
    ] {
        let answer = posted(&app(), headers, r#"{"query":"{ greeting }"}"#).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn malformed_requests_are_400_in_every_media_type() {
    for body in [
        "",
        "{ \"not a JSON",
        "null",
        "7",
        "[]",
        r#"[{"query":"{ greeting }"}]"#,
        r#"["{ greeting }"]"#,
        "{}",
        r#"{"qeury":"{ greeting }"}"#,
        r#"{"query":null}"#,
        r#"{"query":""}"#,
        r#"{"query":7}"#,
        r#"{"query":["{ greeting }"]}"#,
        r#"{"query":"{ greeting }","variables":"{}"}"#,
        r#"{"query":"{ greeting }","variables":[]}"#,
        r#"{"query":"{ greeting }","operationName":1}"#,
        r#"{"query":"{ greeting }","extensions":false}"#,
    ] {
        for accept in [GRAPHQL, "application/json"] {
            let answer = posted(&app(), &[JSON, ("accept", accept)], body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, "BAD_REQUEST"),
                "{body}"
            );
            assert_eq!(answer.json().get("data"), None, "{body}");
            assert!(!answer.text.contains("Params"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn null_and_unknown_parameters_are_ignored() {
    let params = json!({
        "query": "{ greeting }", "variables": null, "operationName": null, "extensions": null, "id": 7,
    });
    assert_eq!(
        ask(&app(), params).await.data(),
        json!({ "greeting": "hello world" })
    );
    let params = json!({ "query": "{ greeting }", "extensions": { "some": "value" } });
    assert_eq!(
        ask(&app(), params).await.data(),
        json!({ "greeting": "hello world" })
    );
}

#[tokio::test]
async fn request_errors_are_400_without_data_or_200_for_plain_json() {
    for (text, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothingOfTheKind }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ double(number: \"seven\") }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { greeting } query B { greeting }",
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (
            "query ($number: Int!) { double(number: $number) }",
            "INVALID_ARGUMENT",
        ),
        (
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let body = json!({ "query": text }).to_string();
        for (accept, status) in [(GRAPHQL, 400), ("application/json", 200)] {
            let answer = posted(&app(), &[JSON, ("accept", accept)], body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (status, code),
                "{text}"
            );
            assert_eq!(answer.json().get("data"), None, "{text}");
        }
    }
}

#[tokio::test]
async fn a_required_variable_that_is_null_is_a_request_error_even_if_unused() {
    let params = json!({ "query": "query ($id: ID!) { __typename }", "variables": { "id": null } });
    let answer = ask(&app(), params).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "INVALID_ARGUMENT")
    );
}

#[tokio::test]
async fn a_variable_of_the_wrong_type_is_the_clients_fault() {
    let text = "query ($number: Int!) { double(number: $number) }";
    for number in [json!("seven"), json!(7.5), json!({}), json!(3_000_000_000_u32)] {
        let answer = ask(
            &app(),
            json!({ "query": text, "variables": { "number": number } }),
        )
        .await;
        assert!(
            ["INVALID_ARGUMENT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code().as_str()),
            "{}",
            answer.text
        );
    }
    let answer = ask(&app(), json!({ "query": text, "variables": { "number": 21 } })).await;
    assert_eq!(answer.data(), json!({ "double": 42 }));
}

#[tokio::test]
async fn the_operation_is_chosen_by_name() {
    let text = "query A { greeting } query B { double(number: 2) }";
    let answer = ask(&app(), json!({ "query": text, "operationName": "B" })).await;
    assert_eq!(answer.data(), json!({ "double": 4 }));
    let answer = ask(&app(), json!({ "query": text, "operationName": "C" })).await;
    assert_eq!(answer.code(), "OPERATION_RESOLUTION_FAILURE");
    let answer = ask(
        &app(),
        json!({ "query": "query A { greeting }", "operationName": "" }),
    )
    .await;
    assert_eq!(answer.data(), json!({ "greeting": "hello world" }));
}

#[tokio::test]
async fn field_errors_keep_the_data_and_the_status_200() {
    let answer = query(&app(), "{ greeting refused }").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (200, "FORBIDDEN")
    );
    assert_eq!(
        answer.json()["data"],
        json!({ "greeting": "hello world", "refused": null })
    );
    assert_eq!(answer.json()["errors"][0]["path"], json!(["refused"]));
}

#[tokio::test]
async fn a_failed_field_that_must_not_be_null_makes_its_parent_null() {
    let answer = query(&app(), "{ nest { mood deeper { mood broken } } greeting }").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (200, "INTERNAL")
    );
    assert_eq!(
        answer.json()["data"],
        json!({ "nest": { "mood": "cosy", "deeper": null }, "greeting": "hello world" })
    );
}

#[tokio::test]
async fn queries_may_come_by_get() {
    let text = encoded("query Q($name: String!) { greeting(name: $name) }");
    let variables = encoded(r#"{"name":"Ada"}"#);
    let uri = format!("/graphql?query={text}&variables={variables}&operationName=Q&extensions=");
    let answer = bare(&app(), Method::GET, &uri, &[]).await;
    assert_eq!(answer.data(), json!({ "greeting": "hello Ada" }));
    assert_eq!(answer.header("vary"), "accept, authorization, cookie");
    assert_eq!(answer.header("cache-control"), "no-store");

    for uri in [
        "/graphql",
        "/graphql?query=",
        "/graphql?query=%7Bgreeting%7D&variables=%5B%5D",
    ] {
        assert_eq!(bare(&app(), Method::GET, uri, &[]).await.status, 400, "{uri}");
    }
}

#[tokio::test]
async fn what_a_schema_says_about_caching_reaches_answers_to_get() {
    let answer = bare(&app(), Method::GET, "/graphql?query=%7Bmotto%7D", &[]).await;
    assert_eq!(answer.header("cache-control"), "max-age=60");
    assert_eq!(query(&app(), "{ motto }").await.header("cache-control"), "");
}

#[tokio::test]
async fn mutations_must_not_come_by_get() {
    for accept in [GRAPHQL, "application/json", "text/event-stream"] {
        let uri = format!("/graphql?query={}", encoded("mutation { signIn }"));
        let answer = bare(&app(), Method::GET, &uri, &[("accept", accept)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        assert_eq!(answer.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = bare(&app(), method, "/graphql", &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, "GET, POST")
        );
    }
}

#[tokio::test]
async fn headers_that_resolvers_set_reach_the_client() {
    let answer = query(&app(), "mutation { signIn }").await;
    let cookies = answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>();
    assert_eq!(cookies, ["session=secret; HttpOnly", "theme=dark"]);
}

#[tokio::test]
async fn resolvers_find_the_data_of_their_request() {
    let ada = [JSON, ("authorization", "Bearer Ada")];
    let answer = posted(&app(), &ada, r#"{"query":"{ caller }"}"#).await;
    assert_eq!(answer.data(), json!({ "caller": "Ada" }));
    assert_eq!(
        query(&app(), "{ caller }").await.data(),
        json!({ "caller": "nobody" })
    );
}

#[tokio::test]
async fn a_refused_client_gets_its_status_headers_and_code() {
    let revoked = [JSON, ("authorization", "Bearer revoked")];
    let answer = posted(&app(), &revoked, r#"{"query":"{ caller }"}"#).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("www-authenticate")),
        (401, "Bearer")
    );
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.json().get("data"), None);
}

#[tokio::test]
async fn a_subscription_needs_a_transport_that_can_stream() {
    let answer = query(&app(), "subscription { count(to: 1) }").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "SUBSCRIPTION_NEEDS_STREAM")
    );
}

#[tokio::test]
async fn a_schema_without_request_data_can_be_served_too() {
    let app = axum::Router::new().route("/graphql", GraphQlHttp::builder(sample::plain()).build().route());
    assert_eq!(
        query(&app, "{ greeting }").await.data(),
        json!({ "greeting": "hello world" })
    );
}
