//! GraphQL over HTTP: any async-graphql schema served on axum.
//!
//! One route answers POST and GET as the GraphQL over HTTP specification says, takes uploads by the GraphQL multipart
//! request specification, streams subscriptions as server-sent events and over WebSocket, and serves every transport with the
//! same document cache, limits, time-out and masking. [`Playground`] serves GraphiQL from assets inside the binary.
//!
//! What this crate must never know: what is served. It sees a schema, requests and errors; users, tenants and rules belong
//! to whoever implements [`RequestData`].
//!
//! Every code that it puts into `errors[].extensions.code` is listed in [`Code`].
//!
//! ```
//! use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
//! use resonance_gateway_http::GraphQlHttp;
//!
//! struct Query;
//!
//! #[Object]
//! impl Query {
//!     async fn greeting(&self) -> &str {
//!         "hello"
//!     }
//! }
//!
//! let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
//! let app: axum::Router =
//!     axum::Router::new().route("/graphql", GraphQlHttp::builder(schema).build().route());
//! # drop(app);
//! ```

mod body;
mod code;
mod csrf;
mod documents;
mod endpoint;
mod engine;
mod event_stream;
mod limits;
mod masking;
mod measure;
mod negotiation;
mod params;
mod playground;
mod propagation;
mod refusal;
mod request_data;
mod scan;
mod upload;
mod variables;
mod web_socket;

pub use code::Code;
pub use csrf::Csrf;
pub use endpoint::{Builder, GraphQlHttp};
pub use limits::Limits;

pub use playground::Playground;
pub use refusal::Refusal;
pub use request_data::{Client, RequestData, Transport};
