//! Sending to names that lead where they should not.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use resonance_webhooks::{Answer, SendError, WebhookClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const PATIENCE: Duration = Duration::from_secs(3);

/// Answers with the next of several sets of addresses each time it is asked, as a name that is rebound does.
#[derive(Clone)]
struct Rebinding {
    answers: Arc<Vec<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Rebinding {
    fn new(answers: &[&[&str]]) -> Self {
        let parse = |set: &&[&str]| set.iter().map(|text| text.parse().unwrap()).collect();
        Self {
            answers: Arc::new(answers.iter().map(parse).collect()),
            asked: Arc::default(),
        }
    }
}

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let nth = self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.answers[nth.min(self.answers.len() - 1)].clone();
        Box::pin(async move {
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// A server that says `answer` to whatever it hears; its port, and how many connections it took.
async fn server(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut heard = [0; 4096];
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                // Whoever says nothing keeps the line.
                tokio::time::sleep(Duration::from_secs(if answer.is_empty() { 60 } else { 0 })).await;
            });
        }
    });
    (port, connections)
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn post(client: &WebhookClient, url: &str) -> Result<Answer, SendError> {
    client
        .post(
            url,
            &[("webhook-id", "evt_1".into())],
            Bytes::from_static(b"{}"),
            now(),
        )
        .await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to_whatever_it_led_to_before() {
    let (port, connections) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("https://rebound.example:{port}/");
    for inside in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "64:ff9b::7f00:1",
    ] {
        let resolver = Rebinding::new(&[&[inside]]);
        let client = WebhookClient::with_resolver(false, PATIENCE, resolver.clone()).unwrap();
        assert_eq!(
            post(&client, &url).await,
            Err(SendError::AddressRefused),
            "{inside}"
        );
        assert_eq!(
            resolver.asked.load(Ordering::SeqCst),
            1,
            "what was checked is what is connected to"
        );
    }
    // Public when it was looked at, local when it is connected to: there is one look only, and it is the last.
    let client =
        WebhookClient::with_resolver(false, PATIENCE, Rebinding::new(&[&["192.0.2.1"], &["127.0.0.1"]]));
    let client = client.unwrap();
    for _ in 0..2 {
        assert_eq!(post(&client, &url).await, Err(SendError::AddressRefused));
    }
    // Of several addresses only the public ones are tried; nothing answers at this one.
    let client = WebhookClient::with_resolver(
        false,
        PATIENCE,
        Rebinding::new(&[&["127.0.0.1", "2001:4860::dead"]]),
    );
    assert!(matches!(
        post(&client.unwrap(), &url).await,
        Err(SendError::NotConnected | SendError::TimedOut)
    ));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_without_any_resolver() {
    let (port, connections) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let client = WebhookClient::new(false).unwrap();
    for host in ["127.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            assert_eq!(post(&client, &url).await, Err(SendError::AddressRefused), "{url}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    // The same where it is allowed.
    let client = WebhookClient::new(true).unwrap();
    assert_eq!(
        post(&client, &format!("http://127.0.0.1:{port}/"))
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn redirects_are_answers_and_retry_after_is_read_in_both_forms() {
    let client = WebhookClient::new(true).unwrap();
    let answer = async |text| {
        let (port, connections) = server(text).await;
        let answer = post(&client, &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(connections.load(Ordering::SeqCst), 1);
        answer
    };
    let moved = answer("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!((moved.status, moved.retry_after), (302, None));
    let busy = answer("HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(busy.retry_after, Some(TimeDelta::seconds(120)));
    let date = "HTTP/1.1 429 Slow\r\nretry-after: Fri, 15 Jan 2027 09:00:00 GMT\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answer(date).await.unwrap().retry_after, Some(TimeDelta::hours(1)));
    let nonsense = "HTTP/1.1 429 Slow\r\nretry-after: -5\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answer(nonsense).await.unwrap().retry_after, None);
    assert_eq!(answer("SSH-2.0-OpenSSH\r\n\r\n").await, Err(SendError::Broken));
}

#[tokio::test]
async fn who_does_not_answer_is_given_up() {
    let (port, _) = server("").await;
    let client = WebhookClient::with_resolver(
        true,
        Duration::from_millis(200),
        Rebinding::new(&[&["127.0.0.1"]]),
    );
    let client = client.unwrap();
    assert_eq!(
        post(&client, &format!("http://late.example:{port}/")).await,
        Err(SendError::TimedOut)
    );
    // A head without an end of its body is an answer all the same.
    let (port, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\nstart").await;
    let url = format!("http://127.0.0.1:{port}/");
    assert_eq!(post(&client, &url).await.unwrap().status, 200);
    let nobody = Rebinding::new(&[&[]]);
    let client = WebhookClient::with_resolver(true, PATIENCE, nobody).unwrap();
    assert_eq!(
        post(&client, "http://nobody.example/").await,
        Err(SendError::NameNotResolved)
    );
}
