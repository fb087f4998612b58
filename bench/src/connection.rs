//! A plain HTTP/1.1 connection: all that a load generator needs, for little of the machine's time.

use std::{net::SocketAddr, sync::LazyLock};

use anyhow::{Context as _, bail, ensure};
use memchr::memmem::Finder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

static HEAD_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
static LENGTH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\ncontent-length: "));
/// Of errors of the request as a whole, and of refusals in a payload: of the input, and of a part of it.
static ERRORS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [r#""errors":["#, r#""userErrors":[{"#, r#""userError":{"#].map(Finder::new));

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request and reads the answer's body.
    ///
    /// # Errors
    /// Also if the status is not 200, or the body tells of an error.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            let before = self.buffer.len().saturating_sub(3);
            self.read().await?;
            if let Some(at) = HEAD_END.find(&self.buffer[before..]) {
                break before + at + 4;
            }
        };
        let length = content_length(&self.buffer[..head])?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let body = &self.buffer[head..head + length];
        let status = self.buffer.get(9..12).unwrap_or_default();
        if status != b"200" || ERRORS.iter().any(|errors| errors.find(body).is_some()) {
            bail!(
                "the server answered {}: {}",
                String::from_utf8_lossy(status),
                String::from_utf8_lossy(body)
            );
        }
        Ok(body)
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        ensure!(
            self.stream.read_buf(&mut self.buffer).await? > 0,
            "the server closed the connection"
        );
        Ok(())
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let at = LENGTH.find(head).context("an answer without content-length")? + LENGTH.needle().len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Ok(digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}

/// Fetches a page by GET, as text.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
