//! What the schema says and what it costs, and what strangers get.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests"
)]

mod descriptions;
mod statements;
mod strangers;
