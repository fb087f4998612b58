//! The use cases, on both databases.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod authentication;
mod email_addresses;
mod generations;
mod instance;
mod jwt;
mod organizations;
mod password;
mod profiles;
mod refusals;
mod sessions;
mod sign_in;
mod sign_up;
mod tenants;
