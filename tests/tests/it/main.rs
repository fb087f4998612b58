//! Resonance from end to end: the real binary, over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::allow_attributes,
    reason = "tests"
)]

mod access;
mod archives;
mod billing;
mod chance;
mod crash;
mod engines;
mod idempotency;
mod inputs;
mod keys;
mod listening;
mod nodes;
mod openai;
mod operations;
mod races;
mod sound;
mod story;
mod webhooks;
