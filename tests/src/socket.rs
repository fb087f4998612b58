//! GraphQL over a WebSocket (`graphql-transport-ws`).

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{Client, Server};

/// A connection on which one subscription runs.
#[derive(Debug)]
pub struct Socket(WebSocketStream<TcpStream>);

impl Client {
    /// Subscribes on this node.
    ///
    /// # Panics
    /// If the node does not take the subscription.
    pub async fn subscribe(&self, server: &Server, query: &str, variables: Value) -> Socket {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let url = server.url("/graphql").replace("http://", "ws://");
        let mut request = url.into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (stream, _) = client_async(request, stream).await.unwrap();
        let mut socket = Socket(stream);
        let token = format!("Bearer {}", self.token());
        socket
            .send(json!({ "type": "connection_init", "payload": { "Authorization": token } }))
            .await;
        assert_eq!(socket.hear().await.unwrap()["type"], "connection_ack");
        let payload = json!({ "query": query, "variables": variables });
        socket
            .send(json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await;
        socket
    }
}

impl Socket {
    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, waited for; none once the connection is closed.
    ///
    /// # Panics
    /// If none comes within ten seconds.
    pub async fn hear(&mut self) -> Option<Value> {
        let heard = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        if message["type"] == "ping" {
                            self.send(json!({ "type": "pong" })).await;
                        } else {
                            return Some(message);
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), heard)
            .await
            .expect("a word within ten seconds")
    }
}
