//! The `resonance` binary in a test's hands: started, talked to over HTTP, killed and started again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "test support"
)]

mod answer;
mod binary;
mod client;
mod keys;
mod letters;
mod people;
mod recording;
mod rows;
mod schema;
mod server;
mod site;
mod socket;
mod webhooks;
mod world;

pub use answer::Answer;
pub use binary::{Ended, run};
pub use client::{Client, Reply};
pub use people::{PASSWORD, Person};
pub use recording::{picture, recording, wav};
pub use schema::{Field, SchemaDocument};
pub use server::Server;
pub use site::Site;
pub use socket::Socket;
pub use world::{Tenant, World};
