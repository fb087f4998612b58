//! Is it alive, is it ready, how is it doing.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use resonance_services::Services;
use serde_json::json;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// The process can do its work: database and object store answer. 503 otherwise, so that a balancer looks elsewhere.
/// Engines and the depths of queues are told and decide nothing: jobs wait for those that are not available, and every other use goes on.
pub(crate) async fn ready(services: Services) -> Response {
    let (checks, depths) = tokio::join!(services.check(), services.queue_depths());
    let ready = checks.iter().all(|check| check.healthy);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let parts: serde_json::Map<_, _> = checks
        .into_iter()
        .map(|check| {
            (
                check.name.to_owned(),
                json!(if check.healthy { "ok" } else { "unavailable" }),
            )
        })
        .collect();
    let engines: serde_json::Map<_, _> = services
        .engines()
        .into_iter()
        .map(|engine| {
            let available = engine.status.available;
            (engine.name, json!(if available { "ok" } else { "unavailable" }))
        })
        .collect();
    let queues: Option<serde_json::Map<_, _>> = depths.map(|depths| {
        let depths = depths.into_iter();
        depths
            .map(|(queue, depth)| (queue.to_owned(), json!(depth)))
            .collect()
    });
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (
        status,
        headers,
        json!({ "ready": ready, "checks": parts, "engines": engines, "queues": queues }).to_string(),
    )
        .into_response()
}
