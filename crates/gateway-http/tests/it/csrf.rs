//! Requests that a foreign page may have made.

use http::Method;

use crate::call::{app, bare, posted};

const COOKIE: (&str, &str) = ("cookie", "session=secret");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_cookie_needs_json_or_a_custom_header() {
    let body = r#"{"query":"{ greeting }"}"#;
    assert_eq!(posted(&app(), &[COOKIE, JSON], body).await.status, 200);

    let uri = "/graphql?query=%7Bgreeting%7D";
    let answer = bare(&app(), Method::GET, uri, &[COOKIE]).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "CSRF"));
    for header in ["x-requested-by", "apollo-require-preflight", "graphql-preflight"] {
        assert_eq!(
            bare(&app(), Method::GET, uri, &[COOKIE, (header, "page")])
                .await
                .status,
            200
        );
    }
    assert_eq!(bare(&app(), Method::GET, uri, &[]).await.status, 200);
}

#[tokio::test]
async fn a_cookie_from_a_foreign_origin_is_refused() {
    let body = r#"{"query":"{ greeting }"}"#;
    for (origin, status) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("https://app.example", 200),
        ("http://speech.example", 200),
    ] {
        let headers = [COOKIE, JSON, ("host", "speech.example"), ("origin", origin)];
        assert_eq!(posted(&app(), &headers, body).await.status, status, "{origin}");
    }
    let stranger = [
        JSON,
        ("host", "speech.example"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(posted(&app(), &stranger, body).await.status, 200);
}

#[tokio::test]
async fn multipart_needs_a_custom_header_even_without_a_cookie() {
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    let answer = posted(&app(), &[multipart], "--x--").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "CSRF"));
}
