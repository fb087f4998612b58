//! Storage, on both databases.

mod population;
mod schema;
