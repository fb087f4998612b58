//! Mail domains of organizations, through which people join.

use chrono::{DateTime, Utc};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{DomainId, EmailAddress, ErrorCode, FieldError, OrganizationId, RoleKey};

/// How many domains an organization may have, proved or not.
pub const DOMAINS_PER_ORGANIZATION: usize = 10;

/// A domain name in the one form in which names are compared: lower-case ASCII, international names as `xn--…`
/// (UTS #46, which IDNA 2008 rests on), at least two labels, no dot at the end.
///
/// ```
/// use resonance_domain::DomainName;
/// assert_eq!(DomainName::parse(" Bücher.Example. ")?.as_str(), "xn--bcher-kva.example");
/// assert!(DomainName::parse("192.0.2.1").is_err());
/// # Ok::<(), resonance_domain::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

impl DomainName {
    /// Trims, checks and normalises.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn parse(raw: &str) -> Result<Self, FieldError> {
        let written = raw.trim();
        let written = written.strip_suffix('.').unwrap_or(written);
        // Longer than any name that could be left once it is normalised.
        let short = Some(written).filter(|written| written.len() <= 1000);
        let name = short.and_then(|written| {
            Uts46::new()
                .to_ascii(
                    written.as_bytes(),
                    AsciiDenyList::STD3,
                    Hyphens::CheckFirstLast,
                    DnsLength::Verify,
                )
                .ok()
        });
        // A name whose last label is a number is an IP address, or passes for one.
        name.filter(|name| {
            let last = name.rsplit_once('.').map(|(_, last)| last);
            last.is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|name| Self(name.into_owned()))
        .ok_or_else(|| FieldError::new(ErrorCode::Invalid, "must be a domain name such as example.com"))
    }

    /// The domain of an address; `None` for one that no organization can have.
    #[must_use]
    pub fn of(address: &EmailAddress) -> Option<Self> {
        Self::parse(address.domain()).ok()
    }

    /// The normalised name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the TXT record lies that proves the domain. A name of its own, so that the record disturbs no other and
    /// may be there for ever.
    #[must_use]
    pub fn challenge_name(&self) -> String {
        format!("_resonance-challenge.{}", self.0)
    }
}

/// What the TXT record at [`DomainName::challenge_name`] says for a token.
#[must_use]
pub fn challenge_text(token: &str) -> String {
    format!("resonance-verification={token}")
}

/// How people with an address at a proved domain join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EnrolmentMode {
    /// Only by being invited one by one: the domain does nothing by itself.
    #[default]
    ManualInvitation,
    /// They may join at once.
    AutomaticInvitation,
    /// The organization is suggested to them, and they may ask to join.
    AutomaticSuggestion,
}

impl EnrolmentMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [
        Self::ManualInvitation,
        Self::AutomaticInvitation,
        Self::AutomaticSuggestion,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ManualInvitation => "manual_invitation",
            Self::AutomaticInvitation => "automatic_invitation",
            Self::AutomaticSuggestion => "automatic_suggestion",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How a domain was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainProof {
    /// By a code to an address at the domain.
    Code,
    /// By a TXT record in the domain name system.
    Dns,
}

impl DomainProof {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Dns => "dns",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Code, Self::Dns]
            .into_iter()
            .find(|proof| proof.as_str() == text)
    }
}

/// A mail domain of an organization. Several organizations may have added the same name; one alone has proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationDomain {
    /// Its identity.
    pub id: DomainId,
    /// The organization.
    pub organization: OrganizationId,
    /// The name.
    pub name: DomainName,
    /// How people at the domain join, once it is proved.
    pub mode: EnrolmentMode,
    /// The role that they get.
    pub role: RoleKey,
    /// How and when it was proved; `None` while it is not.
    pub proved: Option<(DomainProof, DateTime<Utc>)>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form_whatever_their_case_script_and_final_dot() {
        for (raw, name) in [
            ("example.com", "example.com"),
            (" EXAMPLE.com. ", "example.com"),
            ("mail.Example.co.uk", "mail.example.co.uk"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("r3---host.example", "r3---host.example"),
        ] {
            assert_eq!(DomainName::parse(raw).unwrap().as_str(), name, "{raw}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_domain_is_refused() {
        let (label, long) = ("a".repeat(64), "abcdefg.".repeat(32));
        for raw in [
            "",
            ".",
            "localhost",
            "com.",
            "a..b",
            ".example.com",
            "example.com..",
            "-a.example",
            "a-.example",
            "a_b.example",
            "a b.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "2001:db8::1",
            "example.123",
            "ada@example.com",
            "https://example.com",
            "example.com/",
            "exa\u{0}mple.com",
            "*.example.com",
            "xn--a.example",
            &format!("{label}.example"),
            &format!("{long}example"),
        ] {
            assert_eq!(
                DomainName::parse(raw).map_err(|error| error.code),
                Err(ErrorCode::Invalid),
                "{raw}"
            );
        }
    }

    #[test]
    fn an_address_is_at_its_domain_and_at_no_other() {
        let of = |address| DomainName::of(&EmailAddress::parse(address).unwrap()).unwrap();
        let domain = DomainName::parse("bücher.example").unwrap();
        assert_eq!(of("Ada@BÜCHER.example"), domain);
        assert_eq!(of("ada@xn--bcher-kva.example"), domain);
        assert_ne!(of("ada@mail.bücher.example"), domain);
        assert_ne!(of("ada@xbücher.example"), domain);
    }
}
