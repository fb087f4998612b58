//! Subscriptions, and what happens to them.

use axum::{
    Json,
    extract::{Path, State as Given},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    body::{Fields, object},
    customers::Who,
    query::{Asked, Pairs},
    refusal::Refusal,
    state::{Shared, State, new_id, next_month},
    things::{Status, Subscription, Time},
};

type Answer = Result<Json<Value>, Refusal>;

/// What to force upon a subscription; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// Its state.
    pub status: Option<Status>,
    /// Whether it ends with its period.
    pub cancel_at_period_end: Option<bool>,
    /// When its period began.
    pub current_period_start: Option<Time>,
    /// When its period ends.
    pub current_period_end: Option<Time>,
}

/// Why a customer goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    pub reason: Option<String>,
    pub comment: Option<String>,
}

/// What a new subscription is for.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    pub customer_id: String,
    pub product_id: String,
    pub checkout_id: Option<String>,
    pub metadata: Map<String, Value>,
}

/// Makes the times of a subscription fit its state.
fn settle(before: &Subscription, after: &mut Subscription, now: Time) {
    let became = |status: Status| after.status == status && before.status != status;
    let over = after.status == Status::Canceled;
    if over {
        after.canceled_at = after.canceled_at.or(Some(now));
        after.ended_at = after.ended_at.or(Some(now));
        after.ends_at = after.ended_at;
    } else if after.cancel_at_period_end {
        after.canceled_at = after.canceled_at.or(Some(now));
        after.ended_at = None;
        after.ends_at = Some(after.period_end);
    } else {
        (after.canceled_at, after.ended_at, after.ends_at) = (None, None, None);
    }
    let (became_past_due, became_paused) = (became(Status::PastDue), became(Status::Paused));
    if became_past_due {
        after.past_due_at = Some(now);
    } else if after.status != Status::PastDue {
        after.past_due_at = None;
    }
    if became_paused {
        after.paused_at = Some(now);
    } else if after.status != Status::Paused {
        after.paused_at = None;
    }
    if after.status == Status::Trialing {
        after.trial = after.trial.or(Some((after.period_start, after.period_end)));
    }
    if after.status.is_active() {
        after.started_at = after.started_at.or(Some(now));
    }
}

/// Which webhooks a change means, besides `subscription.updated`.
fn special(before: &Subscription, after: &Subscription) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    if after.status.is_active() && !before.status.is_active() {
        kinds.push("subscription.active");
    }
    if after.status == Status::PastDue && before.status != Status::PastDue {
        kinds.push("subscription.past_due");
    }
    if after.canceled_at.is_some() && before.canceled_at.is_none() {
        kinds.push("subscription.canceled");
    }
    if after.canceled_at.is_none() && before.canceled_at.is_some() {
        kinds.push("subscription.uncanceled");
    }
    if after.status.is_revoked() && !before.status.is_revoked() {
        kinds.push("subscription.revoked");
    }
    kinds
}

impl State {
    fn tell_of_subscription(&mut self, id: &str, kinds: &[&str]) -> Result<Value, Refusal> {
        let shown = self.show_subscription(self.subscription(id)?);
        for kind in kinds {
            self.tell(kind, shown.clone());
        }
        Ok(shown)
    }

    /// Begins a subscription, whose first period begins now; its id.
    pub(crate) fn begin(&mut self, status: Status, beginning: Beginning) -> Result<String, Refusal> {
        let product = self.product(&beginning.product_id);
        let cents = product
            .ok_or_else(|| {
                let input = json!(beginning.product_id);
                Refusal::value("product_id", "There is no such product.", &input)
            })?
            .cents;
        let now = self.now();
        let mut subscription = Subscription {
            id: new_id(),
            status,
            customer_id: beginning.customer_id,
            product_id: beginning.product_id,
            checkout_id: beginning.checkout_id,
            cents,
            metadata: beginning.metadata,
            created_at: now,
            modified_at: Some(now),
            period_start: now,
            period_end: next_month(now),
            trial: None,
            cancel_at_period_end: false,
            canceled_at: None,
            started_at: None,
            ends_at: None,
            ended_at: None,
            past_due_at: None,
            paused_at: None,
            reason: None,
            comment: None,
        };
        let before = Subscription {
            status: Status::Incomplete,
            ..subscription.clone()
        };
        settle(&before, &mut subscription, now);
        let mut kinds = vec!["subscription.created"];
        kinds.extend(special(&before, &subscription));
        kinds.push("subscription.updated");
        let id = subscription.id.clone();
        self.kept.subscriptions.push(subscription);
        self.tell_of_subscription(&id, &kinds)?;
        Ok(id)
    }

    /// Changes a subscription, and tells so.
    fn alter(&mut self, id: &str, edit: impl FnOnce(&mut Subscription)) -> Result<Value, Refusal> {
        let before = self.subscription(id)?.clone();
        let now = self.now();
        let mut after = before.clone();
        edit(&mut after);
        after.modified_at = Some(now);
        settle(&before, &mut after, now);
        let mut kinds = vec!["subscription.updated"];
        kinds.extend(special(&before, &after));
        let mut all = self.kept.subscriptions.iter_mut();
        if let Some(subscription) = all.find(|subscription| subscription.id == id) {
            *subscription = after;
        }
        self.tell_of_subscription(id, &kinds)
    }

    /// Forces something upon a subscription.
    pub(crate) fn force(&mut self, id: &str, change: &Change) -> Result<Value, Refusal> {
        self.alter(id, |subscription| {
            subscription.status = change.status.unwrap_or(subscription.status);
            subscription.cancel_at_period_end = change
                .cancel_at_period_end
                .unwrap_or(subscription.cancel_at_period_end);
            subscription.period_start = change.current_period_start.unwrap_or(subscription.period_start);
            subscription.period_end = change.current_period_end.unwrap_or(subscription.period_end);
        })
    }

    /// Ends a subscription now.
    pub(crate) fn revoke(&mut self, id: &str, ending: Ending) -> Result<Value, Refusal> {
        if self.subscription(id)?.status == Status::Canceled {
            return Err(Refusal::already_canceled());
        }
        self.alter(id, |subscription| {
            subscription.status = Status::Canceled;
            subscription.cancel_at_period_end = false;
            subscription.reason = ending.reason.or(subscription.reason.take());
            subscription.comment = ending.comment.or(subscription.comment.take());
        })
    }

    /// Ends a subscription with its period, or lets it go on after all.
    pub(crate) fn cancel(&mut self, id: &str, cancel: bool, ending: Ending) -> Result<Value, Refusal> {
        let subscription = self.subscription(id)?;
        if subscription.status == Status::Canceled || (cancel && subscription.cancel_at_period_end) {
            return Err(Refusal::already_canceled());
        }
        self.alter(id, |subscription| {
            subscription.cancel_at_period_end = cancel;
            subscription.reason = ending.reason.filter(|_| cancel);
            subscription.comment = ending.comment.filter(|_| cancel);
        })
    }

    /// What happens at the end of a period: the next one begins and is paid, or the subscription ends.
    pub(crate) fn renew(&mut self, id: &str) -> Result<Value, Refusal> {
        let subscription = self.subscription(id)?;
        if subscription.status == Status::Canceled {
            return Err(Refusal::already_canceled());
        }
        if subscription.cancel_at_period_end {
            return self.revoke(id, Ending::default());
        }
        let shown = self.alter(id, |subscription| {
            subscription.status = Status::Active;
            subscription.period_start = subscription.period_end;
            subscription.period_end = next_month(subscription.period_start);
        })?;
        self.new_order(id, "subscription_cycle")?;
        Ok(shown)
    }

    /// Begins a subscription of somebody who did not check out.
    pub(crate) fn create_subscription(
        &mut self,
        external_customer_id: &str,
        product_id: &str,
        status: Status,
    ) -> Result<Value, Refusal> {
        if self.product(product_id).is_none() {
            let input = json!(product_id);
            return Err(Refusal::value("product_id", "There is no such product.", &input));
        }
        let customer_id = self.settle_customer(Who {
            external_id: Some(external_customer_id.to_owned()),
            email: Some(format!("{external_customer_id}@example.com")),
            ..Who::default()
        });
        let id = self.begin(
            status,
            Beginning {
                customer_id,
                product_id: product_id.to_owned(),
                ..Beginning::default()
            },
        )?;
        Ok(self.show_subscription(self.subscription(&id)?))
    }

    fn update(&mut self, id: &str, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut fields = Fields::new(body);
        let cancel = fields.flag("cancel_at_period_end");
        let revoke = fields.flag("revoke");
        let product = fields.text("product_id");
        let ending = Ending {
            reason: fields.text("customer_cancellation_reason"),
            comment: fields.text("customer_cancellation_comment"),
        };
        fields.done()?;
        if self.subscription(id)?.status == Status::Canceled {
            return Err(Refusal::already_canceled());
        }
        if revoke == Some(true) {
            return self.revoke(id, ending);
        }
        if let Some(cancel) = cancel {
            return self.cancel(id, cancel, ending);
        }
        let Some(product) = product else {
            return self.alter(id, |_| ());
        };
        let cents = self
            .product(&product)
            .map(|product| product.cents)
            .ok_or_else(|| Refusal::value("product_id", "There is no such product.", &json!(product)))?;
        self.alter(id, |subscription| {
            subscription.product_id = product;
            subscription.cents = cents;
        })
    }
}

pub(crate) async fn list(Given(shared): Given<Shared>, pairs: Pairs) -> Answer {
    let asked = Asked::new(pairs)?;
    let state = shared.lock();
    let newest = state.kept.subscriptions.iter().rev();
    let found: Vec<&Subscription> = newest
        .filter(|subscription| {
            asked.admits("customer_id", Some(&subscription.customer_id))
                && asked.admits(
                    "external_customer_id",
                    state.external_id(&subscription.customer_id),
                )
                && asked.admits("product_id", Some(&subscription.product_id))
                && asked.admits("status", Some(subscription.status.as_str()))
                && asked.admits_flag("active", subscription.status.is_active())
                && asked.admits_flag("cancel_at_period_end", subscription.cancel_at_period_end)
        })
        .collect();
    Ok(Json(asked.page(&found, |found| state.show_subscription(found))))
}

pub(crate) async fn get(Given(shared): Given<Shared>, Path(id): Path<String>) -> Answer {
    let state = shared.lock();
    Ok(Json(state.show_subscription(state.subscription(&id)?)))
}

pub(crate) async fn update(Given(shared): Given<Shared>, Path(id): Path<String>, body: Bytes) -> Answer {
    let body = object(&body)?;
    let answer = shared.lock().update(&id, &body)?;
    Ok(Json(answer))
}

pub(crate) async fn revoke(Given(shared): Given<Shared>, Path(id): Path<String>) -> Answer {
    let answer = shared.lock().revoke(&id, Ending::default())?;
    Ok(Json(answer))
}
