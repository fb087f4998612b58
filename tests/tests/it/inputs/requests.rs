//! Requests that are out of all proportion, or none.

use std::time::{Duration, Instant};

use reqwest::Method;
use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::Client;

use super::desk::Desk;

/// Posts a body; the status and the code of the first error.
async fn post(client: &Client, content_type: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let request = client
        .request(Method::POST, "/graphql")
        .header("accept", "application/graphql-response+json")
        .header("content-type", content_type)
        .body(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let json: Value = response.json().await.unwrap();
    let code = json["errors"][0]["extensions"]["code"].as_str();
    (status, code.unwrap_or_default().to_owned())
}

/// Asks a query that is too much; it must be refused, and quickly.
async fn ask(client: &Client, query: &str) -> (u16, String) {
    let begun = Instant::now();
    let answer = client.answer(query, json!({})).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    (answer.status, answer.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_ask_for_too_much_are_refused_at_once() {
    let desk = Desk::new(Backend::Sqlite).await;
    let client = &desk.admin.client;
    let deep = format!("{}{}", "{ viewer ".repeat(10_000), "}".repeat(10_000));
    let nested = format!(
        "{{ viewer {{ id(a: {}1{}) }} }}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let aliases: String = (0..10_000).map(|n| format!("a{n}: viewer {{ id }} ")).collect();
    let directives = format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(10_000));
    let fragments = "{ viewer { ...A } } fragment A on Viewer { ...B ...B } fragment B on Viewer { ...A }";
    // Each fragment takes the next one twice: 2^40 fields.
    let mut doubling = "{ viewer { ...F0 } } ".to_owned();
    for n in 0..40 {
        doubling += &format!("fragment F{n} on Viewer {{ a: id ...F{0} ...F{0} }} ", n + 1);
    }
    doubling += "fragment F40 on Viewer { id }";
    let complex = "{ viewer { organizations(first: 100) { nodes { members(first: 100) { nodes { id user { id name email }
        } } generations(first: 100) { nodes { id text author { id } } } } } } }";
    for (what, query) in [
        ("a query 10,000 deep", deep.as_str()),
        ("a value 10,000 deep", &nested),
        ("10,000 aliases", &format!("{{ {aliases} }}")),
        ("10,000 directives", &directives),
        ("fragments in a circle", fragments),
        ("fragments that double", &doubling),
        ("a hundred times a hundred", complex),
        ("no field", "{ viewer { nonsense } }"),
        ("no query", "hello"),
        ("nothing", ""),
    ] {
        let (status, code) = ask(client, query).await;
        assert!(
            (400..500).contains(&status) && !code.is_empty(),
            "{what}: {status} {code}"
        );
    }
    // It is as alive as before.
    client.data("{ viewer { id } }", json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_none_are_refused_with_a_code() {
    let desk = Desk::new(Backend::Sqlite).await;
    let client = &desk.admin.client;
    let json_type = "application/json";
    let query = json!({ "query": "{ viewer { id } }" }).to_string();
    let cases: [(&str, &str, Vec<u8>, u16); 8] = [
        ("no JSON", json_type, b"{".to_vec(), 400),
        ("not text", json_type, vec![0xff; 100], 400),
        ("an array", json_type, b"[]".to_vec(), 400),
        ("no query", json_type, b"{}".to_vec(), 400),
        ("a number for a query", json_type, b"{\"query\":5}".to_vec(), 400),
        (
            "variables that are none",
            json_type,
            b"{\"query\":\"{ viewer { id } }\",\"variables\":[]}".to_vec(),
            400,
        ),
        ("another type", "text/plain", query.clone().into_bytes(), 415),
        (
            "a form without parts",
            "multipart/form-data; boundary=x",
            b"--x--".to_vec(),
            400,
        ),
    ];
    for (what, content_type, body, expected) in cases {
        let (status, code) = post(client, content_type, body).await;
        assert!(status == expected && !code.is_empty(), "{what}: {status} {code}");
    }
    // JSON that is nested so deep that a reader that recurses would fall over.
    let nested = format!(
        "{{\"query\":\"{{ viewer {{ id }} }}\",\"variables\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let (status, code) = post(client, json_type, nested).await;
    assert!(status == 400 && !code.is_empty(), "{status} {code}");
    // What changes something is not asked for by GET.
    let path = "/graphql?query=mutation%7BsignOut%7BendedSessionId%7D%7D";
    assert_eq!(client.fetch(path).await.status, 405);
    client.data("{ viewer { id } }", json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_are_not_read() {
    const SIZE: usize = 50 << 20;
    let desk = Desk::new(Backend::Sqlite).await;
    let client = &desk.admin.client;
    // A server that stops reading may close the connection on whoever goes on sending; a client that sees the
    // answer sees this one.
    let send = async |request: reqwest::RequestBuilder| match request.send().await {
        Ok(response) => Some(response.status().as_u16()),
        Err(error) => {
            assert!(error.is_request() || error.is_body(), "{error:?}");
            None
        }
    };
    let json = client
        .request(Method::POST, "/graphql")
        .header("content-type", "application/json")
        .body(vec![b' '; SIZE]);
    assert!(matches!(send(json).await, None | Some(413)));
    let query = desk.mutation("createVoice");
    let variables = json!({ "input": { "name": "A", "sample": null, "consent": { "attested": true, "statement": "A" } } });
    let before = desk.server.rows("voices", "TRUE").await;
    let form = reqwest::multipart::Form::new()
        .text(
            "operations",
            json!({ "query": query, "variables": variables }).to_string(),
        )
        .text("map", "{\"0\":[\"variables.input.sample\"]}")
        .part(
            "0",
            reqwest::multipart::Part::bytes(vec![0; SIZE]).file_name("file"),
        );
    let upload = client
        .request(Method::POST, "/graphql")
        .header("graphql-preflight", "1")
        .multipart(form);
    assert!(matches!(send(upload).await, None | Some(413)));
    assert_eq!(desk.server.rows("voices", "TRUE").await, before);
    assert_eq!(desk.server.count("jobs WHERE queue <> 'bill'").await, 0);
    client.data("{ viewer { id } }", json!({})).await;
}
