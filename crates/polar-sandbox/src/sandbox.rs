//! Starting and steering a sandbox.

use std::{collections::BTreeMap, io, net::SocketAddr};

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Change, Completed, Deliveries, Faults, Options, Refusal, Status, Usage, Webhook, checkouts, control,
    customers, events, limits, orders, pages, products, sessions,
    state::{Shared, State},
    subscriptions, webhooks,
};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// A running sandbox. It stops when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    shared: Shared,
    address: SocketAddr,
    base_url: String,
    serving: JoinHandle<()>,
    delivering: JoinHandle<()>,
    /// Dropping it lets the server stop.
    _stop: oneshot::Sender<()>,
}

fn router(shared: Shared) -> Router {
    let calls = Router::new()
        .route("/v1/customers/", post(customers::create).get(customers::list))
        .route(
            "/v1/customers/external/{external_id}",
            get(customers::get).delete(customers::delete),
        )
        .route(
            "/v1/customers/external/{external_id}/state",
            get(customers::get_state),
        )
        .route("/v1/events/", get(events::list))
        .route("/v1/events/ingest", post(events::ingest))
        .route("/v1/checkouts/", post(checkouts::create))
        .route("/v1/checkouts/{id}", get(checkouts::get))
        .route("/v1/customer-sessions/", post(sessions::create))
        .route("/v1/subscriptions/", get(subscriptions::list))
        .route(
            "/v1/subscriptions/{id}",
            get(subscriptions::get)
                .patch(subscriptions::update)
                .delete(subscriptions::revoke),
        )
        .route("/v1/orders/", get(orders::list))
        .route(
            "/v1/orders/{id}/invoice",
            get(orders::invoice).post(orders::make_invoice),
        )
        .route("/v1/products/", get(products::list))
        .route("/v1/products/{id}", get(products::get))
        .layer(from_fn_with_state(shared.clone(), limits::gate));
    Router::new()
        .merge(calls)
        .merge(control::routes())
        .merge(pages::routes())
        .fallback(async || (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not Found" }))))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

impl Sandbox {
    /// Starts one.
    ///
    /// # Errors
    /// If the address cannot be listened to, or the client for webhooks cannot be made.
    pub async fn start(options: Options) -> io::Result<Self> {
        let client = webhooks::client().map_err(io::Error::other)?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let base_url = options.public_url.as_deref().map_or_else(
            || format!("http://{address}"),
            |url| url.trim_end_matches('/').to_owned(),
        );
        let (queue, queued) = mpsc::unbounded_channel();
        let shared = Shared::new(State::new(options, base_url.clone(), queue));
        let delivering = tokio::spawn(webhooks::deliver(shared.clone(), client, queued));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, router(shared.clone())).with_graceful_shutdown(async {
            // An error says that the sender is gone, which is what is waited for.
            let _ = stopped.await;
        });
        let serving = tokio::spawn(async {
            // It never fails: whatever goes wrong with a connection ends that connection.
            let _ = server.await;
        });
        Ok(Self {
            shared,
            address,
            base_url,
            serving,
            delivering,
            _stop: stop,
        })
    }

    /// What addresses begin with, without a slash at the end: `http://127.0.0.1:8090`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it stops, which it does only if it breaks.
    pub async fn run(mut self) {
        let _ = (&mut self.serving).await;
    }

    /// Does this wrong from now on, and nothing else.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.lock().set_faults(faults);
    }

    /// Sends webhooks there from now on, also those that wait.
    pub fn set_webhook(&self, webhook: Webhook) {
        self.shared.lock().webhook = Some(webhook);
    }

    /// What became of webhooks.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.shared.lock().kept.deliveries
    }

    /// What was used, by customer and name of the events.
    #[must_use]
    pub fn usage(&self) -> Vec<Usage> {
        self.shared.lock().usage()
    }

    /// How many calls there were, by method and template of the path: `GET /v1/subscriptions/{id}`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.lock().kept.requests.clone()
    }

    /// Pays at a checkout, which is meant by its id or its client's secret.
    ///
    /// # Errors
    /// If there is no such checkout, or it is not open any more.
    pub fn complete_checkout(&self, checkout: &str) -> Result<Completed, Refusal> {
        self.shared.lock().complete(checkout, None)
    }

    /// Forces a state upon a subscription; the subscription, as the wire has it.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn set_subscription(&self, subscription: &str, change: Change) -> Result<Value, Refusal> {
        self.shared.lock().force(subscription, &change)
    }

    /// Begins a subscription without a checkout, of a customer that is made if there is none; the subscription, as the
    /// wire has it.
    ///
    /// # Errors
    /// If there is no such product.
    pub fn create_subscription(
        &self,
        external_customer_id: &str,
        product: &str,
        status: Status,
    ) -> Result<Value, Refusal> {
        self.shared
            .lock()
            .create_subscription(external_customer_id, product, status)
    }

    /// Brings a subscription to the end of its period: the next one is paid, or it ends, if it was canceled. The
    /// subscription, as the wire has it.
    ///
    /// # Errors
    /// If there is no such subscription, or it has ended.
    pub fn renew(&self, subscription: &str) -> Result<Value, Refusal> {
        self.shared.lock().renew(subscription)
    }

    /// Forgets everything but the products and where webhooks go. Webhooks that wait are not sent.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.delivering.abort();
    }
}
