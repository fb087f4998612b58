//! Accounts, sessions and people in GraphQL.
//!
//! [`ViewerAccount`] is the account's part of `Viewer`; [`AccountsMutation`] holds the mutations. Other GraphQL crates
//! show people as [`User`], which they load through the request's [`UserLoader`].
//!
//! This crate decides nothing: each resolver calls one use case and shows its outcome.

mod delivery;
mod email_address;
mod jwt;
mod mutation;
mod password;
mod profile;
mod session;
mod sign_in;
mod sign_up;
mod user;
mod user_loader;
mod viewer;

pub use delivery::{SESSION_COOKIE, SessionDelivery};
pub use email_address::EmailAddress;
pub use mutation::AccountsMutation;
pub use session::{Session, SessionConnection, SessionEdge};
pub use user::User;
pub use user_loader::UserLoader;
pub use viewer::ViewerAccount;
