//! Who is asking: the credentials and the origin of an HTTP request.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, header, request::Parts};
use resonance_domain::{OrganizationId, Origin};
pub(crate) use resonance_gateway_accounts::SESSION_COOKIE;

/// The header that names the organization a request works in.
pub(crate) const ORGANIZATION_HEADER: &str = "x-resonance-organization";

/// A `User-Agent` is kept up to this many characters.
const USER_AGENT_CHARS: usize = 500;

/// Where a request came from. `trusted_proxies` reverse proxies each appended the address that they saw to
/// `X-Forwarded-For`; what stands before those was written by the client and is not believed.
pub(crate) fn origin(parts: &Parts, trusted_proxies: usize) -> Origin {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let address = if trusted_proxies == 0 {
        peer
    } else {
        forwarded_for(&parts.headers, trusted_proxies).or(peer)
    };
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    Origin {
        ip_address: address.map(|address| address.to_canonical().to_string()),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_CHARS).collect()),
    }
}

fn forwarded_for(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let addresses: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    addresses
        .len()
        .checked_sub(trusted_proxies)
        .and_then(|at| addresses.get(at)?.parse().ok())
}

/// The bearer token, or else the session cookie's.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()),
    )
    .or_else(|| cookie(headers))
}

/// The token in the text of an `Authorization` header.
pub(crate) fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
}

/// Whether the body is one that files come in.
pub(crate) fn uploads(headers: &HeaderMap) -> bool {
    let multipart = |text: &str| text.trim_start().get(..10).map(str::to_ascii_lowercase);
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| multipart(value.to_str().ok()?))
        .is_some_and(|start| start == "multipart/")
}

/// The organization that the request names, or the complaint that it names none.
pub(crate) fn organization(headers: &HeaderMap) -> Result<Option<OrganizationId>, &'static str> {
    let Some(value) = headers.get(ORGANIZATION_HEADER) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    parsed
        .map(Some)
        .ok_or("X-Resonance-Organization must be the id of an organization")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 1))));
        request.into_parts().0
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let spoofed = parts(&[("x-forwarded-for", "1.1.1.1, 203.0.113.7")]);
        assert_eq!(origin(&spoofed, 0).ip_address.as_deref(), Some("10.0.0.9"));
        assert_eq!(origin(&spoofed, 1).ip_address.as_deref(), Some("203.0.113.7"));
        assert_eq!(origin(&parts(&[]), 1).ip_address.as_deref(), Some("10.0.0.9"));
        let garbage = parts(&[("x-forwarded-for", "not an address")]);
        assert_eq!(origin(&garbage, 1).ip_address.as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn tokens_come_as_bearer_or_cookie_and_bearer_wins() {
        let both = parts(&[
            ("authorization", "bearer ses_a"),
            ("cookie", "x=1; resonance_session=ses_b"),
        ]);
        assert_eq!(token(&both.headers), Some("ses_a"));
        let cookie = parts(&[
            ("cookie", "resonance_session_old=no"),
            ("cookie", "a=b; resonance_session=ses_b"),
        ]);
        assert_eq!(token(&cookie.headers), Some("ses_b"));
        assert_eq!(token(&parts(&[("authorization", "Basic abc")]).headers), None);
    }

    #[test]
    fn an_organization_header_that_is_no_id_is_complained_about() {
        assert_eq!(organization(&parts(&[]).headers), Ok(None));
        assert!(organization(&parts(&[("x-resonance-organization", "acme")]).headers).is_err());
    }
}
