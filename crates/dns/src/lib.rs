//! Domain names: which ones an organization may call its own, and what the domain name system says about them.
//!
//! [`refusal`] knows the public suffix list and the lists of public and disposable mail providers; [`TxtRecords`] looks
//! up what the owner of a domain has published, [`DnsResolver`] through the domain name system. This crate must never
//! know organizations.
//!
//! ```
//! use resonance_dns::{DomainRefusal, refusal};
//! use resonance_domain::DomainName;
//!
//! assert_eq!(refusal(&DomainName::parse("gmail.com")?), Some(DomainRefusal::PublicProvider));
//! assert_eq!(refusal(&DomainName::parse("co.uk")?), Some(DomainRefusal::PublicSuffix));
//! assert_eq!(refusal(&DomainName::parse("acme.example")?), None);
//! # Ok::<(), resonance_domain::FieldError>(())
//! ```

mod lists;
mod resolver;

pub use lists::{DomainRefusal, refusal};
pub use resolver::{DnsError, DnsResolver};

use futures_util::future::BoxFuture;

/// A way to read TXT records.
pub trait TxtRecords: std::fmt::Debug + Send + Sync {
    /// The texts of the TXT records at `name`, the parts of each put together; empty if there is none. Takes some
    /// seconds at the most.
    fn texts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, DnsError>>;
}
