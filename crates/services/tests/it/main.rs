//! The use cases, on both databases.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod authentication;
mod generations;
