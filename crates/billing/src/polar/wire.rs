//! Polar's JSON, as far as it matters here.

use chrono::{DateTime, SecondsFormat, Utc};
use resonance_domain::{BillingPeriod, SubscriptionStatus};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Told, UsageEvent};

#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) pagination: Pagination,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub(super) max_page: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ingested {
    pub(super) inserted: u64,
    #[serde(default)]
    pub(super) duplicates: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Checkout {
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) customer_portal_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) paid: bool,
    pub(super) total_amount: i64,
    pub(super) currency: String,
    pub(super) invoice_number: Option<String>,
    pub(super) is_invoice_generated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct InvoiceLink {
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) data: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subscription {
    id: String,
    created_at: DateTime<Utc>,
    modified_at: Option<DateTime<Utc>>,
    amount: i64,
    currency: String,
    recurring_interval: String,
    status: String,
    current_period_start: DateTime<Utc>,
    current_period_end: Option<DateTime<Utc>>,
    cancel_at_period_end: bool,
    ended_at: Option<DateTime<Utc>>,
    past_due_at: Option<DateTime<Utc>>,
    product_id: String,
    customer: Customer,
}

#[derive(Debug, Deserialize)]
struct Customer {
    external_id: Option<String>,
}

impl Subscription {
    /// What it says; `None` of a status that nobody knows.
    pub(super) fn told(self) -> Option<Told> {
        let Some(status) = SubscriptionStatus::from_stored(&self.status) else {
            tracing::warn!(
                subscription = self.id,
                status = self.status,
                "a status that is not known"
            );
            return None;
        };
        let changed_at = self.modified_at.unwrap_or(self.created_at);
        let external = self.customer.external_id.as_deref();
        Some(Told {
            reference: self.id,
            organization: external.and_then(|id| id.parse().ok()),
            status,
            product: self.product_id,
            amount: self.amount,
            currency: self.currency,
            recurring: self.recurring_interval,
            period: BillingPeriod {
                start: self.current_period_start,
                end: self.current_period_end.unwrap_or(self.current_period_start),
            },
            cancel_at_period_end: self.cancel_at_period_end,
            past_due_since: (status == SubscriptionStatus::PastDue)
                .then(|| self.past_due_at.unwrap_or(changed_at)),
            ended_at: self.ended_at,
            created_at: self.created_at,
            changed_at,
        })
    }
}

/// A line of the ledger as an event.
pub(super) fn event(line: &UsageEvent) -> Value {
    let metric = line.metric.as_str();
    let mut metadata = Map::from_iter([(metric.to_owned(), line.quantity.into())]);
    if let Some(engine) = &line.engine {
        metadata.insert("engine".to_owned(), engine.as_str().into());
    }
    json!({
        "name": metric,
        "external_id": line.id.type_id(),
        "external_customer_id": line.organization.type_id(),
        "timestamp": line.used_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "metadata": metadata,
    })
}

/// What Polar calls a refusal.
pub(super) fn error_name(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("error")?.as_str()?.to_owned())
}

/// Which field of what was sent a refusal is about: the last part of `["body", "external_customer_id"]`.
pub(super) fn refused_field(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let place = body.get("detail")?.get(0)?.get("loc")?.as_array()?;
    Some(place.last()?.as_str()?.to_owned())
}

/// Which event a refusal is about: its place in `["body", "events", 3, …]`.
pub(super) fn refused_event(body: &[u8]) -> Option<usize> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let place = body.get("detail")?.get(0)?.get("loc")?.as_array()?;
    let events = place.iter().position(|part| part == "events")?;
    // Clocks that differ are no fault of the event: it is told again later.
    if place.iter().any(|part| part == "timestamp") {
        return None;
    }
    usize::try_from(place.get(events + 1)?.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_event_it_is_about() {
        let body =
            br#"{"detail":[{"loc":["body","events",3,"metadata"],"msg":"too long","type":"value_error"}]}"#;
        assert_eq!(refused_event(body), Some(3));
        for other in [
            &b"<html>"[..],
            b"{}",
            br#"{"detail":[]}"#,
            br#"{"detail":[{"loc":["body","events"]}]}"#,
        ] {
            assert_eq!(refused_event(other), None);
        }
    }
}
