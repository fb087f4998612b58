//! What must not be shown.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::call::{app, posted, query};

#[tokio::test]
async fn an_error_without_a_code_shows_an_id_and_nothing_else() {
    for field in ["storage", "sly"] {
        let answer = query(&app(), &format!("{{ greeting {field} }}")).await;
        let error = answer.json()["errors"][0].clone();
        assert_eq!(error["message"], "internal error");
        assert_eq!(
            error["extensions"],
            json!({ "code": "INTERNAL", "id": "incident-1" })
        );
        assert_eq!(error["path"], json!([field]));
        assert_eq!(answer.json()["data"]["greeting"], "hello world");
        assert!(
            !answer.text.contains("accounts") && !answer.text.contains("hunter2"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn the_id_is_the_requests_own_where_it_has_one() {
    let headers = [("content-type", "application/json"), ("x-request-id", "req-7")];
    let answer = posted(&app(), &headers, r#"{"query":"{ storage }"}"#).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["id"], "req-7");
}

#[tokio::test]
async fn a_panic_in_a_resolver_is_an_internal_error() {
    let answer = query(&app(), "{ broken }").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (500, "INTERNAL")
    );
}

#[tokio::test]
async fn an_upload_that_was_never_sent_breaks_nothing() {
    let text = "mutation { take(file: \"#__graphql_file__:3\") { size } }";
    assert_eq!(query(&app(), text).await.code(), "INTERNAL");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_holds_what_really_happened_once_beside_the_id() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    query(&app(), "{ storage }").await;
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text.matches("relation accounts does not exist").count(),
        1,
        "{text}"
    );
    assert!(text.contains("incident-1") && text.contains("storage"), "{text}");
}
