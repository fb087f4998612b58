//! Domains that nobody may call their own.

use std::{collections::HashMap, sync::LazyLock};

use resonance_domain::DomainName;

/// See `data/README.md`.
static PUBLIC_PROVIDERS: &str = include_str!("../data/public_providers.txt");
/// Public providers that the list lacks.
const MORE_PUBLIC_PROVIDERS: [&str; 3] = ["hey.com", "privaterelay.appleid.com", "tutanota.com"];

static REFUSED: LazyLock<HashMap<&'static str, DomainRefusal>> = LazyLock::new(|| {
    let disposable = mailchecker::blacklist().into_iter();
    let public = PUBLIC_PROVIDERS.lines().chain(MORE_PUBLIC_PROVIDERS);
    // What is on both lists is rather disposable.
    public
        .map(|name| (name, DomainRefusal::PublicProvider))
        .chain(disposable.map(|name| (name, DomainRefusal::Disposable)))
        .collect()
});

/// Why no organization may have a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainRefusal {
    /// People register domains under it: it is nobody's own.
    #[error("is not one organization's domain: others register domains under it")]
    PublicSuffix,
    /// Anybody can have a mailbox there.
    #[error("is a public mail provider's: anybody can have an address there")]
    PublicProvider,
    /// Its mailboxes are made to be thrown away.
    #[error("is a provider of disposable addresses")]
    Disposable,
}

/// Why no organization may have the domain `name`; `None` if one may.
///
/// A name under a provider's domain is the provider's too. Top-level domains that no list knows (`.test`, `.internal`
/// and whatever a closed network uses) are like any other: whoever answers for mail or names there proves the domain.
#[must_use]
pub fn refusal(name: &DomainName) -> Option<DomainRefusal> {
    let Some(registrable) = psl::domain_str(name.as_str()) else {
        return Some(DomainRefusal::PublicSuffix);
    };
    let mut parents = std::iter::successors(Some(name.as_str()), |name| Some(name.split_once('.')?.1));
    parents
        .by_ref()
        .take_while(|parent| parent.len() >= registrable.len())
        .find_map(|parent| REFUSED.get(parent).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<DomainRefusal> {
        refusal(&DomainName::parse(name).unwrap())
    }

    #[test]
    fn what_others_register_domains_under_is_nobodys_own() {
        for suffix in ["co.uk", "ac.jp", "github.io", "公司.cn", "s3.amazonaws.com"] {
            assert_eq!(of(suffix), Some(DomainRefusal::PublicSuffix), "{suffix}");
        }
        for own in ["example.co.uk", "acme.github.io", "mail.example.com"] {
            assert_eq!(of(own), None, "{own}");
        }
    }

    #[test]
    fn providers_of_mailboxes_for_everybody_are_refused_with_all_that_is_under_them() {
        for public in [
            "gmail.com",
            "Googlemail.com",
            "outlook.com",
            "gmx.de",
            "proton.me",
            "hey.com",
            "mail.gmail.com",
        ] {
            assert_eq!(of(public), Some(DomainRefusal::PublicProvider), "{public}");
        }
        for disposable in ["mailinator.com", "yopmail.com", "x.y.mailinator.com"] {
            assert_eq!(of(disposable), Some(DomainRefusal::Disposable), "{disposable}");
        }
        for own in ["notgmail.example", "gmail.example.org", "google.com", "ibm.com"] {
            assert_eq!(of(own), None, "{own}");
        }
    }

    #[test]
    fn names_of_closed_networks_and_of_tests_are_like_any_other() {
        for own in ["acme.test", "acme.example", "corp.internal", "acme.local"] {
            assert_eq!(of(own), None, "{own}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_a_name_in_its_normal_form() {
        for line in PUBLIC_PROVIDERS.lines() {
            assert_eq!(line, line.trim().to_lowercase());
            assert!(line.contains('.') && !line.starts_with('.'), "{line}");
        }
    }
}
