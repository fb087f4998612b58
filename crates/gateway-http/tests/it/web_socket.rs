//! `graphql-transport-ws` and its predecessor.

use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use resonance_gateway_http::{GraphQlHttp, Limits};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use tokio_util::sync::CancellationToken;

use crate::{
    call::{app, app_within, listen},
    sample,
};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn connect(
    app: Router,
    protocol: &str,
    headers: &[(&'static str, &str)],
) -> tungstenite::Result<Socket> {
    let address = listen(app).await;
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol.parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(Socket(connect_async(request).await?.0))
}

async fn open(app: Router) -> Socket {
    let mut socket = connect(app, "graphql-transport-ws", &[]).await.unwrap();
    socket
        .say(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer Ada" } }))
        .await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    socket
}

impl Socket {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, text: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": text } }))
            .await;
    }

    /// The next message that is not about the connection's life.
    async fn next(&mut self) -> Message {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(10), self.0.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            if !message.is_ping() && !message.is_pong() {
                return message;
            }
        }
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(self.next().await.to_text().unwrap()).unwrap()
    }

    /// The code that the server closes with.
    async fn close_code(&mut self) -> u16 {
        match self.next().await {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("no close but {other}"),
        }
    }
}

#[tokio::test]
async fn a_subscription_runs_until_its_stream_ends() {
    let mut socket = open(app()).await;
    socket.subscribe("1", "subscription { count(to: 2) }").await;
    for count in 1..=2 {
        let expected = json!({ "type": "next", "id": "1", "payload": { "data": { "count": count } } });
        assert_eq!(socket.hear().await, expected);
    }
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
    socket.subscribe("1", "{ greeting }").await;
    assert_eq!(
        socket.hear().await["payload"],
        json!({ "data": { "greeting": "hello world" } })
    );
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
}

#[tokio::test]
async fn operations_run_side_by_side_and_end_when_the_client_says_so() {
    let mut socket = open(app()).await;
    socket.subscribe("ticks", "subscription { ticks }").await;
    assert_eq!(socket.hear().await["id"], "ticks");
    socket.subscribe("greeting", "{ greeting }").await;
    let mut complete = false;
    while !complete {
        let message = socket.hear().await;
        complete = message == json!({ "type": "complete", "id": "greeting" });
    }
    socket.say(json!({ "type": "complete", "id": "ticks" })).await;
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    loop {
        let message = socket.hear().await;
        if message["type"] == "pong" {
            assert_eq!(message["payload"], json!({ "n": 1 }));
            break;
        }
    }
    let silence = tokio::time::timeout(Duration::from_millis(200), socket.0.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn the_first_message_says_who_asks() {
    let mut socket = open(app()).await;
    socket.subscribe("1", "subscription { listener }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["listener"], "Ada");

    let mut socket = connect(app(), "graphql-transport-ws", &[("authorization", "Bearer Bob")])
        .await
        .unwrap();
    socket.say(json!({ "type": "connection_init" })).await;
    socket.hear().await;
    socket.subscribe("1", "{ caller }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["caller"], "Bob");
}

#[tokio::test]
async fn a_refused_client_is_disconnected() {
    let mut socket = connect(app(), "graphql-transport-ws", &[]).await.unwrap();
    socket
        .say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer revoked" } }))
        .await;
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn request_errors_fail_the_operation_and_not_the_connection() {
    let mut socket = open(app()).await;
    for (text, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (&*format!("{{{}}}", " a: greeting".repeat(51)), "TOO_MANY_ALIASES"),
        (&*"{nest".repeat(10_000), "QUERY_TOO_DEEP"),
        ("", "BAD_REQUEST"),
    ] {
        socket.subscribe("1", text).await;
        let message = socket.hear().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")));
        assert_eq!(message["payload"][0]["extensions"]["code"], code);
    }
    socket.subscribe("1", "{ greeting }").await;
    assert_eq!(socket.hear().await["type"], "next");
}

#[tokio::test]
async fn errors_on_a_web_socket_are_masked() {
    let mut socket = open(app()).await;
    for text in ["{ storage }", "{ broken }", "subscription { unavailable }"] {
        socket.subscribe("1", text).await;
        let message = socket.hear().await.to_string();
        assert!(
            message.contains("INTERNAL") && !message.contains("relation") && !message.contains("10.0.0.7"),
            "{message}"
        );
        if !message.contains("\"error\"") {
            assert_eq!(socket.hear().await["type"], "complete");
        }
    }
}

#[tokio::test]
async fn breaches_of_the_protocol_close_with_its_codes() {
    let mut early = connect(app(), "graphql-transport-ws", &[]).await.unwrap();
    early.subscribe("1", "{ greeting }").await;
    assert_eq!(early.close_code().await, 4401);

    let mut twice = open(app()).await;
    twice.say(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.close_code().await, 4429);

    let mut same = open(app()).await;
    same.subscribe("1", "subscription { ticks }").await;
    same.subscribe("1", "subscription { ticks }").await;
    while let message = same.next().await
        && !matches!(&message, Message::Close(Some(frame)) if u16::from(frame.code) == 4409)
    {
        assert!(message.is_text(), "{message}");
    }

    for nonsense in ["{", "{}", "[]", r#"{"type":"dance"}"#, r#"{"type":"subscribe"}"#] {
        let mut socket = open(app()).await;
        socket.0.send(Message::text(nonsense)).await.unwrap();
        assert_eq!(socket.close_code().await, 4400, "{nonsense}");
    }
}

#[tokio::test]
async fn a_connection_runs_a_limited_number_of_operations() {
    let mut socket = open(app_within(Limits {
        operations_per_connection: 1,
        ..Limits::default()
    }))
    .await;
    socket.subscribe("1", "subscription { ticks }").await;
    socket.subscribe("2", "subscription { ticks }").await;
    loop {
        let message = socket.hear().await;
        if message["id"] == "2" {
            assert_eq!(message["payload"][0]["extensions"]["code"], "TOO_MANY_OPERATIONS");
            break;
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_connection() {
    let mut socket = open(app_within(Limits {
        body_bytes: 1_000,
        ..Limits::default()
    }))
    .await;
    socket.subscribe("1", &" ".repeat(2_000)).await;
    let end = tokio::time::timeout(Duration::from_secs(10), socket.0.next())
        .await
        .unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}

#[tokio::test]
async fn a_foreign_page_cannot_connect() {
    for (origin, welcome) in [("https://evil.example", false), ("https://app.example", true)] {
        let result = connect(app(), "graphql-transport-ws", &[("origin", origin)]).await;
        match result {
            Ok(_) => assert!(welcome, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!welcome && response.status() == 403, "{origin}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn other_protocols_are_refused() {
    let refused = connect(app(), "chat", &[]).await.err().unwrap();
    assert!(matches!(refused, tungstenite::Error::Http(response) if response.status() == 400));
}

#[tokio::test]
async fn the_old_protocol_is_spoken_too() {
    let mut socket = connect(app(), "graphql-ws", &[]).await.unwrap();
    socket
        .say(json!({ "type": "connection_init", "payload": {} }))
        .await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    socket
        .say(json!({ "type": "start", "id": "1", "payload": { "query": "subscription { count(to: 1) }" } }))
        .await;
    assert_eq!(
        socket.hear().await,
        json!({ "type": "data", "id": "1", "payload": { "data": { "count": 1 } } })
    );
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
    socket
        .say(json!({ "type": "start", "id": "2", "payload": { "query": "{" } }))
        .await;
    let message = socket.hear().await;
    assert_eq!(
        (&message["type"], &message["payload"]["extensions"]["code"]),
        (&json!("error"), &json!("GRAPHQL_PARSE_FAILED"))
    );
}

#[tokio::test]
async fn a_silent_client_is_asked_whether_it_lives_and_left_if_not() {
    let graphql = GraphQlHttp::builder(sample::schema())
        .keep_alive(Duration::from_millis(100))
        .build();
    let app = Router::new().route("/graphql", graphql.route());
    let mut socket = open(app).await;
    // Answering takes polling: this client does so for a while, and then no more.
    let lively = tokio::time::timeout(Duration::from_millis(600), async {
        while let Some(message) = socket.0.next().await {
            assert!(message.unwrap().is_ping());
        }
    });
    assert!(
        lively.await.is_err(),
        "the connection ended while its client answered"
    );
    tokio::time::sleep(Duration::from_millis(600)).await;
    let end = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(Ok(message)) = socket.0.next().await {
            assert!(message.is_ping() || message.is_close());
        }
    });
    end.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_closes_connections_so_that_clients_come_again() {
    let shutdown = CancellationToken::new();
    let graphql = GraphQlHttp::builder(sample::schema())
        .shutdown(shutdown.clone())
        .build();
    let mut socket = open(Router::new().route("/graphql", graphql.route())).await;
    shutdown.cancel();
    assert_eq!(socket.close_code().await, 1012);
}
