//! Voices, in the list that speech servers of this kind offer.

use axum::{
    Json,
    extract::{Request as HttpRequest, State},
};
use resonance_domain::{Voice, VoiceScope};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::identify::Identify;

/// `GET /v1/audio/voices`: every voice that the caller may speak with.
pub(super) async fn list(
    State(identify): State<Identify>,
    http: HttpRequest,
) -> Result<Json<Value>, Problem> {
    let request = super::request(&identify, &http.into_parts().0).await?;
    let voices = request.voices().for_speaking().await.map_err(Problem::of)?;
    let voices: Vec<_> = voices.iter().map(voice).collect();
    Ok(Json(json!({ "object": "list", "voices": voices })))
}

fn voice(voice: &Voice) -> Value {
    let (name, description, language, category) = match voice {
        Voice::System(own) => (&own.name, &own.description, &own.language, own.category),
        Voice::Custom(own) => (&own.name, &own.description, &own.language, own.category),
    };
    let scope = match voice.address().scope() {
        VoiceScope::System => "system",
        VoiceScope::Custom => "custom",
    };
    json!({
        "id": voice.address().global_id(),
        "object": "voice",
        "name": name,
        "description": description,
        "language": language.as_str(),
        "category": category.as_str(),
        "scope": scope,
        "model": voice.engine().0,
    })
}
