//! `POST /v1/audio/speech`.

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{
    StreamExt as _, TryStreamExt as _, future,
    stream::{self, BoxStream},
};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use resonance_domain::InOrg;
use resonance_services::{Hearing, Idempotency, Outcome, ServiceError, Speech};
use serde_json::json;

use super::{
    IDEMPOTENCY_HEADER, REPLAYED,
    body::{Asked, Shape},
    models,
    problem::Problem,
};
use crate::identify::Identify;

/// The head of a WAV file of ours, which bare samples come without.
const WAV_HEAD: usize = 44;

const GENERATION: HeaderName = HeaderName::from_static("x-resonance-generation");
const IGNORED: HeaderName = HeaderName::from_static("x-resonance-ignored");

pub(super) async fn create(
    State(identify): State<Identify>,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Problem> {
    let request = super::request(&identify, &parts).await?;
    let mut asked = Asked::parse(&body)?;
    asked.create.idempotency = idempotency(&parts.headers, &asked.canonical)?;
    let generations = request.generations();
    let before = generations.speak_again(&asked.create).await;
    let speech = match before.map_err(Problem::of)? {
        Some(speech) => speech,
        None => {
            let engine = models::engine(&request, &asked.model)?;
            let speech = generations.speak(asked.create, engine).await;
            speech.map_err(Problem::of)?
        }
    };
    let waiting = speech.is_waiting();
    let Speech {
        generation,
        ignored,
        hearing,
        replayed,
    } = speech;
    let Some(hearing) = hearing else {
        let problem = match &generation.failure {
            _ if waiting => Problem::not_yet(),
            Some(failure) => Problem::of_failure(failure),
            None => Problem::invalid("input", "cancelled", "somebody stopped the generation"),
        };
        return Err(problem.replayed(replayed));
    };
    let (length, bytes) = bytes(hearing).await.map_err(Problem::of)?;
    let (length, bytes) = if asked.bare {
        (
            length.map(|length| length.saturating_sub(WAV_HEAD as u64)),
            without_head(bytes),
        )
    } else {
        (length, bytes)
    };
    let mut headers = HeaderMap::new();
    let id = InOrg::new(generation.organization, generation.id).global_id();
    insert(&mut headers, GENERATION, &id);
    if !ignored.is_empty() {
        let names: Vec<_> = ignored.iter().map(|kind| kind.as_str()).collect();
        insert(&mut headers, IGNORED, &names.join(", "));
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would make the listener wait.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let body = match asked.shape {
        Shape::Audio => {
            let content_type = if asked.bare {
                "audio/pcm"
            } else {
                generation.format.content_type()
            };
            insert(&mut headers, header::CONTENT_TYPE, content_type);
            if let Some(length) = length {
                headers.insert(header::CONTENT_LENGTH, length.into());
            }
            Body::from_stream(bytes)
        }
        Shape::Events => {
            insert(&mut headers, header::CONTENT_TYPE, "text/event-stream");
            Body::from_stream(events(bytes, generation.characters))
        }
    };
    Ok((headers, body).into_response())
}

/// What marks the request, if anything does.
fn idempotency(headers: &HeaderMap, canonical: &str) -> Result<Option<Idempotency>, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_HEADER).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.next().is_some() {
        let message = "must be there once";
        return Err(Problem::invalid(
            IDEMPOTENCY_HEADER,
            "invalid_idempotency_key",
            message,
        ));
    }
    let idempotency = Idempotency::new(key.as_bytes(), canonical);
    idempotency
        .map(Some)
        .map_err(|error| Problem::of_idempotency(&error))
}

type Audio = BoxStream<'static, Outcome<Bytes>>;

/// The bytes, and how many they are if that is known.
async fn bytes(hearing: Hearing) -> Outcome<(Option<u64>, Audio)> {
    Ok(match hearing {
        Hearing::File(delivery) => {
            let bytes = delivery.read(None).await?;
            (Some(delivery.size), bytes.map_err(ServiceError::from).boxed())
        }
        Hearing::Live(live) => (None, live.bytes),
    })
}

/// The samples alone.
fn without_head(bytes: Audio) -> Audio {
    let mut left = WAV_HEAD;
    bytes
        .map_ok(move |mut bytes| {
            let head = bytes.split_to(left.min(bytes.len()));
            left -= head.len();
            bytes
        })
        .try_filter(|bytes| future::ready(!bytes.is_empty()))
        .boxed()
}

/// The bytes as events, and one that ends them. What is metered is characters, which stand for tokens here.
fn events(bytes: Audio, characters: u64) -> impl futures_util::Stream<Item = Outcome<Bytes>> {
    let done = json!({
        "type": "speech.audio.done",
        "usage": { "input_tokens": characters, "output_tokens": 0, "total_tokens": characters },
    });
    let deltas = bytes.map_ok(|bytes| {
        let delta = json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(&bytes) });
        Bytes::from(format!("data: {delta}\n\n"))
    });
    deltas.chain(stream::iter([Ok(Bytes::from(format!("data: {done}\n\n")))]))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Every value here is ours and printable.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
