//! Automatic persisted queries.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::call::{app, ask, bare, encoded};

const TEXT: &str = "query ($name: String!) { greeting(name: $name) }";

fn extensions(text: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hex::encode(Sha256::digest(text)) } })
}

#[tokio::test]
async fn a_hash_stands_for_a_text_that_was_sent_with_it_before() {
    let app = app();
    let by_hash = json!({ "extensions": extensions(TEXT), "variables": { "name": "Ada" } });
    let answer = ask(&app, by_hash.clone()).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotFound");

    let mut with_text = by_hash.clone();
    with_text["query"] = json!(TEXT);
    assert_eq!(
        ask(&app, with_text).await.data(),
        json!({ "greeting": "hello Ada" })
    );
    assert_eq!(
        ask(&app, by_hash).await.data(),
        json!({ "greeting": "hello Ada" })
    );

    let extensions = encoded(&extensions(TEXT).to_string());
    let uri = format!(
        "/graphql?extensions={extensions}&variables={}",
        encoded(r#"{"name":"Bob"}"#)
    );
    assert_eq!(
        bare(&app, http::Method::GET, &uri, &[]).await.data(),
        json!({ "greeting": "hello Bob" })
    );
}

#[tokio::test]
async fn a_hash_of_another_text_is_refused_and_not_kept() {
    let app = app();
    let lie = json!({ "query": "{ caller }", "extensions": extensions(TEXT) });
    assert_eq!(ask(&app, lie).await.code(), "BAD_REQUEST");
    let answer = ask(&app, json!({ "extensions": extensions(TEXT) })).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_text_sent_without_a_hash_is_not_found_by_one() {
    let app = app();
    ask(&app, json!({ "query": "{ caller }" })).await.data();
    let answer = ask(&app, json!({ "extensions": extensions("{ caller }") })).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_document_that_is_refused_is_not_kept() {
    let app = app();
    let text = format!("{{{}}}", " a: caller".repeat(60));
    let with_text = json!({ "query": text, "extensions": extensions(&text) });
    assert_eq!(ask(&app, with_text).await.code(), "TOO_MANY_ALIASES");
    let answer = ask(&app, json!({ "extensions": extensions(&text) })).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn malformed_hashes_and_other_versions_are_refused() {
    for persisted in [
        json!({ "version": 2, "sha256Hash": "00" }),
        json!({ "version": 1, "sha256Hash": "xyz" }),
        json!({ "version": 1 }),
        json!("hash"),
    ] {
        let answer = ask(&app(), json!({ "extensions": { "persistedQuery": persisted } })).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
    }
}
