//! A sandbox to ask, and a receiver of its webhooks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use resonance_polar_sandbox::{Options, Product, Sandbox, Webhook};
use serde::Serialize;
use serde_json::Value;

pub(crate) const TOKEN: &str = "polar_oat_test";
pub(crate) const SECRET: &str = "polar_whs_a secret of ours";
pub(crate) const STANDARD: &str = "5a4a9c9e-6a5f-4d6c-9d8e-000000000001";
pub(crate) const LARGE: &str = "5a4a9c9e-6a5f-4d6c-9d8e-000000000002";

pub(crate) fn options() -> Options {
    let product = |id: &str, name: &str, cents| Product {
        id: id.to_owned(),
        name: name.to_owned(),
        cents,
    };
    Options {
        token: TOKEN.to_owned(),
        products: vec![
            product(STANDARD, "Standard", 2_000),
            product(LARGE, "Large", 9_900),
        ],
        ..Options::default()
    }
}

/// A sandbox and a client that has its token.
pub(crate) struct World {
    pub sandbox: Sandbox,
    pub client: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self { sandbox, client }
    }

    pub(crate) fn asks(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.base_url());
        self.client.request(method, url).bearer_auth(TOKEN)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.asks(Method::GET, path).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.asks(Method::POST, path).json(&body).send().await.unwrap()
    }

    /// Waits until nothing is to be sent any more.
    pub(crate) async fn settled(&self) {
        within(Duration::from_secs(20), || self.sandbox.deliveries().pending == 0).await;
    }
}

/// Waits until something is so.
pub(crate) async fn within(time: Duration, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < time, "it is not so after {time:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A webhook as it came.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Came {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Came {
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug, Default)]
struct Inbox {
    /// How many more are refused.
    refusing: usize,
    came: Vec<Came>,
}

/// Somebody who is told of changes.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    inbox: Arc<Mutex<Inbox>>,
    pub url: String,
}

impl Receiver {
    /// One that refuses the first few.
    pub(crate) async fn refusing(refusing: usize) -> Self {
        let inbox = Arc::new(Mutex::new(Inbox {
            refusing,
            came: Vec::new(),
        }));
        let routes = Router::new().route("/hook", post(take)).with_state(inbox.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self { inbox, url }
    }

    /// A sandbox that tells it.
    pub(crate) async fn world(&self) -> World {
        let webhook = Webhook {
            url: self.url.clone(),
            secret: SECRET.to_owned(),
        };
        World::with(Options {
            webhook: Some(webhook),
            ..options()
        })
        .await
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.inbox.lock().unwrap().came.clone()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.came().iter().map(Came::kind).collect()
    }

    /// What came since this was last asked.
    pub(crate) fn taken(&self) -> Vec<String> {
        let came = std::mem::take(&mut self.inbox.lock().unwrap().came);
        came.iter().map(Came::kind).collect()
    }
}

async fn take(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut inbox = inbox.lock().unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    inbox.came.push(Came {
        headers: headers.collect(),
        body,
    });
    if inbox.refusing > 0 {
        inbox.refusing -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::ACCEPTED
}
