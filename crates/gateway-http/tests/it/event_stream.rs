//! Subscriptions as server-sent events.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use http::{Method, Request};
use resonance_gateway_http::GraphQlHttp;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    call::{Answer, app, bare, encoded, posted},
    sample,
};

const STREAM: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("accept", "text/event-stream"),
];

async fn stream(text: &str) -> Answer {
    posted(&app(), STREAM, json!({ "query": text }).to_string()).await
}

#[tokio::test]
async fn every_result_is_an_event_and_the_end_is_one_too() {
    let answer = stream("subscription { count(to: 2) }").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/event-stream")
    );
    assert_eq!(
        answer.text,
        "event: next\ndata: {\"data\":{\"count\":1}}\n\nevent: next\ndata: {\"data\":{\"count\":2}}\n\n\
         event: complete\ndata:\n\n"
    );
}

#[tokio::test]
async fn queries_mutations_and_request_errors_stream_too() {
    assert!(
        stream("{ greeting }")
            .await
            .text
            .starts_with("event: next\ndata: {\"data\":{\"greeting\":\"hello world\"}}")
    );
    assert!(
        stream("mutation { signIn }")
            .await
            .text
            .contains("{\"data\":{\"signIn\":true}}")
    );
    for (text, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let answer = stream(text).await;
        assert!(
            answer.text.starts_with("event: next\ndata: {\"errors\":[") && answer.text.contains(code),
            "{}",
            answer.text
        );
        assert!(
            answer.text.ends_with("event: complete\ndata:\n\n"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_client_that_takes_both_gets_a_stream_for_subscriptions_only() {
    let headers = [
        ("content-type", "application/json"),
        (
            "accept",
            "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
        ),
    ];
    let answer = posted(&app(), &headers, r#"{"query":"{ greeting }"}"#).await;
    assert_eq!(
        answer.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
    let answer = posted(&app(), &headers, r#"{"query":"subscription { count(to: 1) }"}"#).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
}

#[tokio::test]
async fn a_subscription_may_come_by_get() {
    let uri = format!("/graphql?query={}", encoded("subscription { listener }"));
    let headers = [("accept", "text/event-stream"), ("authorization", "Bearer Ada")];
    let answer = bare(&app(), Method::GET, &uri, &headers).await;
    assert!(
        answer.text.contains("{\"data\":{\"listener\":\"Ada\"}}"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_refused_client_gets_a_status_and_no_stream() {
    let mut headers = STREAM.to_vec();
    headers.push(("authorization", "Bearer revoked"));
    let answer = posted(&app(), &headers, r#"{"query":"subscription { count(to: 1) }"}"#).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (401, "UNAUTHENTICATED")
    );
}

#[tokio::test]
async fn errors_in_a_stream_are_masked() {
    for text in ["subscription { unavailable }", "subscription { interrupted }"] {
        let answer = stream(text).await;
        assert!(
            answer.text.contains("\"INTERNAL\"") && answer.text.contains("incident-1"),
            "{}",
            answer.text
        );
        assert!(
            !answer.text.contains("refused") && !answer.text.contains("relation"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_shows_that_it_lives() {
    let app = axum::Router::new().route("/graphql", GraphQlHttp::builder(sample::schema()).build().route());
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Body::from(r#"{"query":"{ endless }"}"#))
        .unwrap();
    let mut body = app.oneshot(request).await.unwrap().into_body().into_data_stream();
    let first = tokio::time::timeout(Duration::from_secs(16), body.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first, ":\n\n");
}

#[tokio::test]
async fn a_shutdown_ends_streams_without_completing_them() {
    let shutdown = CancellationToken::new();
    let graphql = GraphQlHttp::builder(sample::schema())
        .shutdown(shutdown.clone())
        .build();
    let app = axum::Router::new().route("/graphql", graphql.route());
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Body::from(r#"{"query":"subscription { ticks }"}"#))
        .unwrap();
    let mut body = app.oneshot(request).await.unwrap().into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    shutdown.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), body.collect::<Vec<_>>())
        .await
        .unwrap();
    let rest = rest
        .into_iter()
        .map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap())
        .collect::<String>();
    assert!(!rest.contains("complete"), "{rest}");
}
