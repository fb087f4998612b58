//! A server that looks like Polar's billing API to its clients, for development and tests.
//!
//! It keeps everything in memory, takes no money, and does on request what the real one does only now and then: it is
//! down, slow, or forgets to answer, and its webhooks come late, twice, in another order, or not at all.

mod body;
mod checkouts;
mod control;
mod customers;
mod events;
mod faults;
mod limits;
mod options;
mod orders;
mod pages;
mod products;
mod query;
mod refusal;
mod sandbox;
mod sessions;
mod state;
mod subscriptions;
mod things;
mod webhooks;
mod wire;

pub use checkouts::Completed;
pub use events::Usage;
pub use faults::Faults;
pub use options::{Options, Product, Webhook};
pub use refusal::Refusal;
pub use sandbox::Sandbox;
pub use subscriptions::Change;
pub use things::Status;
pub use webhooks::Deliveries;
