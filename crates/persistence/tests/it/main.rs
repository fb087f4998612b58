//! Storage, on both databases.

mod schema;
