//! The sandbox, as its clients see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod events;
mod faults;
mod pages;
mod sdk;
mod steering;
mod support;
mod webhooks;
