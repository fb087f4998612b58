//! The route: methods, media types, and the way of a request through the engine.

use std::{fmt, sync::Arc, time::Duration};

use async_graphql::{Executor, ObjectType, Schema, SubscriptionType, parser::types::OperationType};
use axum::{
    body::Body,
    response::Response,
    routing::{self, MethodRouter},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use tokio_util::sync::CancellationToken;

use crate::{
    Client, Code, Csrf, Limits, Refusal, RequestData, Transport, body,
    csrf::essence_is,
    documents::Documents,
    engine::{Answer, Engine, Operation},
    event_stream,
    masking::{self, IncidentIds},
    negotiation::{Accepted, Json},
    params::Params,
    propagation::FieldTypes,
    upload::Upload,
    web_socket,
};

/// A schema served over HTTP.
pub struct GraphQlHttp<E, D = ()> {
    engine: Arc<Engine<E, D>>,
}

impl<E, D> fmt::Debug for GraphQlHttp<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQlHttp")
            .field("limits", &self.engine.limits)
            .finish_non_exhaustive()
    }
}

impl<Q, M, S> GraphQlHttp<Schema<Q, M, S>>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Begins to serve a schema, with default settings and without request data.
    #[must_use]
    pub fn builder(schema: Schema<Q, M, S>) -> Builder<Schema<Q, M, S>> {
        Builder {
            sdl: schema.sdl(),
            executor: schema,
            trusting: None,
            request_data: (),
            limits: Limits::default(),
            csrf: Csrf::default(),
            incident_ids: masking::counted_ids(),
            keep_alive: Duration::from_secs(15),
            shutdown: CancellationToken::new(),
        }
    }
}

impl<E: Executor, D: RequestData> GraphQlHttp<E, D> {
    /// The route to mount: GET, POST, and the upgrade to WebSocket.
    ///
    /// Records `graphql.operation.type` and, where the client gives it, `graphql.operation.name` on the current tracing
    /// span, if it has these fields.
    pub fn route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let engine = Arc::clone(&self.engine);
        routing::any(move |request: Request<Body>| serve(Arc::clone(&engine), request))
    }
}

/// Settings of a [`GraphQlHttp`].
pub struct Builder<E, D = ()> {
    executor: E,
    trusting: Option<E>,
    sdl: String,
    request_data: D,
    limits: Limits,
    csrf: Csrf,
    incident_ids: IncidentIds,
    keep_alive: Duration,
    shutdown: CancellationToken,
}

impl<E, D> fmt::Debug for Builder<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("limits", &self.limits)
            .field("csrf", &self.csrf)
            .finish_non_exhaustive()
    }
}

impl<E: Executor, D: RequestData> Builder<E, D> {
    /// Sets what supplies each operation's data.
    #[must_use]
    pub fn request_data<N: RequestData>(self, request_data: N) -> Builder<E, N> {
        Builder {
            executor: self.executor,
            trusting: self.trusting,
            sdl: self.sdl,
            request_data,
            limits: self.limits,
            csrf: self.csrf,
            incident_ids: self.incident_ids,
            keep_alive: self.keep_alive,
            shutdown: self.shutdown,
        }
    }

    /// Sets what executes documents that the schema has validated before, so that they are not validated each time: the
    /// same schema, built with [`ValidationMode::Fast`](async_graphql::ValidationMode::Fast). Requests with variables of
    /// other types than the built-in scalars are always validated.
    #[must_use]
    pub fn once_validated(mut self, schema: E) -> Self {
        self.trusting = Some(schema);
        self
    }

    /// Sets how much one request may ask for.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets which cookies authenticate, and how requests with them prove to be no foreign page's.
    #[must_use]
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = csrf;
        self
    }

    /// Sets what makes the ids of masked errors, for requests without an `X-Request-Id`. By default they
    /// are counted, which tells them apart within one process.
    #[must_use]
    pub fn incident_ids(mut self, ids: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.incident_ids = Arc::new(ids);
        self
    }

    /// Sets how often an idle event stream or WebSocket is sent a sign of life; 15 seconds by default. A WebSocket whose client
    /// gives none itself for twice as long is closed.
    #[must_use]
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = interval;
        self
    }

    /// Sets what ends all event streams and WebSockets, which would otherwise outlive a graceful shutdown.
    #[must_use]
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = token;
        self
    }

    /// Puts the settings to use.
    #[must_use]
    pub fn build(self) -> GraphQlHttp<E, D> {
        // A schema prints what its own parser reads; if it did not, failed fields would be left out, as async-graphql does.
        let field_types = FieldTypes::of(&self.sdl).unwrap_or_else(|error| {
            tracing::error!(%error, "the schema's definition cannot be read");
            FieldTypes::default()
        });
        GraphQlHttp {
            engine: Arc::new(Engine {
                executor: self.executor,
                trusting: self.trusting,
                request_data: self.request_data,
                documents: Documents::new(),
                field_types,
                limits: self.limits,
                csrf: self.csrf,
                incident_ids: self.incident_ids,
                keep_alive: self.keep_alive,
                shutdown: self.shutdown,
            }),
        }
    }
}

async fn serve<E: Executor, D: RequestData>(engine: Arc<Engine<E, D>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if web_socket::is_asked_for(&parts) {
        return match web_socket::upgrade(engine, parts).await {
            Ok(response) => response,
            Err(refusal) => refusal.respond(Json::Plain.content_type()),
        };
    }
    let accepted = Accepted::of(&parts.headers);
    match answer(&engine, &parts, body, accepted).await {
        Ok(response) => response,
        Err(refusal) => refusal.respond(accepted.json.unwrap_or(Json::Plain).content_type()),
    }
}

/// Answers a request, or says why it is no GraphQL request that can be answered.
async fn answer<E: Executor, D: RequestData>(
    engine: &Arc<Engine<E, D>>,
    parts: &Parts,
    body: Body,
    accepted: Accepted,
) -> Result<Response, Refusal> {
    let get = match parts.method {
        Method::POST => false,
        Method::GET | Method::HEAD => true,
        _ => return Err(not_allowed("GraphQL takes GET and POST", "GET, POST")),
    };
    if accepted.json.is_none() && !accepted.event_stream {
        let message =
            "the answer can be application/graphql-response+json, application/json or text/event-stream";
        return Err(Refusal::coded(Code::NotAcceptable, message));
    }

    let mut data = None;
    let prepared = if get {
        engine.csrf.check(parts)?;
        engine.prepare(Params::from_uri(&parts.uri)?)
    } else {
        match content_type(&parts.headers)? {
            Content::Json => {
                engine.csrf.check(parts)?;
                let body = body::read(body, engine.limits.body_bytes).await?;
                engine.prepare(Params::from_json(&body)?)
            }
            Content::Multipart => {
                engine.csrf.check_preflighted(&parts.headers)?;
                engine.csrf.check(parts)?;
                // Whoever is not served at all fills no disks.
                data = Some(engine.request_data(client(parts, Transport::Http)).await?);
                let upload = Upload::receive(&parts.headers, body, &engine.limits).await?;
                let prepared = engine.prepare(Params::from_json(&upload.operations)?);
                match prepared {
                    Ok(mut operation) => {
                        upload.fill(&mut operation.request)?;
                        Ok(operation)
                    }
                    refused => refused,
                }
            }
        }
    };
    if get
        && prepared
            .as_ref()
            .is_ok_and(|operation| operation.kind == OperationType::Mutation)
    {
        return Err(not_allowed("mutations must be sent by POST", "POST"));
    }

    let kind = prepared.as_ref().map(|operation| operation.kind);
    let json = match accepted.json {
        Some(json)
            if !(accepted.event_stream && kind.is_ok_and(|kind| kind == OperationType::Subscription)) =>
        {
            json
        }
        _ => return stream_answer(engine, parts, prepared, data).await,
    };
    let answer = match prepared {
        Ok(Operation {
            kind: OperationType::Subscription,
            ..
        }) => {
            let message = "subscriptions need a WebSocket, or text/event-stream among the accepted types";
            Refusal::coded(Code::SubscriptionNeedsStream, message).into()
        }
        Ok(mut operation) => {
            operation.request.data = match data {
                Some(data) => data,
                None => engine.request_data(client(parts, Transport::Http)).await?,
            };
            let incidents = engine.incidents(&parts.headers);
            engine.execute(operation, incidents).await
        }
        Err(refused) => refused,
    };
    Ok(respond(answer, json, get))
}

/// Answers with server-sent events. Request errors come as an event too, since browsers' clients cannot read the body of
/// anything else.
async fn stream_answer<E: Executor, D: RequestData>(
    engine: &Arc<Engine<E, D>>,
    parts: &Parts,
    prepared: Result<Operation, Answer>,
    data: Option<async_graphql::Data>,
) -> Result<Response, Refusal> {
    let answers = match prepared {
        Ok(mut operation) => {
            operation.request.data = match data {
                Some(data) => data,
                None => engine.request_data(client(parts, Transport::EventStream)).await?,
            };
            engine.stream(operation, engine.incidents(&parts.headers))
        }
        Err(refused) => stream::once(async { refused }).boxed(),
    };
    Ok(event_stream::respond(
        answers,
        engine.keep_alive,
        engine.shutdown.clone(),
    ))
}

fn client(parts: &Parts, transport: Transport) -> Client<'_> {
    Client {
        parts,
        connection_init: None,
        transport,
    }
}

fn not_allowed(message: &str, allow: &'static str) -> Refusal {
    Refusal::coded(Code::MethodNotAllowed, message).header(header::ALLOW, HeaderValue::from_static(allow))
}

enum Content {
    Json,
    Multipart,
}

fn content_type(headers: &HeaderMap) -> Result<Content, Refusal> {
    let unsupported = || {
        let message = "the body must be application/json in UTF-8, or multipart/form-data";
        Refusal::coded(Code::UnsupportedMediaType, message)
    };
    let value = headers.get(header::CONTENT_TYPE).ok_or_else(unsupported)?;
    if essence_is(value, "multipart/form-data") {
        return Ok(Content::Multipart);
    }
    let charset = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .skip(1)
        .find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"'))
        });
    if essence_is(value, "application/json")
        && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    {
        return Ok(Content::Json);
    }
    Err(unsupported())
}

fn respond(answer: Answer, json: Json, get: bool) -> Response {
    let body = answer.body();
    let (status, cache, resolver_headers) = match answer {
        Answer::Executed(response) => {
            let cache = response
                .cache_control
                .value()
                .filter(|_| response.errors.is_empty());
            (StatusCode::OK, cache, Some(response.http_headers))
        }
        Answer::Refused { status, .. } if json == Json::GraphQl => (status, None, None),
        Answer::Refused { .. } => (StatusCode::OK, None, None),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, json.content_type());
    if get {
        let cache = cache.and_then(|cache| HeaderValue::try_from(cache).ok());
        headers.insert(
            header::CACHE_CONTROL,
            cache.unwrap_or(HeaderValue::from_static("no-store")),
        );
        headers.insert(
            header::VARY,
            HeaderValue::from_static("accept, authorization, cookie"),
        );
    }
    if let Some(resolver_headers) = resolver_headers {
        headers.extend(resolver_headers);
    }
    response
}
