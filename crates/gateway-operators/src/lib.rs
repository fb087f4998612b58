//! What operators of the instance see and do, in GraphQL: a schema of its own, at a path of its own.
//!
//! Whoever is no operator must not even learn that there is such a schema; whoever serves it asks
//! [`Operators::admit`](resonance_services::Operators::admit) first. This crate decides nothing: each resolver calls one use
//! case and shows its outcome.

mod arguments;
mod audit;
mod engine;
mod instance;
mod instance_mutations;
mod member;
mod member_mutations;
mod organization;
mod organization_mutations;
mod plan;
mod query;
mod role;
mod role_mutations;
mod schema;
mod user;
mod user_mutations;

pub use query::OperatorQuery;
pub use schema::{OperatorMutation, OperatorSchema, request_data, schema, sdl};
