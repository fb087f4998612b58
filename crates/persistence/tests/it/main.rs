//! Storage, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod connections;
mod history;
mod migrations;
mod population;
mod schema;
mod search;
mod voices;
