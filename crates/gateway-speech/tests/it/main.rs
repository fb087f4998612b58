//! Voices, generations and usage as GraphQL clients see them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod descriptions;
mod generations;
mod schema;
mod usage;
mod voices;
