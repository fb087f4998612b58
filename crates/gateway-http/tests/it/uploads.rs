//! The GraphQL multipart request specification.

use resonance_gateway_http::Limits;
use serde_json::{Value, json};

use crate::call::{Answer, app, app_within, posted};

/// One part: its name, its file name and content type if it is a file, and its content.
type Part<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a [u8]);

fn body(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        body.extend_from_slice(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"").as_bytes());
        if let Some((filename, content_type)) = file {
            body.extend_from_slice(
                format!("; filename=\"{filename}\"\r\ncontent-type: {content_type}").as_bytes(),
            );
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}

async fn upload(app: &axum::Router, parts: &[Part<'_>]) -> Answer {
    let headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("graphql-preflight", "1"),
        ("accept", "application/graphql-response+json"),
    ];
    posted(app, &headers, body(parts)).await
}

fn take_one() -> String {
    let text = "mutation ($file: Upload!) { take(file: $file) { name contentType size } }";
    json!({ "query": text, "variables": { "file": null } }).to_string()
}

fn take_all(count: usize) -> (String, String) {
    let text = "mutation ($files: [Upload!]!) { takeAll(files: $files) { name size } }";
    let files = vec![Value::Null; count];
    let map = (0..count).map(|n| (n.to_string(), json!([format!("variables.files.{n}")])));
    (
        json!({ "query": text, "variables": { "files": files } }).to_string(),
        Value::Object(map.collect()).to_string(),
    )
}

const WAV: Option<(&str, &str)> = Some(("voice.wav", "audio/wav"));

#[tokio::test]
async fn a_file_reaches_its_resolver_with_name_type_and_content() {
    let content = vec![7; 300_000];
    let operations = take_one();
    let answer = upload(
        &app(),
        &[
            ("operations", None, operations.as_bytes()),
            ("map", None, br#"{"0":["variables.file"]}"#),
            ("0", WAV, &content),
        ],
    )
    .await;
    let expected = json!({ "take": { "name": "voice.wav", "contentType": "audio/wav", "size": 300_000 } });
    assert_eq!(answer.data(), expected);
}

#[tokio::test]
async fn several_files_fill_a_list() {
    let (operations, map) = take_all(2);
    let answer = upload(
        &app(),
        &[
            ("operations", None, operations.as_bytes()),
            ("map", None, map.as_bytes()),
            ("0", WAV, b"one"),
            ("1", Some(("b.ogg", "audio/ogg")), b"three"),
        ],
    )
    .await;
    let expected = json!([{ "name": "voice.wav", "size": 3 }, { "name": "b.ogg", "size": 5 }]);
    assert_eq!(answer.data()["takeAll"], expected);
}

#[tokio::test]
async fn files_that_are_too_large_or_too_many_are_413() {
    let app = app_within(Limits {
        file_bytes: 1_000,
        files: 2,
        body_bytes: 2_000,
        ..Limits::default()
    });
    let one = take_one();
    let map: &[u8] = br#"{"0":["variables.file"]}"#;
    let of_size = |size: usize| vec![7; size];
    for (size, status) in [(1_000, 200), (1_001, 413), (100_000, 413)] {
        let content = of_size(size);
        let parts: [Part<'_>; 3] = [
            ("operations", None, one.as_bytes()),
            ("map", None, map),
            ("0", WAV, &content),
        ];
        assert_eq!(upload(&app, &parts).await.status, status, "{size}");
    }
    let (operations, map) = take_all(3);
    let parts: [Part<'_>; 5] = [
        ("operations", None, operations.as_bytes()),
        ("map", None, map.as_bytes()),
        ("0", WAV, b"a"),
        ("1", WAV, b"b"),
        ("2", WAV, b"c"),
    ];
    let answer = upload(&app, &parts).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "PAYLOAD_TOO_LARGE")
    );
}

#[tokio::test]
async fn the_limit_for_json_holds_for_the_json_in_a_multipart_body() {
    let app = app_within(Limits {
        body_bytes: 2_000,
        ..Limits::default()
    });
    let padded = format!("{}{}", take_one(), " ".repeat(2_000));
    let parts: [Part<'_>; 3] = [
        ("operations", None, padded.as_bytes()),
        ("map", None, br#"{"0":["variables.file"]}"#),
        ("0", WAV, b"a"),
    ];
    assert_eq!(upload(&app, &parts).await.status, 413);
}

#[tokio::test]
async fn bodies_that_the_specification_does_not_foresee_are_400() {
    let one = take_one();
    let operations: Part<'_> = ("operations", None, one.as_bytes());
    let map: Part<'_> = ("map", None, br#"{"0":["variables.file"]}"#);
    let batch = format!("[{one}]");
    let cases: [&[Part<'_>]; 9] = [
        &[],
        &[operations],
        &[map, operations],
        &[operations, ("map", None, b"[]"), ("0", WAV, b"a")],
        &[operations, map],
        &[operations, map, ("1", WAV, b"a")],
        &[
            operations,
            ("map", None, br#"{"0":["variables.other"]}"#),
            ("0", WAV, b"a"),
        ],
        &[
            operations,
            ("map", None, br#"{"0":["variables.file","variables.file"]}"#),
            ("0", WAV, b"a"),
        ],
        &[("operations", None, batch.as_bytes()), map, ("0", WAV, b"a")],
    ];
    for (n, parts) in cases.into_iter().enumerate() {
        let answer = upload(&app(), parts).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "BAD_REQUEST"),
            "case {n}"
        );
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let one = take_one();
    let whole = body(&[
        ("operations", None, one.as_bytes()),
        ("map", None, br#"{"0":["variables.file"]}"#),
        ("0", WAV, b"content"),
    ]);
    let headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("graphql-preflight", "1"),
    ];
    for length in [whole.len() / 2, whole.len() - 10] {
        assert_eq!(
            posted(&app(), &headers, whole[..length].to_vec()).await.status,
            400
        );
    }
    let no_boundary = [
        ("content-type", "multipart/form-data"),
        ("graphql-preflight", "1"),
    ];
    assert_eq!(posted(&app(), &no_boundary, whole).await.status, 400);
}

#[tokio::test]
async fn a_refused_client_uploads_nothing() {
    let headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("graphql-preflight", "1"),
        ("authorization", "Bearer revoked"),
    ];
    assert_eq!(posted(&app(), &headers, "not even multipart").await.status, 401);
}
