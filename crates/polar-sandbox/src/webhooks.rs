//! Telling others of changes, as Standard Webhooks has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac as _};
use rand::seq::SliceRandom as _;
use reqwest::{Client, header, redirect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};

use crate::{
    state::{Shared, State},
    things::Time,
    wire::at,
};

/// How often one is tried.
const ATTEMPTS: u32 = 10;
/// How long to wait after the first attempt; twice as long after each further one, up to the last of these.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long those are held back that go out in another order.
const HELD_BACK: Duration = Duration::from_millis(150);

/// What became of webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// Still to be sent, or being sent.
    pub pending: u64,
    /// Taken by the receiver.
    pub delivered: u64,
    /// Given up.
    pub failed: u64,
    /// Never sent, because of a fault that was asked for.
    pub dropped: u64,
}

/// One webhook, and how it is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub epoch: u64,
    pub id: String,
    pub kind: String,
    pub timestamp: Time,
    pub data: Value,
    pub duplicate: bool,
    pub reorder: bool,
    pub delay_ms: u64,
}

/// The signature of a webhook: its key is the secret as it stands, not what it may be Base64 of.
pub(crate) fn signature(secret: &str, id: &str, timestamp: u64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    Some(format!("v1,{signature}"))
}

/// The client that sends them.
pub(crate) fn client() -> reqwest::Result<Client> {
    // TLS has one provider in a process; whoever was first chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent("Polar-Sandbox/1")
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Sends what is queued, for as long as it is let.
pub(crate) async fn deliver(shared: Shared, client: Client, mut queue: UnboundedReceiver<Message>) {
    while let Some(first) = queue.recv().await {
        let reorder = first.reorder;
        let mut batch = vec![first];
        if reorder {
            sleep(HELD_BACK).await;
            while let Ok(next) = queue.try_recv() {
                batch.push(next);
            }
        }
        let twice = |message: Message| {
            let copies = if message.duplicate { 2 } else { 1 };
            std::iter::repeat_n(message, copies)
        };
        let mut batch: Vec<Message> = batch.into_iter().flat_map(twice).collect();
        if reorder {
            mix(&mut shared.lock(), &mut batch);
        }
        for message in batch {
            sleep(Duration::from_millis(message.delay_ms)).await;
            let taken = send(&shared, &client, &message).await;
            let mut state = shared.lock();
            if state.epoch == message.epoch {
                let deliveries = &mut state.kept.deliveries;
                deliveries.pending = deliveries.pending.saturating_sub(1);
                let count = if taken {
                    &mut deliveries.delivered
                } else {
                    &mut deliveries.failed
                };
                *count += 1;
            }
        }
    }
}

/// Brings messages into another order than they have.
fn mix(state: &mut State, batch: &mut [Message]) {
    let ids = |batch: &[Message]| -> Vec<String> { batch.iter().map(|message| message.id.clone()).collect() };
    let before = ids(batch);
    batch.shuffle(&mut state.kept.dice);
    if ids(batch) == before {
        batch.reverse();
    }
}

/// Sends one until the receiver takes it; whether it did.
async fn send(shared: &Shared, client: &Client, message: &Message) -> bool {
    let body = json!({ "type": message.kind, "timestamp": at(message.timestamp), "data": message.data });
    let body = body.to_string();
    let mut wait = FIRST_WAIT;
    for attempt in 1..=ATTEMPTS {
        let receiver = {
            let state = shared.lock();
            if state.epoch == message.epoch {
                state.webhook.clone()
            } else {
                None
            }
        };
        let Some(receiver) = receiver else {
            return false;
        };
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let Some(signature) = signature(&receiver.secret, &message.id, seconds, &body) else {
            return false;
        };
        let request = client
            .post(&receiver.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(body.clone());
        if let Ok(Ok(response)) = timeout(PATIENCE, request.send()).await
            && response.status().is_success()
        {
            return true;
        }
        if attempt < ATTEMPTS {
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
    false
}
