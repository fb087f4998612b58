//! Accounts as GraphQL clients see them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod descriptions;
mod people;
mod schema;
