//! The sandbox, as its clients see it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod events;
mod faults;
mod pages;
mod sdk;
mod steering;
mod support;
mod webhooks;
