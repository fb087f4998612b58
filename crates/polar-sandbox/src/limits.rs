//! What stands before every call under `/v1`: counting, faults, the limit of calls, the token.

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State as Given},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use crate::{
    refusal::Refusal,
    state::{Shared, State},
};

/// The time that the limit of calls looks back.
const WINDOW: Duration = Duration::from_secs(60);

/// What is done with a call.
enum Verdict {
    /// Nothing, and this answers it.
    Refused(Response),
    /// Nothing, for this long.
    Hangs(Duration),
    /// What it asks for.
    Done { lost: Option<Loss>, slow: Duration },
}

/// How an answer is lost.
enum Loss {
    BadGateway,
    BrokenConnection,
}

fn too_many(seconds: u64) -> Response {
    let detail = "There were too many requests.";
    let mut response =
        Refusal::named(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", detail).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn failed(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    Refusal::named(status, "InternalServerError", reason).into_response()
}

impl State {
    /// Counts a call; the seconds to wait, if it is one too many.
    fn over_limit(&mut self, now: Instant) -> Option<u64> {
        let limit = usize::try_from(self.requests_per_minute?).ok()?;
        let recent = &mut self.kept.recent;
        while recent
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            recent.pop_front();
        }
        if recent.len() < limit {
            recent.push_back(now);
            return None;
        }
        let oldest = recent.front().copied().unwrap_or(now);
        let left = WINDOW.saturating_sub(now.duration_since(oldest));
        Some(left.as_secs() + 1)
    }

    fn judge(&mut self, what: String, headers: &HeaderMap) -> Verdict {
        *self.kept.requests.entry(what).or_default() += 1;
        let faults = self.kept.faults;
        if faults.hang_ms > 0 {
            return Verdict::Hangs(Duration::from_millis(faults.hang_ms));
        }
        if faults.down {
            return Verdict::Refused(failed(StatusCode::SERVICE_UNAVAILABLE));
        }
        if faults.too_many {
            return Verdict::Refused(too_many(1));
        }
        if let Some(seconds) = self.over_limit(Instant::now()) {
            return Verdict::Refused(too_many(seconds));
        }
        let authorization = headers.get(header::AUTHORIZATION);
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if token != Some(self.token.as_str()) {
            return Verdict::Refused(Refusal::unauthorized(token.is_some()).into_response());
        }
        if self.happens(faults.error_rate) {
            return Verdict::Refused(failed(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let lost = self.happens(faults.lost_answer_rate).then(|| {
            if self.happens(0.5) {
                Loss::BrokenConnection
            } else {
                Loss::BadGateway
            }
        });
        Verdict::Done {
            lost,
            slow: Duration::from_millis(faults.slow_ms),
        }
    }
}

/// Lets a call through, or not.
pub(crate) async fn gate(Given(shared): Given<Shared>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let what = format!("{} {path}", request.method());
    let verdict = shared.lock().judge(what, request.headers());
    match verdict {
        Verdict::Refused(response) => response,
        Verdict::Hangs(time) => {
            tokio::time::sleep(time).await;
            failed(StatusCode::GATEWAY_TIMEOUT)
        }
        Verdict::Done { lost, slow } => {
            let response = next.run(request).await;
            tokio::time::sleep(slow).await;
            match lost {
                None => response,
                Some(Loss::BadGateway) => failed(StatusCode::BAD_GATEWAY),
                Some(Loss::BrokenConnection) => {
                    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("lost"))]);
                    Response::new(Body::from_stream(broken))
                }
            }
        }
    }
}
