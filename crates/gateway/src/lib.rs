//! The front door: one GraphQL schema and the HTTP routes around it, as a library.
//!
//! [`schema`] puts the GraphQL crates' parts together; [`router`] serves it and everything that is not GraphQL: audio,
//! previews, logos, keys, health, metrics, the playground. Who embeds Resonance mounts the router in an axum
//! application of its own.
//!
//! This crate decides nothing: it finds out who asks, calls one use case and shows its outcome. It never sees storage
//! or a grant.

// The types of what resolvers await nest as deeply as the schema has merged parts.
#![recursion_limit = "256"]

mod archives;
mod audit_export;
mod billing_webhook;
mod byte_range;
mod client;
mod health;
mod identify;
mod invitation_page;
mod mails;
mod media;
mod node;
mod openai;
mod operators;
mod respond;
mod router;
mod schema;
mod usage_export;
mod viewer;

pub use node::Node;
pub use resonance_gateway_operators::sdl as operators_sdl;
pub use router::{GatewayOptions, router};
pub use schema::{Mutation, Query, ResonanceSchema, SchemaOptions, Subscription, request_data, schema, sdl};
pub use viewer::Viewer;
