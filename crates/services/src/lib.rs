//! The use cases of Resonance.
//!
//! A front end builds one [`Services`], and for every request a [`Request`] that says who asks and from where. The
//! request's rooms ([`Request::organizations`] and the others) hold the use cases, one method each. A use case parses
//! its input, authorises, loads what the rule needs, lets the domain decide, and writes the change together with its
//! event in one transaction. Workers ([`Services::run`]) do what is left for later: mails, speaking, purging.
//!
//! This crate never knows SQL, GraphQL or HTTP, and never hands a grant to a front end.

mod ambient;
mod authentication;
mod background;
mod core;
mod delivery;
mod error;
mod letters;
mod limits;
mod mailing;
mod relay;
mod request;
mod sweep;
mod token;
mod worker;

pub use self::core::{Ports, Services, Settings};
pub use ambient::{SystemClock, SystemIds};
pub use authentication::Account;
pub use delivery::Delivery;
pub use error::{Outcome, Refusal, ServiceError};
pub use request::Request;
pub use resonance_blobs::BlobError;
pub use resonance_identity::SignedQuery;
pub use resonance_persistence::{IdCursor, TextCursor};
pub use token::{INVITATION_TOKEN, SESSION_TOKEN};
