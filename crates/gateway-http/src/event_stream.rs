//! Server-sent events: the distinct connections mode of the GraphQL over SSE protocol.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue, header};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::engine::Answer;

/// The last event. Its empty data makes browsers dispatch it: without any they drop it.
const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";
/// A comment, which clients ignore and which keeps proxies from closing an idle connection.
const SIGN_OF_LIFE: &[u8] = b":\n\n";

/// Answers with one `next` event for each result, and `complete` when the server has no more.
///
/// When the server shuts down the stream just ends: without `complete`, clients subscribe anew, at another node.
pub(crate) fn respond(
    answers: impl Stream<Item = Answer> + Send + 'static,
    keep_alive: Duration,
    shutdown: CancellationToken,
) -> Response {
    let events = answers
        .map(|answer| next(&answer))
        .chain(stream::once(async { Bytes::from_static(COMPLETE) }))
        .take_until(shutdown.cancelled_owned())
        .boxed();
    let body = stream::unfold(events, move |mut events| async move {
        let event = match timeout(keep_alive, events.next()).await {
            Ok(event) => event?,
            Err(_) => Bytes::from_static(SIGN_OF_LIFE),
        };
        Some((Ok::<_, Infallible>(event), events))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Reverse proxies would hold events back to fill their buffers.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn next(answer: &Answer) -> Bytes {
    // JSON holds no raw line breaks, so that one data line holds it all.
    [b"event: next\ndata: ", &*answer.body(), b"\n\n"].concat().into()
}
