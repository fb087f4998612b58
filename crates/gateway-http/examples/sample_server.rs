//! Serves the sample schema of the tests, with its playground, to try either by hand: `cargo run --example sample_server`.

#[path = "../tests/it/sample.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod sample;

use axum::Router;
use resonance_gateway_http::{GraphQlHttp, Playground};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let graphql = GraphQlHttp::builder(sample::schema())
        .request_data(sample::Callers)
        .build();
    let playground = Playground::new("/graphql")
        .title("Sample")
        .query("{ greeting(name: \"Ada\") caller }");
    let app = Router::new()
        .route("/graphql", graphql.route())
        .merge(playground.routes("/"));
    axum::serve(TcpListener::bind(address).await?, app).await
}
