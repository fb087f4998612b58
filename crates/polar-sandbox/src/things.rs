//! What is kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) type Time = DateTime<Utc>;

/// The state of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is being made.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// Not to be paid for yet.
    Trialing,
    /// Paid.
    Active,
    /// A payment failed, and is tried again.
    PastDue,
    /// Over.
    Canceled,
    /// A payment failed for good.
    Unpaid,
    /// Not running for now.
    Paused,
}

impl Status {
    /// Whether the customer has what the subscription is for.
    pub(crate) const fn is_active(self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether the subscription has been taken away.
    pub(crate) const fn is_revoked(self) -> bool {
        matches!(self, Self::Canceled | Self::Unpaid)
    }

    /// As the wire has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub id: String,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub is_team: bool,
    /// What the caller calls the member who owns a team.
    pub owner: Option<String>,
    pub metadata: Map<String, Value>,
    pub created_at: Time,
    pub modified_at: Option<Time>,
    /// Its subscriptions and orders stay after it was deleted.
    pub deleted_at: Option<Time>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub id: String,
    pub status: Status,
    pub customer_id: String,
    pub product_id: String,
    pub checkout_id: Option<String>,
    pub cents: i64,
    pub metadata: Map<String, Value>,
    pub created_at: Time,
    pub modified_at: Option<Time>,
    pub period_start: Time,
    pub period_end: Time,
    pub trial: Option<(Time, Time)>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<Time>,
    pub started_at: Option<Time>,
    pub ends_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub past_due_at: Option<Time>,
    pub paused_at: Option<Time>,
    pub reason: Option<String>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub id: String,
    pub number: usize,
    pub customer_id: String,
    pub product_id: String,
    pub subscription_id: String,
    pub checkout_id: Option<String>,
    pub cents: i64,
    pub billing_reason: &'static str,
    pub metadata: Map<String, Value>,
    pub created_at: Time,
    pub modified_at: Option<Time>,
    pub has_invoice: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub id: String,
    pub client_secret: String,
    pub product_ids: Vec<String>,
    pub succeeded: bool,
    pub customer_id: Option<String>,
    pub external_customer_id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub success_url: Option<String>,
    pub return_url: Option<String>,
    pub metadata: Map<String, Value>,
    pub customer_metadata: Map<String, Value>,
    pub subscription_id: Option<String>,
    pub created_at: Time,
    pub modified_at: Option<Time>,
    pub expires_at: Time,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub id: String,
    pub token: String,
    pub customer_id: String,
    pub return_url: Option<String>,
    pub created_at: Time,
    pub expires_at: Time,
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub id: String,
    pub name: String,
    pub timestamp: Time,
    pub customer_id: Option<String>,
    pub external_customer_id: Option<String>,
    pub metadata: Map<String, Value>,
}
