//! Who is paid: what the product asks of a billing provider, and the providers.
//!
//! [`BillingProvider`] is all that the use cases know. An organization is the provider's customer under its own id; a line
//! of the usage ledger is an event under its own id, so that one which is told twice counts once. What the provider tells
//! of subscriptions may come twice, late and in any order: [`Told::changed_at`] orders it.
//!
//! | provider | where |
//! |---|---|
//! | [Polar](https://polar.sh/docs) | [`polar`] |
//!
//! Another provider is another module here. This crate must never know a rule of the product or a database.

mod provider;
mod signature;

pub mod polar;

pub use provider::{
    BillingError, BillingProvider, Buyer, CheckoutOrder, Invoice, Told, ToldPage, UsageEvent, WebhookRefusal,
};
