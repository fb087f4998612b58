//! A receiver of webhooks, or another service: an HTTP server that answers as a test wants it to.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinHandle,
};

/// A request that a receiver got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The path with the query.
    pub path: String,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body, if it is text.
    pub body: String,
    /// The body as it came.
    pub bytes: Bytes,
}

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// With this status, these headers and a short body.
    With(u16, Vec<(&'static str, String)>),
    /// With 200 and a body of so many bytes.
    AtLength(usize),
    /// With 200 and this file, of this media type.
    File(&'static str, Bytes),
    /// With something that is no HTTP.
    Garbage,
    /// By closing the connection.
    Never,
    /// Not within the time of any test.
    Hanging,
}

impl Answers {
    /// With this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::With(status, Vec::new())
    }
}

/// A receiver, listening on this machine until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    received: Mutex<Vec<Received>>,
    answers: Mutex<Answers>,
}

impl Receiver {
    /// One that answers with 200.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            received: Mutex::default(),
            answers: Mutex::new(Answers::status(200)),
        });
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let state = Arc::clone(&state);
                    tokio::spawn(async move { serve(stream, &state).await });
                }
            }
        });
        Self { address, state, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers differently from now on.
    ///
    /// # Panics
    /// If a request's task panicked.
    pub fn answer(&self, answers: Answers) {
        *self.state.answers.lock().unwrap() = answers;
    }

    /// What it got so far, and forgets it.
    ///
    /// # Panics
    /// If a request's task panicked.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.state.received.lock().unwrap())
    }

    /// How many requests it got since the last [`Receiver::take`].
    ///
    /// # Panics
    /// If a request's task panicked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.received.lock().unwrap().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, state: &State) {
    let _ = stream.set_nodelay(true);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match read.read_line(&mut head).await {
                Ok(1..) => {}
                _ => return,
            }
        }
        let mut lines = head.lines();
        let path = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .unwrap_or_default();
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        if read.read_exact(&mut body).await.is_err() {
            return;
        }
        state.received.lock().unwrap().push(Received {
            path: path.to_owned(),
            headers,
            body: String::from_utf8(body.clone()).unwrap_or_default(),
            bytes: body.into(),
        });
        let answers = state.answers.lock().unwrap().clone();
        if answer(&mut write, answers).await.is_none() {
            return;
        }
    }
}

/// Answers; `None` if the connection is over.
async fn answer(write: &mut OwnedWriteHalf, answers: Answers) -> Option<()> {
    match answers {
        Answers::With(status, headers) => {
            let headers: String = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            let answer = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: 2\r\n\r\nok");
            write.write_all(answer.as_bytes()).await.ok()
        }
        Answers::AtLength(length) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            write.write_all(head.as_bytes()).await.ok()?;
            write.write_all(&vec![b'x'; length]).await.ok()
        }
        Answers::File(content_type, file) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
                file.len()
            );
            write.write_all(head.as_bytes()).await.ok()?;
            write.write_all(&file).await.ok()
        }
        Answers::Garbage => {
            write
                .write_all(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
                .await
                .ok()?;
            None
        }
        Answers::Never => None,
        Answers::Hanging => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            None
        }
    }
}
