//! What is asked.

use std::{
    fmt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::connection::Connection;

/// One of the requests that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Question {
    /// The viewer with one organization and role.
    Q1,
    /// An organization with its first 50 members and 20 voices.
    Q2,
    /// The first 50 generations with voice and author, and the total count.
    Q3,
    /// An invitation: a change that inserts one row, with its event and its mail.
    M1,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Q1 => "q1",
            Self::Q2 => "q2",
            Self::Q3 => "q3",
            Self::M1 => "m1",
        })
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) organization: String,
    pub(crate) is_admin: bool,
    pub(crate) secret: String,
}

/// Makes requests, each of another user than the one before.
#[derive(Debug)]
pub(crate) struct Asker {
    requests: Vec<Request>,
    counter: AtomicU64,
}

#[derive(Debug)]
struct Request {
    /// Up to the length of the body.
    head: Vec<u8>,
    body: String,
    /// Where in the body a number goes that no other request has.
    fresh: bool,
}

/// Stands in a body for what is to be new in each request.
const FRESH: &str = "@fresh@";

impl Question {
    /// Whether asking changes something.
    pub(crate) fn changes(self) -> bool {
        self == Self::M1
    }

    /// The GraphQL document.
    pub(crate) fn text(self, folder: &Path) -> anyhow::Result<String> {
        let path = folder.join(format!("queries/{self}.graphql"));
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// The requests of all who may ask.
    pub(crate) fn asker(self, text: &str, tokens: &[Token]) -> anyhow::Result<Asker> {
        let requests: Vec<Request> = tokens
            .iter()
            .filter(|token| token.is_admin || !self.changes())
            .map(|token| {
                let variables = match self {
                    Self::Q1 => json!({}),
                    Self::Q2 | Self::Q3 => json!({ "organization": token.organization }),
                    Self::M1 => json!({ "input": {
                        "organizationId": token.organization,
                        "emails": [format!("guest-{FRESH}@bench.example")],
                        "role": "org:member",
                    } }),
                };
                Request {
                    head: format!(
                        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
                         accept: application/json\r\ncontent-type: application/json\r\ncontent-length: ",
                        token.secret
                    )
                    .into_bytes(),
                    body: json!({ "query": text, "variables": variables }).to_string(),
                    fresh: self.changes(),
                }
            })
            .collect();
        ensure!(!requests.is_empty(), "nobody may ask {self}");
        Ok(Asker {
            requests,
            counter: AtomicU64::new(0),
        })
    }
}

impl Asker {
    /// How many ask.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Writes the next request into `buffer`.
    pub(crate) fn next(&self, buffer: &mut Vec<u8>) {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let who = usize::try_from(number).unwrap_or(0) % self.requests.len();
        self.write(who, number, buffer);
    }

    /// Writes the next request of the one who asks at this place.
    pub(crate) fn next_of(&self, who: usize, buffer: &mut Vec<u8>) {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.write(who, number, buffer);
    }

    fn write(&self, who: usize, number: u64, buffer: &mut Vec<u8>) {
        buffer.clear();
        let Some(request) = self.requests.get(who) else {
            return;
        };
        buffer.extend_from_slice(&request.head);
        if request.fresh {
            let body = request.body.replace(FRESH, &number.to_string());
            buffer.extend_from_slice(format!("{}\r\n\r\n{body}", body.len()).as_bytes());
        } else {
            buffer.extend_from_slice(request.body.len().to_string().as_bytes());
            buffer.extend_from_slice(b"\r\n\r\n");
            buffer.extend_from_slice(request.body.as_bytes());
        }
    }

    /// Asks once, and fails unless the answer is good.
    pub(crate) async fn check(&self, address: std::net::SocketAddr) -> anyhow::Result<()> {
        let mut connection = Connection::open(address).await?;
        let mut request = Vec::new();
        self.next(&mut request);
        connection.exchange(&request).await?;
        Ok(())
    }
}
