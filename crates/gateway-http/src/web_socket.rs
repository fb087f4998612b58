//! GraphQL over WebSocket: `graphql-transport-ws`, and for old clients `graphql-ws`, its predecessor.
//!
//! async-graphql has these protocols too, but closes with codes other than the protocol's, answers request errors as if they
//! were results, takes a second operation of the same id for the first, and never asks whether a silent client is still there.

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_graphql::{Executor, ServerError};
use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    response::Response,
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderValue, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;
use tracing::Instrument;

use crate::{
    Client, Code, Refusal, RequestData, Transport,
    engine::{Answer, Engine},
    params::Params,
};

/// How long a client may take to say who it is, and to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a request asks to become a WebSocket.
pub(crate) fn is_asked_for(parts: &Parts) -> bool {
    parts
        .headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes the upgrade, if the page that asks for it may.
pub(crate) async fn upgrade<E: Executor, D: RequestData>(
    engine: Arc<Engine<E, D>>,
    mut parts: Parts,
) -> Result<Response, Refusal> {
    engine.csrf.check_origin(&parts)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|rejection| Refusal::coded(Code::BadRequest, rejection.body_text()))?
        .protocols([Dialect::Modern.name(), Dialect::Legacy.name()])
        .max_message_size(engine.limits.body_bytes)
        .max_frame_size(engine.limits.body_bytes);
    let dialect = match upgrade.selected_protocol().map(HeaderValue::as_bytes) {
        Some(b"graphql-transport-ws") => Dialect::Modern,
        Some(b"graphql-ws") => Dialect::Legacy,
        _ => {
            return Err(Refusal::coded(
                Code::BadRequest,
                "the WebSocket's protocol must be graphql-transport-ws",
            ));
        }
    };
    let span = tracing::Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        let connection = Connection {
            engine,
            parts: Arc::new(parts),
            dialect,
            socket,
            client: None,
            operations: StreamMap::new(),
        };
        connection.serve().instrument(span)
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Modern,
    Legacy,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Self::Modern => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }
}

/// What a client says, in both dialects.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Value>,
}

/// What a client is told, in both dialects.
#[derive(Serialize)]
struct Told<'a, P> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<P>,
}

/// Why a connection ends.
enum End {
    /// The client has gone, or says that it goes.
    Gone,
    /// The server closes, with a code and a reason.
    Close(u16, Cow<'static, str>),
}

/// One step of an operation.
enum Step {
    Answer(Answer),
    Done,
}

struct Connection<E, D> {
    engine: Arc<Engine<E, D>>,
    parts: Arc<Parts>,
    dialect: Dialect,
    socket: WebSocket,
    /// What `connection_init` said, once the client has been let in.
    client: Option<Arc<Option<Value>>>,
    operations: StreamMap<String, BoxStream<'static, Step>>,
}

impl<E: Executor, D: RequestData> Connection<E, D> {
    async fn serve(mut self) {
        // Dropping the connection afterwards drops its operations, and so cancels them.
        if let Err(End::Close(code, reason)) = self.run().await {
            let close = Message::Close(Some(CloseFrame {
                code,
                reason: short(&reason).into(),
            }));
            let _ = timeout(PATIENCE, self.socket.send(close)).await;
        }
    }

    async fn run(&mut self) -> Result<(), End> {
        let opened = Instant::now();
        let mut heard = opened;
        let mut heartbeat = interval_at(opened + self.engine.keep_alive, self.engine.keep_alive);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.engine.shutdown.clone();
        loop {
            tokio::select! {
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => return Err(bad_request("messages are text")),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
                    }
                }
                Some((id, step)) = self.operations.next(), if !self.operations.is_empty() => {
                    self.tell_step(&id, step).await?;
                }
                _ = heartbeat.tick() => {
                    if heard.elapsed() > self.engine.keep_alive * 2 {
                        return Err(End::Gone);
                    }
                    self.send(Message::Ping(bytes::Bytes::new())).await?;
                }
                () = sleep_until(opened + PATIENCE), if self.client.is_none() => {
                    return Err(End::Close(4408, "connection initialisation timeout".into()));
                }
                () = shutdown.cancelled() => {
                    return Err(End::Close(1012, "the server restarts".into()));
                }
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), End> {
        let said: Said = serde_json::from_str(text).map_err(|_| bad_request("malformed message"))?;
        match (said.kind.as_str(), said.id) {
            ("connection_init", _) => self.initialise(said.payload).await,
            ("subscribe" | "start", Some(id)) => self.subscribe(id, said.payload.unwrap_or_default()).await,
            ("complete" | "stop", Some(id)) => {
                self.operations.remove(&id);
                Ok(())
            }
            ("ping", _) => self.tell("pong", None, said.payload).await,
            ("pong", _) => Ok(()),
            ("connection_terminate", _) => Err(End::Gone),
            _ => Err(bad_request("unknown message")),
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> Result<(), End> {
        if self.client.is_some() {
            return Err(End::Close(4429, "too many initialisation requests".into()));
        }
        let client = Client {
            parts: &self.parts,
            connection_init: payload.as_ref(),
            transport: Transport::WebSocket,
        };
        match self.engine.request_data(client).await {
            Ok(_) => {
                self.client = Some(Arc::new(payload));
                self.tell::<()>("connection_ack", None, None).await
            }
            Err(refusal) => {
                let reason = refusal.message().to_owned();
                let code = if refusal.status().is_server_error() {
                    4500
                } else {
                    4403
                };
                if self.dialect == Dialect::Legacy {
                    self.tell("connection_error", None, Some(refusal.into_error()))
                        .await?;
                }
                Err(End::Close(code, reason.into()))
            }
        }
    }

    async fn subscribe(&mut self, id: String, payload: Value) -> Result<(), End> {
        let Some(init) = self.client.clone() else {
            return Err(End::Close(4401, "unauthorized".into()));
        };
        if self.operations.contains_key(&id) {
            return Err(End::Close(
                4409,
                format!("subscriber for {id} already exists").into(),
            ));
        }
        if self.operations.len() >= self.engine.limits.operations_per_connection {
            let message = "too many operations at a time on this connection";
            return self
                .tell_refused(&id, vec![Code::TooManyOperations.error(message)])
                .await;
        }
        let answers = operation(Arc::clone(&self.engine), Arc::clone(&self.parts), init, payload);
        let steps = answers
            .map(Step::Answer)
            .chain(stream::once(async { Step::Done }));
        self.operations.insert(id, steps.boxed());
        Ok(())
    }

    async fn tell_step(&mut self, id: &str, step: Step) -> Result<(), End> {
        match step {
            Step::Answer(Answer::Refused { errors, .. }) => {
                self.operations.remove(id);
                self.tell_refused(id, errors).await
            }
            Step::Answer(answer) => {
                let kind = if self.dialect == Dialect::Modern {
                    "next"
                } else {
                    "data"
                };
                self.tell(kind, Some(id), Some(answer)).await
            }
            Step::Done => {
                self.operations.remove(id);
                self.tell::<()>("complete", Some(id), None).await
            }
        }
    }

    async fn tell_refused(&mut self, id: &str, mut errors: Vec<ServerError>) -> Result<(), End> {
        match self.dialect {
            Dialect::Modern => self.tell("error", Some(id), Some(errors)).await,
            Dialect::Legacy => self.tell("error", Some(id), errors.pop()).await,
        }
    }

    async fn tell<P: Serialize>(
        &mut self,
        kind: &str,
        id: Option<&str>,
        payload: Option<P>,
    ) -> Result<(), End> {
        let text = serde_json::to_string(&Told { kind, id, payload })
            .map_err(|error| End::Close(1011, error.to_string().into()))?;
        self.send(Message::Text(text.into())).await
    }

    /// Sends a message. A client that reads nothing is as good as gone.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// The answers of one operation, from the message that asks for it. Everything happens in the stream, so that the
/// connection serves other operations meanwhile.
fn operation<E: Executor, D: RequestData>(
    engine: Arc<Engine<E, D>>,
    parts: Arc<Parts>,
    init: Arc<Option<Value>>,
    payload: Value,
) -> BoxStream<'static, Answer> {
    let begin = async move {
        let mut operation = engine.prepare(Params::from_value(&payload)?)?;
        let client = Client {
            parts: &parts,
            connection_init: init.as_ref().as_ref(),
            transport: Transport::WebSocket,
        };
        operation.request.data = engine.request_data(client).await?;
        Ok(engine.stream(operation, engine.incidents(&parts.headers)))
    };
    let answers = async move {
        begin
            .await
            .unwrap_or_else(|refused: Answer| stream::once(async { refused }).boxed())
    };
    stream::once(answers).flatten().boxed()
}

fn bad_request(reason: &'static str) -> End {
    End::Close(4400, reason.into())
}

/// A close frame's reason: at most 123 bytes.
fn short(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(123)]
}
