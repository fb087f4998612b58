//! The use cases, on both databases.

mod authentication;
mod generations;
