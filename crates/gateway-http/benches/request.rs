//! What this crate adds to, and saves from, the execution of a request: `cargo bench -p resonance-gateway-http`.

use std::hint::black_box;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SimpleObject};
use axum::{Router, body::Body};
use divan::Bencher;
use http::{Request, header};
use http_body_util::BodyExt;
use resonance_gateway_http::GraphQlHttp;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

fn main() {
    divan::main();
}

/// One organization, one role: as small as real queries get.
const SMALL: &str =
    "query Viewer { viewer { id name email organization { id name slug role { key name } } } }";
/// Fifty members of four fields each.
const LARGE: &str = "query Members($first: Int!) { organization { id name slug members(first: $first) { id name email role { key name } } } }";

#[derive(SimpleObject, Clone)]
struct Role {
    key: String,
    name: String,
}

#[derive(SimpleObject, Clone)]
struct Member {
    id: String,
    name: String,
    email: String,
    role: Role,
}

struct Organization;

fn member(n: usize) -> Member {
    Member {
        id: format!("user_{n:022}"),
        name: format!("Member {n}"),
        email: format!("member-{n}@example.com"),
        role: Role {
            key: "org:member".to_owned(),
            name: "Member".to_owned(),
        },
    }
}

#[Object]
impl Organization {
    async fn id(&self) -> &str {
        "org_0000000000000000000001"
    }
    async fn name(&self) -> &str {
        "An Organization"
    }
    async fn slug(&self) -> &str {
        "an-organization"
    }
    async fn role(&self) -> Role {
        member(0).role
    }
    async fn members(&self, first: usize) -> Vec<Member> {
        (0..first).map(member).collect()
    }
}

struct Viewer;

#[Object]
impl Viewer {
    async fn id(&self) -> &str {
        "user_0000000000000000000001"
    }
    async fn name(&self) -> &str {
        "Somebody"
    }
    async fn email(&self) -> &str {
        "somebody@example.com"
    }
    async fn organization(&self) -> Organization {
        Organization
    }
}

struct Query;

#[Object]
impl Query {
    async fn viewer(&self) -> Viewer {
        Viewer
    }
    async fn organization(&self) -> Organization {
        Organization
    }
}

type Sample = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema() -> Sample {
    Schema::new(Query, EmptyMutation, EmptySubscription)
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap_or_else(|_| std::process::abort())
}

fn request(text: &str) -> String {
    serde_json::json!({ "query": text, "variables": { "first": 50 } }).to_string()
}

/// Without this crate: parse the body and the document, execute, serialise.
#[divan::bench(args = [SMALL, LARGE])]
fn schema_alone(bencher: Bencher<'_, '_>, text: &str) {
    let (schema, runtime, body) = (schema(), runtime(), request(text));
    bencher.bench(|| {
        let request: async_graphql::Request =
            serde_json::from_str(&body).unwrap_or_else(|_| std::process::abort());
        let response = runtime.block_on(schema.execute(request));
        serde_json::to_vec(black_box(&response))
    });
}

/// Through the route, everything included but the socket.
#[divan::bench(args = [SMALL, LARGE])]
fn whole_route(bencher: Bencher<'_, '_>, text: &str) {
    let app: Router = Router::new().route("/graphql", GraphQlHttp::builder(schema()).build().route());
    let (runtime, body) = (runtime(), request(text));
    bencher.bench(|| {
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::ACCEPT,
                "application/graphql-response+json, application/json;q=0.9",
            )
            .body(Body::from(body.clone()))
            .unwrap_or_default();
        let response = app.clone().oneshot(request);
        runtime.block_on(async {
            let response = response.await.unwrap_or_default();
            response
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
        })
    });
}

/// The route and all that surrounds the execution: a document that is refused once it was found in the cache.
#[divan::bench]
fn route_without_execution(bencher: Bencher<'_, '_>) {
    let app: Router = Router::new().route("/graphql", GraphQlHttp::builder(schema()).build().route());
    let (runtime, body) = (runtime(), request("query ($missing: ID!) { viewer { id } }"));
    bencher.bench(|| {
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.clone()))
            .unwrap_or_default();
        let response = app.clone().oneshot(request);
        runtime.block_on(async {
            let response = response.await.unwrap_or_default();
            response
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
        })
    });
}

#[divan::bench(args = [SMALL, LARGE])]
fn parse(text: &str) -> bool {
    async_graphql::parser::parse_query(black_box(text)).is_ok()
}

#[divan::bench(args = [SMALL, LARGE])]
fn clone_parsed(bencher: Bencher<'_, '_>, text: &str) {
    let parsed = async_graphql::parser::parse_query(text).ok();
    bencher.bench(|| black_box(&parsed).clone());
}
