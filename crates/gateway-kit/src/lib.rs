//! What the GraphQL crates share: errors that cannot leak, ids, connections, scalars.
//!
//! The GraphQL crates wrap the domain's types and never derive GraphQL on them. Resolvers return [`ApiError`], which
//! has no `Display` on purpose: with `?`, only errors that have an explicit conversion get through, so no text of a
//! library reaches a client.

mod connection;
mod error;
mod id;
mod request;
mod scalar;
mod upload;
mod user_error;

pub use connection::{PageInfo, Total, cursor, page_request};
pub use error::{ApiError, ApiResult, Code};
pub use id::{parse_id, parse_tenant_id};
pub use request::request;
pub use scalar::{BigInt, Date, Decimal, JsonObject};
pub use upload::upload_bytes;
pub use user_error::{UserError, UserErrorCode, split};

#[doc(hidden)]
pub use async_graphql;
