//! HTTP requests to addresses that strangers name.
//!
//! Whoever may set up a webhook decides where this process connects to. So nothing is sent to private, local or
//! otherwise special addresses unless the instance allows it, and that is decided about the address that is really
//! connected to: between checking and connecting there is no second look into the DNS. Redirects are not followed, no
//! proxy of the environment is used, and no more than a few kilobytes of an answer are read.
//!
//! This crate must never know what an event, an organization or a database is. Time comes in as values.

mod address;
mod client;
mod url;

pub use address::is_public;
pub use client::{Answer, ClientError, SendError, WebhookClient};
pub use url::{UrlRefusal, WebhookUrl};
