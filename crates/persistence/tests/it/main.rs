//! Storage, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod population;
mod schema;
