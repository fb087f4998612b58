//! What is too much.

use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use resonance_gateway_http::Limits;
use serde_json::json;

use crate::call::{app, app_within, ask, posted, query};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_query_ten_thousand_levels_deep_is_refused_before_it_is_parsed() {
    for text in [
        format!("{}mood{}", "{nest".repeat(10_000), "}".repeat(10_000)),
        format!(
            "{{ double(number: {}{}) }}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
        format!(
            "{{ double(number: {}1{}) }}",
            "{a:".repeat(10_000),
            "}".repeat(10_000)
        ),
        format!(
            "query ($a: {}Int{}) {{ greeting }}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
        "{nest".repeat(10_000),
    ] {
        let answer = query(&app(), &text).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "QUERY_TOO_DEEP")
        );
    }
}

#[tokio::test]
async fn ten_thousand_aliases_are_refused() {
    let aliases = |count: usize| (0..count).map(|n| format!(" a{n}: greeting")).collect::<String>();
    assert_eq!(
        query(&app(), &format!("{{{}}}", aliases(10_000))).await.code(),
        "QUERY_TOO_LARGE"
    );
    assert_eq!(
        query(&app(), &format!("{{{}}}", aliases(51))).await.code(),
        "TOO_MANY_ALIASES"
    );
    query(&app(), &format!("{{{}}}", aliases(30))).await.data();
}

#[tokio::test]
async fn the_deepest_document_that_may_be_parsed_fits_the_stack() {
    let text = format!("{}mood{}", "{deeper".repeat(59), "}".repeat(59));
    assert_eq!(query(&app(), &text).await.code(), "QUERY_TOO_DEEP");
    let text = format!("{{ double(number: {}1{}) }}", "{a:".repeat(58), "}".repeat(58));
    assert_eq!(query(&app(), &text).await.code(), "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn fragments_that_multiply_one_another_cost_no_time() {
    let mut text = "{ ...F0 }".to_owned();
    for n in 0..30 {
        text += &format!(" fragment F{n} on Query {{ ...F{m} ...F{m} ...F{m} }}", m = n + 1);
    }
    text += " fragment F30 on Query { greeting }";
    let begun = std::time::Instant::now();
    assert_eq!(query(&app(), &text).await.code(), "QUERY_TOO_LARGE");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn the_schemas_own_complexity_limit_has_a_code_too() {
    let limits = Limits {
        root_fields: 2_000,
        aliases: 2_000,
        tokens: 10_000,
        ..Limits::default()
    };
    let fields = (0..1_001).map(|n| format!(" a{n}: greeting")).collect::<String>();
    let answer = query(&app_within(limits), &format!("{{{fields}}}")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "QUERY_TOO_COMPLEX")
    );
}

#[tokio::test]
async fn introspection_passes() {
    let answer = query(&app(), include_str!("../introspection.graphql")).await;
    assert_eq!(answer.data()["__schema"]["queryType"]["name"], "Query");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let limits = Limits {
        body_bytes: 1_000,
        ..Limits::default()
    };
    let app = app_within(limits);
    let fits = format!("{:<1000}", r#"{"query":"{ greeting }"}"#);
    let chunks = |text: &str| {
        let chunks = text
            .as_bytes()
            .chunks(300)
            .map(<[u8]>::to_vec)
            .map(Ok::<_, std::io::Error>)
            .collect::<Vec<_>>();
        Body::from_stream(stream::iter(chunks))
    };
    for body in [Body::from(fits.clone()), chunks(&fits)] {
        assert_eq!(posted(&app, &[JSON], body).await.status, 200);
    }
    let larger = format!("{fits} ");
    for body in [Body::from(larger.clone()), chunks(&larger)] {
        let answer = posted(&app, &[JSON], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (413, "PAYLOAD_TOO_LARGE")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_takes_too_long_is_ended() {
    let answer = query(&app(), "{ endless }").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "TIMEOUT"));
    assert_eq!(answer.json().get("data"), None);
}

#[tokio::test]
async fn variables_nested_beyond_reason_are_malformed() {
    let body = format!(
        "{{\"query\":\"{{ greeting }}\",\"variables\":{{\"a\":{}{}}}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    assert_eq!(posted(&app(), &[JSON], body).await.status, 400);
}

#[tokio::test]
async fn a_refused_document_stays_refused() {
    let app = app();
    let text = format!("{{{}}}", " a: greeting".repeat(60));
    for _ in 0..2 {
        assert_eq!(
            ask(&app, json!({ "query": text })).await.code(),
            "TOO_MANY_ALIASES"
        );
    }
}
