//! What tests and shells steer a sandbox with. It asks for no token.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State as Given},
    http::StatusCode,
    routing::{get, post, put},
};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Change, Completed, Deliveries, Faults, Refusal, Status, Usage, Webhook, refusal::problem, state::Shared,
};

type Answer<T = Value> = Result<Json<T>, Refusal>;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/sandbox/checkouts/{id}/complete", post(complete))
        .route("/sandbox/subscriptions", post(create_subscription))
        .route("/sandbox/subscriptions/{id}", post(set_subscription))
        .route("/sandbox/subscriptions/{id}/renew", post(renew))
        .route("/sandbox/faults", get(faults).put(set_faults))
        .route("/sandbox/webhook", put(set_webhook))
        .route("/sandbox/webhooks", get(deliveries))
        .route("/sandbox/usage", get(usage))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/reset", post(reset))
}

/// Reads JSON, whatever its type is said to be: shells say what they like. Nothing at all is an empty object.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        let place = json!(["body"]);
        Refusal::schema(vec![problem(
            &place,
            "value_error",
            &error.to_string(),
            &Value::Null,
        )])
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    customer_email: Option<String>,
}

async fn complete(Given(shared): Given<Shared>, Path(id): Path<String>, body: Bytes) -> Answer<Completed> {
    let payment: Payment = read(&body)?;
    let completed = shared.lock().complete(&id, payment.customer_email)?;
    Ok(Json(completed))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSubscription {
    external_customer_id: String,
    product_id: String,
    status: Option<Status>,
}

async fn create_subscription(
    Given(shared): Given<Shared>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let new: NewSubscription = read(&body)?;
    let status = new.status.unwrap_or(Status::Active);
    let made = shared
        .lock()
        .create_subscription(&new.external_customer_id, &new.product_id, status)?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn set_subscription(Given(shared): Given<Shared>, Path(id): Path<String>, body: Bytes) -> Answer {
    let change: Change = read(&body)?;
    let answer = shared.lock().force(&id, &change)?;
    Ok(Json(answer))
}

async fn renew(Given(shared): Given<Shared>, Path(id): Path<String>) -> Answer {
    let answer = shared.lock().renew(&id)?;
    Ok(Json(answer))
}

async fn faults(Given(shared): Given<Shared>) -> Json<Faults> {
    Json(shared.lock().kept.faults)
}

async fn set_faults(Given(shared): Given<Shared>, body: Bytes) -> Answer<Faults> {
    let faults: Faults = read(&body)?;
    shared.lock().set_faults(faults);
    Ok(Json(faults))
}

async fn set_webhook(Given(shared): Given<Shared>, body: Bytes) -> Result<StatusCode, Refusal> {
    let webhook: Webhook = read(&body)?;
    shared.lock().webhook = Some(webhook);
    Ok(StatusCode::NO_CONTENT)
}

async fn deliveries(Given(shared): Given<Shared>) -> Json<Deliveries> {
    Json(shared.lock().kept.deliveries)
}

async fn usage(Given(shared): Given<Shared>) -> Json<Vec<Usage>> {
    Json(shared.lock().usage())
}

async fn requests(Given(shared): Given<Shared>) -> Json<BTreeMap<String, u64>> {
    Json(shared.lock().kept.requests.clone())
}

async fn reset(Given(shared): Given<Shared>) -> StatusCode {
    shared.lock().reset();
    StatusCode::NO_CONTENT
}
