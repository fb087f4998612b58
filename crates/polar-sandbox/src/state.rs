//! Everything that a sandbox knows, behind one lock.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use chrono::{DateTime, Months, SubsecRound as _, TimeDelta};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    Deliveries, Faults, Product, Webhook,
    refusal::Refusal,
    things::{Checkout, Customer, Event, Order, Session, Subscription, Time},
    webhooks::Message,
};

/// What every handler is handed.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// The state, for as short a time as possible.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that a sandbox knows.
#[derive(Debug)]
pub(crate) struct State {
    pub token: String,
    pub base_url: String,
    pub organization_id: String,
    pub started_at: Time,
    pub products: Vec<Product>,
    pub webhook: Option<Webhook>,
    pub requests_per_minute: Option<u32>,
    queue: UnboundedSender<Message>,
    last: Time,
    /// Counts the times that everything was forgotten. What was to be sent before is not sent any more.
    pub epoch: u64,
    pub kept: Kept,
}

/// What is forgotten when a sandbox is reset.
#[derive(Debug)]
pub(crate) struct Kept {
    pub customers: Vec<Customer>,
    pub subscriptions: Vec<Subscription>,
    pub orders: Vec<Order>,
    pub checkouts: Vec<Checkout>,
    pub sessions: Vec<Session>,
    pub events: Vec<Event>,
    pub event_ids: HashSet<String>,
    pub faults: Faults,
    pub dice: StdRng,
    pub requests: BTreeMap<String, u64>,
    pub recent: VecDeque<Instant>,
    pub deliveries: Deliveries,
}

impl Kept {
    fn nothing() -> Self {
        Self {
            customers: Vec::new(),
            subscriptions: Vec::new(),
            orders: Vec::new(),
            checkouts: Vec::new(),
            sessions: Vec::new(),
            events: Vec::new(),
            event_ids: HashSet::new(),
            faults: Faults::default(),
            dice: StdRng::seed_from_u64(0),
            requests: BTreeMap::new(),
            recent: VecDeque::new(),
            deliveries: Deliveries::default(),
        }
    }
}

/// The time of the machine, as exactly as Polar tells it.
pub(crate) fn clock() -> Time {
    DateTime::from(SystemTime::now()).trunc_subsecs(6)
}

/// A new id.
pub(crate) fn new_id() -> String {
    uuid::Builder::from_random_bytes(rand::random())
        .into_uuid()
        .to_string()
}

/// A new secret with Polar's beginning.
pub(crate) fn new_secret(beginning: &str) -> String {
    format!("{beginning}{:032x}", rand::random::<u128>())
}

/// A month later.
pub(crate) fn next_month(time: Time) -> Time {
    time.checked_add_months(Months::new(1))
        .unwrap_or_else(|| time + TimeDelta::days(30))
}

impl State {
    pub(crate) fn new(options: crate::Options, base_url: String, queue: UnboundedSender<Message>) -> Self {
        let now = clock();
        Self {
            token: options.token,
            base_url,
            organization_id: new_id(),
            started_at: now,
            products: options.products,
            webhook: options.webhook,
            requests_per_minute: options.requests_per_minute,
            queue,
            last: now,
            epoch: 0,
            kept: Kept::nothing(),
        }
    }

    /// Forgets everything but the products and where webhooks go.
    pub(crate) fn reset(&mut self) {
        self.epoch += 1;
        self.kept = Kept::nothing();
    }

    /// Now, and later than any time that was told before: whoever compares two states knows which is newer.
    pub(crate) fn now(&mut self) -> Time {
        self.last = clock().max(self.last + TimeDelta::microseconds(1));
        self.last
    }

    /// Tells the receiver of webhooks, if there is one.
    pub(crate) fn tell(&mut self, kind: &str, data: Value) {
        if self.webhook.is_none() {
            return;
        }
        let faults = &self.kept.faults;
        if faults.webhooks_drop {
            self.kept.deliveries.dropped += 1;
            return;
        }
        let (duplicate, reorder, delay_ms) = (
            faults.webhooks_duplicate,
            faults.webhooks_reorder,
            faults.webhooks_delay_ms,
        );
        let message = Message {
            epoch: self.epoch,
            id: new_id(),
            kind: kind.to_owned(),
            timestamp: self.now(),
            data,
            duplicate,
            reorder,
            delay_ms,
        };
        if self.queue.send(message).is_ok() {
            self.kept.deliveries.pending += if duplicate { 2 } else { 1 };
        }
    }

    pub(crate) fn product(&self, id: &str) -> Option<&Product> {
        self.products.iter().find(|product| product.id == id)
    }

    /// A customer, also a deleted one.
    pub(crate) fn customer(&self, id: &str) -> Option<&Customer> {
        self.kept.customers.iter().find(|customer| customer.id == id)
    }

    /// A customer that is not deleted.
    pub(crate) fn customer_where(&self, is: impl Fn(&Customer) -> bool) -> Option<&Customer> {
        let mut there = self
            .kept
            .customers
            .iter()
            .filter(|customer| customer.deleted_at.is_none());
        there.find(|customer| is(customer))
    }

    pub(crate) fn customer_by_external_id(&self, external_id: &str) -> Option<&Customer> {
        self.customer_where(|customer| customer.external_id.as_deref() == Some(external_id))
    }

    pub(crate) fn external_id(&self, customer_id: &str) -> Option<&str> {
        self.customer(customer_id)?.external_id.as_deref()
    }

    pub(crate) fn subscription(&self, id: &str) -> Result<&Subscription, Refusal> {
        let mut all = self.kept.subscriptions.iter();
        all.find(|subscription| subscription.id == id)
            .ok_or_else(Refusal::not_found)
    }

    pub(crate) fn order(&self, id: &str) -> Result<&Order, Refusal> {
        let mut all = self.kept.orders.iter();
        all.find(|order| order.id == id).ok_or_else(Refusal::not_found)
    }

    /// A checkout by its id or its secret.
    pub(crate) fn checkout(&self, key: &str) -> Result<&Checkout, Refusal> {
        let mut all = self.kept.checkouts.iter();
        all.find(|checkout| checkout.id == key || checkout.client_secret == key)
            .ok_or_else(Refusal::not_found)
    }
}
