//! A small schema with something of everything that a transport must carry.

use std::{
    io::{self, Read},
    time::Duration,
};

use async_graphql::{
    Context, Data, EmptyMutation, EmptySubscription, Error, ErrorExtensions, Object, Result, Schema,
    SimpleObject, Subscription, Upload, ValidationMode,
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use resonance_gateway_http::{Client, Refusal, RequestData};

pub(crate) type Sample = Schema<Query, Mutation, Events>;

pub(crate) fn schema() -> Sample {
    Schema::build(Query, Mutation, Events)
        .limit_complexity(1_000)
        .finish()
}

/// The schema for documents that [`schema`] has validated.
pub(crate) fn trusting() -> Sample {
    Schema::build(Query, Mutation, Events)
        .validation_mode(ValidationMode::Fast)
        .limit_complexity(1_000)
        .finish()
}

/// A schema without mutations and subscriptions.
pub(crate) fn plain() -> Schema<Query, EmptyMutation, EmptySubscription> {
    Schema::new(Query, EmptyMutation, EmptySubscription)
}

/// Who asks.
pub(crate) struct Caller(pub(crate) String);

/// Knows callers by their bearer token; refuses the token `revoked`.
pub(crate) struct Callers;

impl RequestData for Callers {
    async fn request_data(&self, client: Client<'_>) -> Result<Data, Refusal> {
        let token = client
            .authorization()
            .and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some("revoked") => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "UNAUTHENTICATED",
                "the session has ended",
            )
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            token => {
                let mut data = Data::default();
                data.insert(Caller(token.unwrap_or("nobody").to_owned()));
                Ok(data)
            }
        }
    }
}

/// A thing inside a thing inside a thing.
pub(crate) struct Nest;

#[Object]
impl Nest {
    /// One further down.
    async fn deeper(&self) -> Option<Nest> {
        Some(Nest)
    }

    /// Fails although it must not be null.
    async fn broken(&self) -> Result<i32> {
        Err(io::Error::other("disk failure"))?
    }

    /// How it feels.
    async fn mood(&self) -> &str {
        "cosy"
    }
}

/// Ways to ask.
pub(crate) struct Query;

#[Object]
impl Query {
    /// Greets someone.
    async fn greeting(&self, #[graphql(default_with = "\"world\".to_owned()")] name: String) -> String {
        format!("hello {name}")
    }

    /// Doubles a number.
    async fn double(&self, number: i32) -> i32 {
        number * 2
    }

    /// Who asks.
    async fn caller(&self, ctx: &Context<'_>) -> String {
        ctx.data_opt::<Caller>()
            .map_or_else(|| "nobody".to_owned(), |caller| caller.0.clone())
    }

    /// The first of many.
    async fn nest(&self) -> Nest {
        Nest
    }

    /// Stays the same for a minute.
    #[graphql(cache_control(max_age = 60))]
    async fn motto(&self) -> &str {
        "measure twice"
    }

    /// Fails as a database does.
    async fn storage(&self) -> Result<Option<i32>> {
        Err(io::Error::other("relation accounts does not exist"))?
    }

    /// Fails with a message that pretends to be about an argument, and has a source.
    async fn sly(&self) -> Result<Option<i32>> {
        Err(io::Error::other("Failed to parse \"password\": hunter2"))?
    }

    /// Refuses, with a code.
    async fn refused(&self) -> Result<Option<i32>> {
        Err(Error::new("you may not").extend_with(|_, extensions| extensions.set("code", "FORBIDDEN")))
    }

    /// Panics.
    async fn broken(&self) -> Option<i32> {
        Some(Vec::new().remove(0))
    }

    /// Never answers.
    async fn endless(&self) -> bool {
        std::future::pending().await
    }
}

/// What a file held.
#[derive(SimpleObject)]
pub(crate) struct Received {
    /// The name that the client gave.
    name: String,
    /// The content type that the client gave.
    content_type: Option<String>,
    /// Bytes.
    size: usize,
}

fn received(ctx: &Context<'_>, file: Upload) -> Result<Received> {
    let mut upload = file.value(ctx)?;
    let size = io::copy(&mut upload.content.by_ref(), &mut io::sink())?;
    Ok(Received {
        name: upload.filename,
        content_type: upload.content_type,
        size: usize::try_from(size)?,
    })
}

/// Ways to change.
pub(crate) struct Mutation;

#[Object]
impl Mutation {
    /// Takes a file.
    async fn take(&self, ctx: &Context<'_>, file: Upload) -> Result<Received> {
        received(ctx, file)
    }

    /// Takes files.
    async fn take_all(&self, ctx: &Context<'_>, files: Vec<Upload>) -> Result<Vec<Received>> {
        files.into_iter().map(|file| received(ctx, file)).collect()
    }

    /// Sets a cookie.
    async fn sign_in(&self, ctx: &Context<'_>) -> bool {
        ctx.append_http_header(header::SET_COOKIE, "session=secret; HttpOnly");
        ctx.append_http_header(header::SET_COOKIE, "theme=dark");
        true
    }
}

/// Things that happen.
pub(crate) struct Events;

#[Subscription]
impl Events {
    /// Counts, and then is done.
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// Who listens, once.
    async fn listener(&self, ctx: &Context<'_>) -> impl Stream<Item = String> {
        let name = ctx
            .data_opt::<Caller>()
            .map_or_else(|| "nobody".to_owned(), |caller| caller.0.clone());
        stream::iter([name])
    }

    /// Ticks for ever.
    async fn ticks(&self) -> impl Stream<Item = i32> {
        stream::iter(0..).then(|tick| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            tick
        })
    }

    /// Fails before it begins.
    async fn unavailable(&self) -> Result<stream::Empty<i32>> {
        Err(io::Error::other("connection to 10.0.0.7 refused"))?
    }

    /// Fails on the way.
    async fn interrupted(&self) -> impl Stream<Item = Result<i32>> {
        stream::iter([
            Ok(1),
            Err(io::Error::other("relation events does not exist").into()),
        ])
    }
}
