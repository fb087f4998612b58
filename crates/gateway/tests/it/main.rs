//! What the schema costs, and what strangers get.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests"
)]

mod statements;
mod strangers;
