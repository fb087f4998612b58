//! E-mail addresses.

use crate::{ErrorCode, FieldError};

/// An e-mail address, as its owner wrote it, with the form by which addresses are compared.
///
/// Addresses that differ only in case are one address: that is how mail systems treat them in practice, and
/// anything else lets two people claim one mailbox.
#[derive(Debug, Clone)]
pub struct EmailAddress {
    written: String,
    key: String,
}

impl EmailAddress {
    /// Trims and checks an address: one `@`, a local part of 1 to 64 characters, a dotted domain, at most 254
    /// characters in all (RFC 5321), no white space, quotes or control characters.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG` or `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        let written = crate::one_line(raw, 1, 254)?;
        let invalid = || FieldError::new(ErrorCode::Invalid, "must be an e-mail address");
        let (local, domain) = written.rsplit_once('@').ok_or_else(invalid)?;
        let local_ok = (1..=64).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .chars()
                .all(|c| !c.is_whitespace() && !"\"(),:;<>@[\\]".contains(c));
        if !local_ok || !is_domain(domain) {
            return Err(invalid());
        }
        let key = written.to_lowercase();
        Ok(Self { written, key })
    }

    /// The address as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The lower-case form that is unique per person.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What follows the `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether both are the same mailbox.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.same_as(other)
    }
}
impl Eq for EmailAddress {}

/// At least two labels of letters, digits and inner hyphens (letters of any script, for internationalised
/// domains), each at most 63 bytes.
fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c == '-' || c.is_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_unusual_addresses_are_accepted() {
        for address in [
            "ada@example.org",
            "a.b+tag@sub.example.co",
            "jürgen@bücher.example",
            "o'neil@example.ie",
        ] {
            assert!(EmailAddress::parse(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for address in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a b@example.org",
            "a@b@example.org",
            ".a@example.org",
            "a..b@example.org",
            "ada@-example.org",
            "ada@example..org",
            "ada@example.org\nBcc: x@example.org",
            &long,
        ] {
            assert!(EmailAddress::parse(address).is_err(), "{address}");
        }
    }
}
