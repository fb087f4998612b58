//! The `resonance` binary in a test's hands: started, talked to over HTTP, killed and started again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "test support"
)]

mod binary;
mod client;
mod letters;
mod server;

pub use binary::{binary, run};
pub use client::{Client, Reply};
pub use server::Server;
