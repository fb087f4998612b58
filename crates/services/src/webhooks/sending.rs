//! Sending deliveries.
//!
//! One loop on every node claims what is due in batches, under a lease, and hands it to tasks that send; another stores
//! what came of it, again in batches. No transaction is open while a receiver is waited for. Receivers share a node
//! fairly: each has a number of connections of its own, and one that only fails has very few, so that many that hang
//! leave room for those that answer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::SendWebhooks};
use resonance_domain::{
    DeliveryError, EventKind, InOrg, WEBHOOK_FAILING_LIMIT, WEBHOOK_LOG_RETENTION, WebhookDisabled,
    WebhookEndpoint, WebhookEndpointId, webhook_wait,
};
use resonance_persistence::{ClaimedDelivery, EndpointHealth, Repositories, Tried, UnitOfWork};
use resonance_webhooks::{Answer, SendError};
use serde_json::json;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{Outcome, Services, changes::Changes, core::Core};

/// How often to look without having been woken: for what is due by time, and for what other nodes have stored.
const PATIENCE: Duration = Duration::from_secs(1);
/// Requests of this node at a time.
const REQUESTS: usize = 512;
/// Requests of this node to one endpoint at a time, and to one that has only failed lately.
const REQUESTS_TO_ONE: usize = 32;
const REQUESTS_TO_FAILING: usize = 2;
/// Deliveries to one endpoint that a node claims ahead of sending them. Four rounds of requests that time out (15 s each)
/// are over before the lease is.
const CLAIMED_OF_ONE: usize = 128;
/// How many times as long as a job's lease a claimed delivery is the node's: two minutes, unless the operator says
/// otherwise. It is not extended, but a request begins only while one job's lease is left, which is longer than the
/// request can take.
const LEASES: i32 = 4;
/// Endpoints that one claim serves.
const ENDPOINTS: u32 = 64;
/// Results that one transaction stores.
const BATCH: usize = 200;
/// Rows that housekeeping moves at a time.
const TENDED: u32 = 1000;
/// How long open requests may take to finish once the node stops.
const GRACE: Duration = Duration::from_secs(10);

const GRANT: SystemGrant<SendWebhooks> = SystemGrant::for_job();

/// A try and what is known of its endpoint.
struct Result {
    delivery: ClaimedDelivery,
    endpoint: Option<Arc<WebhookEndpoint>>,
    tried: Tried,
}

/// What a node is sending.
struct Sender {
    services: Services,
    owner: Uuid,
    lanes: Mutex<HashMap<WebhookEndpointId, Lane>>,
    requests: Semaphore,
    freed: Notify,
    results: mpsc::UnboundedSender<Result>,
}

/// What a node is sending to one endpoint.
struct Lane {
    claimed: usize,
    width: usize,
    turns: Arc<Semaphore>,
}

/// Sends until `stop`; then lets open requests finish for a while and hands the rest back.
pub(crate) async fn run(services: &Services, stop: &CancellationToken) {
    let core = services.core();
    let (results, stored) = mpsc::unbounded_channel();
    let sender = Arc::new(Sender::new(services.clone(), results));
    let storing = tokio::spawn(store_all(services.clone(), stored));
    let tasks = TaskTracker::new();
    let mut tended: Option<Instant> = None;
    let mut after = None;
    while !stop.is_cancelled() {
        let round = async {
            if tended.is_none_or(|at| at.elapsed() >= PATIENCE) {
                tended = Some(Instant::now());
                tend(core).await?;
            }
            sender.claim(&mut after, &tasks).await
        };
        let more = round.await.unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "claiming webhook deliveries failed"
            );
            false
        });
        tokio::select! {
            () = stop.cancelled() => {}
            // What was left waiting can go on as soon as there is room.
            () = sender.freed.notified(), if more => {}
            () = core.database.live().webhooks_to_send() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
    tasks.close();
    let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
    let owner = sender.owner;
    drop(sender);
    // Tasks that are still open hold the channel: what they find out after this is not stored, and so is sent again.
    let _ = tokio::time::timeout(GRACE / 10, storing).await;
    let back = core
        .database
        .atomically(async |uow| uow.webhook_sending().hand_back(&GRANT, owner).await);
    if let Err(error) = back.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "handing webhook deliveries back failed; their leases will run out"
        );
    }
}

/// Sends what is due now, with everything that follows at once, and returns how many tries that were: for tests and for
/// commands that end.
pub(crate) async fn drain(services: &Services) -> Outcome<usize> {
    let core = services.core();
    let mut done = 0;
    tend(core).await?;
    loop {
        let (results, mut stored) = mpsc::unbounded_channel();
        let sender = Arc::new(Sender::new(services.clone(), results));
        let tasks = TaskTracker::new();
        let mut after = None;
        sender.claim(&mut after, &tasks).await?;
        drop(sender);
        let mut batch = Vec::new();
        while stored.recv_many(&mut batch, BATCH).await > 0 {}
        if batch.is_empty() && after.is_none() {
            return Ok(done);
        }
        done += batch.len();
        store(core, batch).await?;
    }
}

/// Makes claimable what is due by time, and what dead nodes have left.
async fn tend(core: &Core) -> Outcome<()> {
    let now = core.clock.now();
    while core.database.webhook_sending().any_to_tend(now).await? {
        let tended = core
            .database
            .atomically(async |uow| uow.webhook_sending().tend(&GRANT, TENDED, now).await);
        // All others are in another node's hands.
        if tended.await? == 0 {
            break;
        }
    }
    Ok(())
}

/// Forgets deliveries that were over long ago, and deleted endpoints.
pub(crate) async fn tidy(core: &Core) -> std::result::Result<(), resonance_persistence::StorageError> {
    let before = core.clock.now() - WEBHOOK_LOG_RETENTION;
    loop {
        let tidied = core
            .database
            .atomically(async |uow| uow.webhook_sending().tidy(&GRANT, before, TENDED).await);
        if tidied.await? == 0 {
            return Ok(());
        }
    }
}

impl Sender {
    fn new(services: Services, results: mpsc::UnboundedSender<Result>) -> Self {
        Self {
            owner: services.core().ids.uuid(),
            services,
            lanes: Mutex::default(),
            requests: Semaphore::new(REQUESTS),
            freed: Notify::new(),
            results,
        }
    }

    fn lanes<T>(&self, f: impl FnOnce(&mut HashMap<WebhookEndpointId, Lane>) -> T) -> T {
        f(&mut self.lanes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Claims what there is room for and begins with it; whether more may be waiting. `after` is the endpoint that was
    /// served last: the next round goes on behind it, so that all get their turn.
    async fn claim(
        self: &Arc<Self>,
        after: &mut Option<WebhookEndpointId>,
        tasks: &TaskTracker,
    ) -> Outcome<bool> {
        let core = self.services.core();
        let due = core
            .database
            .webhook_sending()
            .due_endpoints(*after, ENDPOINTS)
            .await?;
        let began_inside = after.is_some();
        let truncated = due.len() == ENDPOINTS as usize;
        *after = due.last().copied().filter(|_| truncated);
        let room = self.room(&due);
        if room.is_empty() {
            return Ok(!due.is_empty() || began_inside);
        }
        let until = core.clock.now() + core.settings.job_lease * LEASES;
        let claim = core.database.atomically(async |uow| {
            uow.webhook_sending()
                .claim(&GRANT, &room, self.owner, until)
                .await
        });
        let (claimed, endpoints) = claim.await?;
        let endpoints: HashMap<_, _> = endpoints.into_iter().map(|one| (one.id, Arc::new(one))).collect();
        for delivery in claimed {
            let endpoint = endpoints.get(&delivery.endpoint).cloned();
            let turns = self.enter(delivery.endpoint, endpoint.as_deref());
            let sender = Arc::clone(self);
            tasks.spawn(async move { sender.attempt(delivery, endpoint, turns).await });
        }
        Ok(true)
    }

    /// How many deliveries of each of these endpoints may be claimed.
    fn room(&self, due: &[WebhookEndpointId]) -> Vec<(WebhookEndpointId, u32)> {
        self.lanes(|lanes| {
            let free = |id: &WebhookEndpointId| {
                let (width, claimed) = lanes
                    .get(id)
                    .map_or((REQUESTS_TO_ONE, 0), |lane| (lane.width, lane.claimed));
                let most = if width < REQUESTS_TO_ONE {
                    REQUESTS_TO_FAILING
                } else {
                    CLAIMED_OF_ONE
                };
                most.saturating_sub(claimed)
            };
            let room = due
                .iter()
                .map(|id| (*id, u32::try_from(free(id)).unwrap_or(u32::MAX)));
            room.filter(|(_, room)| *room > 0).collect()
        })
    }

    /// Counts a claimed delivery; what it waits for before it is sent.
    fn enter(&self, id: WebhookEndpointId, endpoint: Option<&WebhookEndpoint>) -> Arc<Semaphore> {
        let failing = endpoint.is_some_and(|endpoint| endpoint.failing_since.is_some());
        self.lanes(|lanes| {
            let lane = lanes.entry(id).or_insert_with(|| Lane {
                claimed: 0,
                width: REQUESTS_TO_ONE,
                turns: Arc::new(Semaphore::new(REQUESTS_TO_ONE)),
            });
            lane.claimed += 1;
            lane.width = if failing {
                REQUESTS_TO_FAILING
            } else {
                REQUESTS_TO_ONE
            };
            Arc::clone(&lane.turns)
        })
    }

    fn leave(&self, id: WebhookEndpointId, failed: bool) {
        let worth_claiming = self.lanes(|lanes| {
            let Some(lane) = lanes.get_mut(&id) else {
                return true;
            };
            lane.claimed -= 1;
            lane.width = if failed {
                REQUESTS_TO_FAILING
            } else {
                REQUESTS_TO_ONE
            };
            let claimed = lane.claimed;
            if claimed == 0 {
                lanes.remove(&id);
            }
            // Claiming by the dozen costs a fraction of claiming one by one.
            failed || claimed.is_multiple_of(REQUESTS_TO_ONE)
        });
        if worth_claiming {
            self.freed.notify_one();
        }
    }

    async fn attempt(
        self: Arc<Self>,
        delivery: ClaimedDelivery,
        endpoint: Option<Arc<WebhookEndpoint>>,
        turns: Arc<Semaphore>,
    ) {
        let id = delivery.endpoint;
        let mut failed = false;
        {
            let (Ok(_turn), Ok(_request)) = (turns.acquire().await, self.requests.acquire().await) else {
                return;
            };
            let core = self.services.core();
            // What waited too long for its turn is not ours for long enough any more: its lease runs out.
            if core.clock.now() + core.settings.job_lease < delivery.lease_until {
                let tried = attempt(core, &delivery, endpoint.as_deref()).await;
                failed = tried
                    .error
                    .is_some_and(|error| error != DeliveryError::EndpointDisabled);
                let result = Result {
                    delivery,
                    endpoint,
                    tried,
                };
                // Nobody stores any more when the node stops; the delivery is handed back then.
                let _ = self.results.send(result);
            }
        }
        self.leave(id, failed);
    }
}

/// Sends a delivery once.
async fn attempt(core: &Core, delivery: &ClaimedDelivery, endpoint: Option<&WebhookEndpoint>) -> Tried {
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.enabled) else {
        return Tried {
            status: None,
            error: Some(DeliveryError::EndpointDisabled),
            duration_ms: 0,
            retry_at: None,
        };
    };
    let now = core.clock.now();
    let id = delivery.event.type_id();
    let key = endpoint.id.as_uuid();
    let signatures: Vec<_> = endpoint
        .signing_generations(now)
        .map(|generation| {
            let secret = core.webhook_secrets.derive(key.as_bytes(), generation);
            secret.sign(&id, now, delivery.body.as_bytes())
        })
        .collect();
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", now.timestamp().to_string()),
        ("webhook-signature", signatures.join(" ")),
    ];
    let began = Instant::now();
    let answer = core
        .webhooks
        .post(&endpoint.url, &headers, delivery.body.clone().into(), now)
        .await;
    let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    let error = failure(&answer);
    let retry_after = answer.as_ref().ok().and_then(|answer| answer.retry_after);
    let outcome = error.map_or("succeeded", DeliveryError::as_str);
    metrics::counter!("resonance_webhook_tries_total", "outcome" => outcome).increment(1);
    Tried {
        status: answer.ok().map(|answer| answer.status),
        error,
        duration_ms,
        retry_at: match error {
            None | Some(DeliveryError::Gone) => None,
            Some(_) => {
                webhook_wait(delivery.attempt, jitter(core), retry_after).map(|wait| core.clock.now() + wait)
            }
        },
    }
}

fn failure(answer: &std::result::Result<Answer, SendError>) -> Option<DeliveryError> {
    match answer {
        Ok(Answer {
            status: 200..=299, ..
        }) => None,
        Ok(Answer { status: 410, .. }) => Some(DeliveryError::Gone),
        Ok(Answer {
            status: 300..=399, ..
        }) => Some(DeliveryError::Redirected),
        Ok(_) => Some(DeliveryError::Status),
        Err(SendError::AddressRefused) => Some(DeliveryError::AddressRefused),
        Err(SendError::NameNotResolved) => Some(DeliveryError::NameNotResolved),
        Err(SendError::NotConnected) => Some(DeliveryError::NotConnected),
        Err(SendError::TimedOut) => Some(DeliveryError::TimedOut),
        Err(SendError::Broken) => Some(DeliveryError::Broken),
    }
}

/// A number from 0 to 1 that nobody foresees: the end of an id is random.
fn jitter(core: &Core) -> f64 {
    let [.., high, low] = core.ids.uuid().into_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}

/// Stores results as they come, as many at a time as have come meanwhile.
async fn store_all(services: Services, mut results: mpsc::UnboundedReceiver<Result>) {
    let mut batch = Vec::new();
    while results.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = store(services.core(), std::mem::take(&mut batch)).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "storing what became of webhook deliveries failed; they will be sent again"
            );
        }
    }
}

async fn store(core: &Core, results: Vec<Result>) -> Outcome<()> {
    let now = core.clock.now();
    // In the order of their ids, so that no two nodes wait for each other.
    let mut endpoints: BTreeMap<WebhookEndpointId, (Arc<WebhookEndpoint>, EndpointHealth, bool)> =
        BTreeMap::new();
    for result in &results {
        let Some(endpoint) = result.endpoint.as_ref().filter(|endpoint| endpoint.enabled) else {
            continue;
        };
        let entry = endpoints
            .entry(endpoint.id)
            .or_insert_with(|| (Arc::clone(endpoint), EndpointHealth::Failed, false));
        if result.tried.error.is_none() {
            entry.1 = EndpointHealth::Succeeded;
        }
        entry.2 |= result.tried.error == Some(DeliveryError::Gone);
    }
    let tried: Vec<_> = results
        .into_iter()
        .map(|result| (result.delivery, result.tried))
        .collect();
    core.database
        .atomically(async |uow| {
            uow.webhook_sending().complete(&GRANT, &tried, now).await?;
            for (endpoint, health, gone) in endpoints.values() {
                judge(core, uow, endpoint, *health, *gone, now).await?;
            }
            Ok(())
        })
        .await
}

/// Notes how an endpoint fares, and switches it off if it wants nothing or has failed for too long.
async fn judge(
    core: &Core,
    uow: &UnitOfWork,
    endpoint: &WebhookEndpoint,
    health: EndpointHealth,
    gone: bool,
    now: DateTime<Utc>,
) -> Outcome<()> {
    let known = match health {
        EndpointHealth::Succeeded => endpoint.failing_since.is_none(),
        EndpointHealth::Failed => endpoint.failing_since.is_some(),
    };
    let since = if known {
        endpoint.failing_since
    } else {
        uow.webhook_sending()
            .note_health(&GRANT, endpoint, health, now)
            .await?
    };
    let reason = if gone {
        WebhookDisabled::Gone
    } else if since.is_some_and(|since| now - since >= WEBHOOK_FAILING_LIMIT) {
        WebhookDisabled::Failing
    } else {
        return Ok(());
    };
    if uow
        .webhook_sending()
        .disable(&GRANT, endpoint, reason, now)
        .await?
    {
        let admins = uow
            .webhook_sending()
            .admins(&GRANT, endpoint.organization)
            .await?;
        let admins: Vec<String> = admins.iter().map(|admin| admin.type_id()).collect();
        let payload = Changes::default()
            .field("enabled", true, false)
            .with("reason", reason.as_str())
            .with("failingSince", json!(since))
            .with("admins", admins);
        let subject = InOrg::new(endpoint.organization, endpoint.id).global_id();
        let kind = EventKind::WebhookEndpointDisabled;
        uow.record(core.event(kind, Some(endpoint.organization), subject, payload));
    }
    Ok(())
}
