//! Engines, as models.

use axum::{
    Json,
    extract::{Path, Request as HttpRequest, State},
};
use resonance_services::Request;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::identify::Identify;

/// The names of OpenAI's own models: clients send them whoever they talk to, so here they mean whatever engine the voice
/// has.
const ANY: [&str; 4] = [
    "tts-1",
    "tts-1-hd",
    "gpt-4o-mini-tts",
    "gpt-4o-mini-tts-2025-12-15",
];

/// The engine that a model stands for; `None` for the voice's own.
pub(super) fn engine<'a>(request: &Request, model: &'a str) -> Result<Option<&'a str>, Problem> {
    if ANY.contains(&model) {
        return Ok(None);
    }
    match request.engine_capabilities(model) {
        Some(_) => Ok(Some(model)),
        None => Err(Problem::no_model(model)),
    }
}

/// `GET /v1/models`: the engines of this node.
pub(super) async fn list(
    State(identify): State<Identify>,
    http: HttpRequest,
) -> Result<Json<Value>, Problem> {
    let request = super::request(&identify, &http.into_parts().0).await?;
    let engines = request.services().engines();
    let models: Vec<_> = engines.into_iter().map(|engine| model(&engine.name)).collect();
    Ok(Json(json!({ "object": "list", "data": models })))
}

/// `GET /v1/models/{model}`.
pub(super) async fn get(
    State(identify): State<Identify>,
    Path(name): Path<String>,
    http: HttpRequest,
) -> Result<Json<Value>, Problem> {
    let request = super::request(&identify, &http.into_parts().0).await?;
    match request.engine_capabilities(&name) {
        Some(_) => Ok(Json(model(&name))),
        None => Err(Problem::no_model(&name)),
    }
}

fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "resonance" })
}
