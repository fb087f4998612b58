//! Storage, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod history;
mod population;
mod schema;
