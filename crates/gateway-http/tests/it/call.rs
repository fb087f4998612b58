//! Asking the route, in this process or over a socket.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use resonance_gateway_http::{Csrf, GraphQlHttp, Limits};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::sample::{self, Callers};

/// The sample schema at `/graphql`, with limits that tests can reach.
pub(crate) fn app() -> Router {
    app_within(Limits::default())
}

pub(crate) fn app_within(limits: Limits) -> Router {
    let graphql = GraphQlHttp::builder(sample::schema())
        .once_validated(sample::trusting())
        .request_data(Callers)
        .csrf(
            Csrf::default()
                .session_cookie("session")
                .allow_origin("https://app.example"),
        )
        .incident_ids(|| "incident-1".to_owned())
        .limits(limits)
        .build();
    Router::new().route("/graphql", graphql.route())
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn data(&self) -> Value {
        let mut json = self.json();
        assert_eq!(json.get("errors"), None, "{json}");
        json["data"].take()
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        json["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code: {json}"))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// Posts parameters; accepts `application/graphql-response+json`, whose status tells most.
pub(crate) async fn ask(app: &Router, params: Value) -> Answer {
    let request = Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/graphql-response+json");
    send(app, request.body(Body::from(params.to_string())).unwrap()).await
}

/// Posts a document alone.
pub(crate) async fn query(app: &Router, text: &str) -> Answer {
    ask(app, json!({ "query": text })).await
}

/// Any request without a body.
pub(crate) async fn bare(app: &Router, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

/// A request with a body.
pub(crate) async fn posted(app: &Router, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/graphql");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(body.into()).unwrap()).await
}

/// Percent-encodes a query parameter's value.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Serves on a free port of this machine, until the test ends.
pub(crate) async fn listen(app: Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}
