//! Sending.

use std::{error::Error as _, fmt, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};

use crate::{WebhookUrl, is_public};

/// How long an answer may take, from looking the name up to the end of its head.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(8);
/// What is read of an answer's body, so that its connection can be used again.
const MOST_READ: usize = 16 * 1024;
/// How long to read it.
const READING: Duration = Duration::from_millis(500);
/// How long a connection waits for the next request.
const IDLE: Duration = Duration::from_secs(20);

/// Sends to webhook receivers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    client: Client,
    allow_private: bool,
    patience: Duration,
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for webhooks cannot be made")]
pub struct ClientError(#[from] reqwest::Error);

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long the receiver wants us to wait (`Retry-After`), if it said so.
    pub retry_after: Option<TimeDelta>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL, or what its name resolves to, is not sent to.
    #[error("the address is refused")]
    AddressRefused,
    /// The name has no address.
    #[error("the name does not resolve")]
    NameNotResolved,
    /// No connection came about.
    #[error("no connection")]
    NotConnected,
    /// The answer took too long.
    #[error("timed out")]
    TimedOut,
    /// The connection broke, or what came was no HTTP.
    #[error("the connection broke")]
    Broken,
}

impl WebhookClient {
    /// A client that asks the system's resolver. With `allow_private`, it sends to any address, and by plain HTTP.
    ///
    /// # Errors
    /// If the system's certificates or its TLS cannot be used.
    pub fn new(allow_private: bool) -> Result<Self, ClientError> {
        Self::with_resolver(allow_private, PATIENCE, SystemResolver)
    }

    /// A client with another resolver, whose answers are filtered all the same, and another patience.
    ///
    /// # Errors
    /// As [`WebhookClient::new`].
    pub fn with_resolver(
        allow_private: bool,
        patience: Duration,
        resolver: impl Resolve + 'static,
    ) -> Result<Self, ClientError> {
        // TLS has one provider in a process; whoever was first chose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent("Resonance-Webhooks/1")
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(Filtered {
                inner: Arc::new(resolver),
                allow_private,
            }))
            .connect_timeout(CONNECTING.min(patience))
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(32)
            .build()?;
        Ok(Self {
            client,
            allow_private,
            patience,
        })
    }

    /// Whether private addresses and plain HTTP are allowed.
    #[must_use]
    pub const fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// Posts a JSON document once. Redirects come back as the answers that they are.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
        now: DateTime<Utc>,
    ) -> Result<Answer, SendError> {
        // A host that is an address is never asked of the resolver: it is judged here.
        let url = WebhookUrl::parse(url, self.allow_private).map_err(|_| SendError::AddressRefused)?;
        let mut map = HeaderMap::with_capacity(headers.len() + 1);
        map.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| SendError::Broken)?;
            map.insert(*name, value);
        }
        let request = self.client.post(url.0).headers(map).body(body).send();
        let response = tokio::time::timeout(self.patience, request)
            .await
            .map_err(|_| SendError::TimedOut)?
            .map_err(|error| classify(&error))?;
        let answer = Answer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers(), now),
        };
        // The head decides. What follows is read only so that the connection can be used again.
        let _ = tokio::time::timeout(READING, drain(response)).await;
        Ok(answer)
    }
}

async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MOST_READ {
            return;
        }
    }
}

/// Seconds or a date. What is neither says nothing.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(TimeDelta::seconds(i64::from(seconds)));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.with_timezone(&Utc) - now)
}

fn classify(error: &reqwest::Error) -> SendError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Unresolved>() {
            return match refused {
                Unresolved::Refused => SendError::AddressRefused,
                Unresolved::Unknown => SendError::NameNotResolved,
            };
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        SendError::TimedOut
    } else if error.is_connect() {
        SendError::NotConnected
    } else {
        SendError::Broken
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
enum Unresolved {
    #[error("every address of the name is refused")]
    Refused,
    #[error("the name has no address")]
    Unknown,
}

/// Passes on public addresses only. What it returns is what gets connected to: a name that resolves to something else a
/// moment later (DNS rebinding) gains nothing.
struct Filtered {
    inner: Arc<dyn Resolve>,
    allow_private: bool,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (inner, allow_private) = (Arc::clone(&self.inner), self.allow_private);
        Box::pin(async move {
            let found: Vec<SocketAddr> = match inner.resolve(name).await {
                Ok(found) => found.collect(),
                Err(_) => return Err(Unresolved::Unknown.into()),
            };
            let any = !found.is_empty();
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| allow_private || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                let refusal = if any {
                    Unresolved::Refused
                } else {
                    Unresolved::Unknown
                };
                return Err(refusal.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl fmt::Debug for Filtered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered")
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

/// Asks the operating system.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
