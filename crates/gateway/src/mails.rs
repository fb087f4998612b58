//! The mails that lie in the folder, as pages: for a laptop without a mail server. Served only where nobody else can
//! reach it.
//!
//! A loopback address keeps other machines out, but not the pages that this machine's browser has open: any of them may
//! send requests here, and read the answer where the origin is allowed (as it is for all else, see the router) or its own
//! name was made to point to this machine. Mails hold codes and links that sign people in, so neither gets an answer.

use std::{fmt::Write as _, net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, header, uri::Authority};
use resonance_mail::{FolderMailer, html_escape};

use crate::respond;

/// Mails shown on the list.
const MOST: usize = 200;

pub(crate) fn routes(mails: Arc<FolderMailer>) -> Router {
    Router::new()
        .route("/mails", get(list))
        .route("/mails/{name}", get(show))
        .layer(middleware::from_fn(keep_strangers_out))
        .with_state(mails)
}

async fn keep_strangers_out(request: Request, next: Next) -> Response {
    if is_opened_here(request.headers()) {
        next.run(request).await
    } else {
        respond::not_found()
    }
}

/// Whether somebody opened the page at this very machine: under a name that cannot be made to point elsewhere, not from a
/// script of another page, and not through a proxy, which may stand there for everybody.
fn is_opened_here(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let local = host.is_some_and(|host| {
        let name = host.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    });
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    local
        && !headers.contains_key(header::ORIGIN)
        && !passed_on.iter().any(|name| headers.contains_key(*name))
}

async fn list(State(mails): State<Arc<FolderMailer>>) -> Response {
    let Ok(stored) = mails.list(MOST).await else {
        return respond::not_found();
    };
    let mut rows = String::new();
    for mail in stored {
        let (name, to, subject) = (
            html_escape(&mail.name),
            html_escape(&mail.to),
            html_escape(&mail.subject),
        );
        let date = mail
            .date
            .map(|date| date.format("%Y-%m-%d %H:%M:%S").to_string())
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            "<tr><td>{date}<td>{to}<td><a href=\"/mails/{name}\">{subject}</a>"
        );
    }
    page(
        "Mails",
        &format!("<h1>Mails</h1><p>No mail server is configured, so mails lie here.<table>{rows}</table>"),
    )
}

async fn show(State(mails): State<Arc<FolderMailer>>, Path(name): Path<String>) -> Response {
    let Ok(Some(mail)) = mails.read(&name).await else {
        return respond::not_found();
    };
    let (to, subject, text) = (
        html_escape(&mail.to),
        html_escape(&mail.subject),
        linked(&mail.text),
    );
    page(
        &subject,
        &format!("<p><a href=\"/mails\">All mails</a><h1>{subject}</h1><p>To {to}<pre>{text}</pre>"),
    )
}

/// The text, escaped, with its web addresses as links.
fn linked(text: &str) -> String {
    let link = |word: &str| {
        let word = html_escape(word);
        if word.starts_with("http://") || word.starts_with("https://") {
            format!("<a href=\"{word}\">{word}</a>")
        } else {
            word
        }
    };
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let bare = word.trim_end();
            format!("{}{}", link(bare), &word[bare.len()..])
        })
        .collect()
}

/// A page of ours: no script, nothing from elsewhere, no word to elsewhere of where it was.
pub(crate) fn page(title: &str, body: &str) -> Response {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
        td{padding:.2em 1em .2em 0}pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}";
    let html =
        format!("<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>{body}");
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn opened_here(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_opened_here(&headers.collect())
    }

    #[test]
    fn mails_are_shown_under_names_of_this_machine_only() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.2",
            "localhost:8080",
            "LocalHost",
            "[::1]:8080",
        ] {
            assert!(opened_here(&[("host", host)]), "{host}");
        }
        for host in [
            "rebound.example:8080",
            "localhost.example",
            "192.0.2.1",
            "127.0.0.1.example",
            "",
        ] {
            assert!(!opened_here(&[("host", host)]), "{host}");
        }
        assert!(!opened_here(&[]));
    }

    #[test]
    fn mails_are_shown_neither_to_scripts_of_other_pages_nor_through_a_proxy() {
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
        ] {
            assert!(!opened_here(&[("host", "localhost"), header]), "{header:?}");
        }
    }

    #[test]
    fn what_a_mail_says_is_never_markup_and_its_links_can_be_followed() {
        assert_eq!(
            linked("<b> see\nhttp://x/?a=1&b=2 now"),
            "&lt;b&gt; see\n<a href=\"http://x/?a=1&amp;b=2\">http://x/?a=1&amp;b=2</a> now"
        );
    }
}
