//! The port.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use resonance_domain::{BillingPeriod, OrganizationId, SubscriptionStatus, UsageEntryId, UsageMetric};

/// Why the provider did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// It cannot be reached, is overloaded or fails: what was asked may have been done or not.
    #[error("the billing provider is not available: {reason}")]
    Unavailable {
        /// What was seen, without any secret.
        reason: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// It refuses this as it was asked. Whether it always will is known only of what it names.
    #[error("the billing provider refuses: {reason}")]
    Refused {
        /// What it says, cut short.
        reason: String,
        /// Of several things that were asked for at once, the first that breaks its rules, if it says which.
        index: Option<usize>,
    },
    /// It does not know the organization: nobody has paid for it yet.
    #[error("the billing provider does not know this customer")]
    NoCustomer,
}

/// One line of the usage ledger, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEvent {
    /// The line's id. The provider counts what has the same id once.
    pub id: UsageEntryId,
    /// Whose usage.
    pub organization: OrganizationId,
    /// What is metered.
    pub metric: UsageMetric,
    /// How much.
    pub quantity: u64,
    /// When.
    pub used_at: DateTime<Utc>,
    /// The engine that spoke.
    pub engine: Option<String>,
}

/// Who buys for an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// The address of the person.
    pub email: String,
    /// Their name.
    pub person: String,
}

/// What somebody wants to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutOrder {
    /// Who.
    pub buyer: Buyer,
    /// What, as the provider calls it; `None` means what the instance sells if nothing else is said.
    pub product: Option<String>,
    /// Where the provider's page leads after the payment.
    pub success_url: String,
}

/// What the provider tells of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What the provider calls it.
    pub reference: String,
    /// Whose it is; `None` if the customer is none of ours.
    pub organization: Option<OrganizationId>,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// What was bought, as the provider calls it.
    pub product: String,
    /// What each period costs beside usage, in the smallest unit of the currency.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// How long a period is: `day`, `week`, `month` or `year`.
    pub recurring: String,
    /// The period in which it is.
    pub period: BillingPeriod,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// Since when a payment has been failing.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it last changed, by the provider's clock.
    pub changed_at: DateTime<Utc>,
}

/// A page of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldPage {
    /// The subscriptions.
    pub subscriptions: Vec<Told>,
    /// Whether there are further pages.
    pub more: bool,
}

/// What was paid, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// What the provider calls it.
    pub reference: String,
    /// The number on it, once it has one.
    pub number: Option<String>,
    /// What it comes to, taxes included, in the smallest unit of the currency.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// Whether it is paid.
    pub paid: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Why what came in the provider's name is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// It is not signed with the shared secret, or what it says was changed.
    #[error("the signature is wrong")]
    Forged,
    /// It was signed too long ago, or in the future.
    #[error("the signature is too old or from the future")]
    Stale,
    /// It is signed and cannot be understood.
    #[error("the message cannot be understood")]
    Unreadable,
}

/// Who is paid.
#[async_trait]
pub trait BillingProvider: fmt::Debug + Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// How many events may be told at once.
    fn batch(&self) -> u32;

    /// Tells what was used: all of it, or nothing.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn tell(&self, events: &[UsageEvent]) -> Result<(), BillingError>;

    /// Begins a purchase; the address of the provider's page for it.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn checkout(&self, order: &CheckoutOrder) -> Result<String, BillingError>;

    /// The address of the provider's page on which a customer changes, pays and ends what they have; it lets in whoever has
    /// it. From there `return_url` leads back.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn portal(&self, organization: OrganizationId, return_url: &str) -> Result<String, BillingError>;

    /// The latest invoices of a customer, at most `limit` of them; none if the provider does not know the customer. One
    /// question.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn invoices(&self, organization: OrganizationId, limit: u32) -> Result<Vec<Invoice>, BillingError>;

    /// Where an invoice of a customer can be read, for a while; has it made if it was not yet. `None`: there is no such invoice,
    /// or the provider is still at work on it.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn invoice_url(
        &self,
        organization: OrganizationId,
        reference: &str,
    ) -> Result<Option<String>, BillingError>;

    /// A page of all subscriptions, counted from 1.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn subscriptions(&self, page: u32) -> Result<ToldPage, BillingError>;

    /// Ends every subscription of a customer at once. Nothing happens to one who has none.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn end(&self, organization: OrganizationId) -> Result<(), BillingError>;

    /// What a webhook tells; `None` if it is about something else. `header` gives the request's headers by name.
    ///
    /// # Errors
    /// See [`WebhookRefusal`].
    fn read_webhook(
        &self,
        header: &(dyn Fn(&str) -> Option<String> + Sync),
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Told>, WebhookRefusal>;
}
