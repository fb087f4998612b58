//! URLs to send to.

use std::net::IpAddr;

use reqwest::Url;

use crate::is_public;

/// The longest URL.
const MAX_BYTES: usize = 2048;

/// Names that never are the public internet's, with everything under them.
const LOCAL_NAMES: &[&str] = &["localhost", "local", "internal", "home.arpa", "intranet", "lan"];

/// An absolute URL that may be sent to, as far as it tells by itself: what its name resolves to shows when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(pub(crate) Url);

/// Why a URL is not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// It is too long.
    #[error("must have at most {MAX_BYTES} bytes")]
    TooLong,
    /// It is no URL with a host.
    #[error("must be a URL such as https://example.org/webhooks")]
    Malformed,
    /// Its scheme is another.
    #[error("must begin with https://")]
    Scheme,
    /// It holds a name or a password.
    #[error("must not hold a user name or a password")]
    UserInfo,
    /// It has a fragment, which would never be sent.
    #[error("must not have a fragment")]
    Fragment,
    /// Its host is no public one.
    #[error("must not lead to a private or local address")]
    Private,
}

impl WebhookUrl {
    /// Reads a URL. `https` only, and no host that is plainly private or local, unless `allow_private`.
    ///
    /// # Errors
    /// [`UrlRefusal`].
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, UrlRefusal> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(UrlRefusal::TooLong);
        }
        let url = Url::parse(text).map_err(|_| UrlRefusal::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if allow_private => {}
            _ => return Err(UrlRefusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlRefusal::Fragment);
        }
        if url.port() == Some(0) {
            return Err(UrlRefusal::Malformed);
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err(UrlRefusal::Malformed);
        }
        let public = match literal(host) {
            Some(address) => is_public(address),
            None => !is_local_name(host),
        };
        if !public && !allow_private {
            return Err(UrlRefusal::Private);
        }
        Ok(Self(url))
    }

    /// The URL, normalised.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL without its query, which may hold a receiver's secret: for records that many read.
    #[must_use]
    pub fn without_query(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.into()
    }
}

/// The address that a host is, if it is one and no name. The URL's parser has brought spellings such as `0x7f.1` into
/// the usual form.
fn literal(host: &str) -> Option<IpAddr> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    LOCAL_NAMES.iter().any(|name| {
        host.strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_leads_inside_is_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:a00:1]",
            "169.254.169.254",
            "[fd00:ec2::254]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "metadata.google.internal",
            "printer.local",
            "１２７.0.0.1",
            "127。0。0。1",
            "[64:ff9b::7f00:1]",
            "0",
        ] {
            let text = format!("https://{host}/hook");
            assert_eq!(
                WebhookUrl::parse(&text, false),
                Err(UrlRefusal::Private),
                "{text}"
            );
            assert!(WebhookUrl::parse(&text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn only_plain_https_urls_pass() {
        use UrlRefusal::{Fragment, Malformed, Scheme, TooLong, UserInfo};
        let long = format!("https://example.org/{}", "a".repeat(MAX_BYTES));
        for (text, refusal) in [
            ("", Malformed),
            ("example.org", Malformed),
            ("/hook", Malformed),
            ("https://", Malformed),
            ("https://exa mple.org", Malformed),
            ("https://example.org:99999/", Malformed),
            ("https://example.org:0/", Malformed),
            ("http://example.org/", Scheme),
            ("ftp://example.org/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("javascript:alert(1)", Scheme),
            ("https://ada@example.org/", UserInfo),
            ("https://:secret@example.org/", UserInfo),
            ("https://example.org/#part", Fragment),
            (&long, TooLong),
        ] {
            assert_eq!(WebhookUrl::parse(text, false), Err(refusal), "{text}");
        }
        let url = WebhookUrl::parse(" HTTPS://Example.ORG:8443/a?token=b ", false).unwrap();
        assert_eq!(url.as_str(), "https://example.org:8443/a?token=b");
        assert_eq!(url.without_query(), "https://example.org:8443/a");
        assert!(WebhookUrl::parse("https://localhostess.example/", false).is_ok());
    }
}
