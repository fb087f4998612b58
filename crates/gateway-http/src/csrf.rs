//! Protection against requests that a foreign page makes with its visitor's cookies.

use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};

use crate::{Code, Refusal};

/// Tells requests that only our own pages can have made from those that any page can.
///
/// A browser sends cookies along with whatever a foreign page requests, but lets it make only *simple* requests without asking
/// us first: those with neither a custom header nor a JSON body. So a request that authenticates by cookie must be none
/// of these, and its `Origin`, where given, must be ours.
///
/// ```
/// use http::Request;
/// use resonance_gateway_http::Csrf;
///
/// let csrf = Csrf::default().session_cookie("session");
/// let forged = Request::post("/upload")
///     .header("host", "speech.example")
///     .header("cookie", "session=secret")
///     .header("content-type", "text/plain")
///     .body(())
///     .unwrap();
/// assert!(csrf.check(&forged.into_parts().0).is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Csrf {
    cookies: Vec<String>,
    headers: Vec<HeaderName>,
    origins: Vec<String>,
}

/// No session cookies and no foreign origins; `X-Requested-By`, `Apollo-Require-Preflight` and `GraphQL-Preflight` as the custom
/// headers, any of which serves.
impl Default for Csrf {
    fn default() -> Self {
        Self {
            cookies: Vec::new(),
            headers: vec![
                HeaderName::from_static("x-requested-by"),
                HeaderName::from_static("apollo-require-preflight"),
                HeaderName::from_static("graphql-preflight"),
            ],
            origins: Vec::new(),
        }
    }
}

impl Csrf {
    /// Names a cookie that authenticates requests.
    #[must_use]
    pub fn session_cookie(mut self, name: impl Into<String>) -> Self {
        self.cookies.push(name.into());
        self
    }

    /// Adds a custom header that proves a request to be none of a foreign page's.
    #[must_use]
    pub fn custom_header(mut self, name: HeaderName) -> Self {
        self.headers.push(name);
        self
    }

    /// Allows pages of another origin (`https://app.example`, as browsers send it) to use cookies and WebSockets here.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins
            .push(origin.into().trim_end_matches('/').to_ascii_lowercase());
        self
    }

    /// Whether the request carries a session cookie.
    #[must_use]
    pub fn has_session_cookie(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.split_once('='))
            .any(|(name, _)| self.cookies.iter().any(|session| session == name.trim()))
    }

    /// Refuses a request with a session cookie that a foreign page can have made. Requests without such a cookie pass.
    ///
    /// # Errors
    ///
    /// A refusal with status 403 and code `CSRF`.
    pub fn check(&self, parts: &Parts) -> Result<(), Refusal> {
        if !self.has_session_cookie(&parts.headers) {
            return Ok(());
        }
        self.check_preflighted(&parts.headers)?;
        self.check_origin(parts)
    }

    /// Refuses a request that a browser would send for a foreign page without asking first: one with neither a custom
    /// header, nor a bearer token, nor a content type of `application/json`.
    ///
    /// # Errors
    ///
    /// A refusal with status 403 and code `CSRF`.
    pub fn check_preflighted(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let custom = self.headers.iter().any(|name| headers.contains_key(name));
        let json = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| essence_is(value, "application/json"));
        // Credentials of other schemes may be added by the browser itself.
        let bearer = headers.get(header::AUTHORIZATION).is_some_and(|value| {
            value
                .as_bytes()
                .get(..7)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
        });
        if custom || json || bearer {
            return Ok(());
        }
        let names = self
            .headers
            .iter()
            .map(HeaderName::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Err(Refusal::coded(
            Code::Csrf,
            format!(
                "this request needs one of the headers {names}, so that no foreign page can have made it"
            ),
        ))
    }

    /// Refuses a request whose `Origin` is neither this host nor allowed. Requests without the header pass: browsers send
    /// it wherever it matters.
    ///
    /// # Errors
    ///
    /// A refusal with status 403 and code `CSRF`.
    pub fn check_origin(&self, parts: &Parts) -> Result<(), Refusal> {
        let Some(origin) = parts.headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        if self.origins.contains(&origin) || is_same_host(&origin, parts) {
            return Ok(());
        }
        Err(Refusal::coded(Code::Csrf, "pages of this origin are not allowed"))
    }
}

/// Whether an origin names the host that the request was sent to. The schemes are not compared: behind a proxy that ends
/// TLS ours is unknown.
fn is_same_host(origin: &str, parts: &Parts) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else {
        return false;
    };
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let own = match parts.headers.get(header::HOST) {
        Some(host) => host.to_str().unwrap_or_default(),
        None => parts.uri.authority().map_or("", |authority| authority.as_str()),
    };
    let own = own.to_ascii_lowercase();
    !host.is_empty() && host.trim_end_matches(default_port) == own.trim_end_matches(default_port)
}

/// Whether a `Content-Type` names this media type, whatever its parameters.
pub(crate) fn essence_is(value: &HeaderValue, essence: &str) -> bool {
    value.to_str().is_ok_and(|value| {
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case(essence)
    })
}

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode};

    use super::*;

    fn parts(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::post("/").header("host", "speech.example:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn csrf() -> Csrf {
        Csrf::default()
            .session_cookie("session")
            .allow_origin("https://app.example/")
    }

    #[test]
    fn a_session_cookie_alone_proves_nothing() {
        let refusal = csrf()
            .check(&parts(&[("cookie", "theme=dark; session=secret")]))
            .unwrap_err();
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        for other in [
            ("content-type", "text/plain"),
            ("content-type", "multipart/form-data; boundary=application/json"),
            ("authorization", "Basic c2VjcmV0"),
        ] {
            assert!(
                csrf()
                    .check(&parts(&[("cookie", "session=secret"), other]))
                    .is_err(),
                "{other:?}"
            );
        }
    }

    #[test]
    fn what_a_foreign_page_cannot_send_unasked_proves_enough() {
        for proof in [
            ("x-requested-by", "page"),
            ("apollo-require-preflight", "true"),
            ("graphql-preflight", "1"),
            ("content-type", "Application/JSON; charset=utf-8"),
            ("authorization", "bearer token"),
        ] {
            csrf()
                .check(&parts(&[("cookie", "session=secret"), proof]))
                .unwrap();
        }
    }

    #[test]
    fn requests_without_a_session_cookie_are_left_alone() {
        csrf()
            .check(&parts(&[("origin", "https://evil.example")]))
            .unwrap();
        csrf()
            .check(&parts(&[("cookie", "sessions=x; other=session=x")]))
            .unwrap();
    }

    #[test]
    fn the_origin_is_this_host_or_an_allowed_one() {
        let cookie = ("cookie", "session=secret");
        let header = ("x-requested-by", "page");
        for origin in ["http://speech.example:8080", "https://APP.example"] {
            csrf()
                .check(&parts(&[cookie, header, ("origin", origin)]))
                .unwrap();
        }
        for origin in [
            "http://speech.example",
            "https://evil.example",
            "null",
            "https://app.example.evil",
            "",
        ] {
            assert!(
                csrf()
                    .check(&parts(&[cookie, header, ("origin", origin)]))
                    .is_err(),
                "{origin}"
            );
        }
    }
}
