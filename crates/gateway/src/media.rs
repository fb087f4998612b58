//! Audio, previews, recordings, logos and keys: what browsers fetch without GraphQL.
//!
//! Each route takes a signed URL or the session's credentials. Whoever has neither gets 401; for whoever may not know
//! that the thing exists, it does not (404).

use std::{str::FromStr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request as HttpRequest, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use resonance_authz::Denied;
use resonance_identity::SignedQuery;
use resonance_services::{
    Delivery, Hearing, Outcome, ReadMethod, Request, ServiceError, Services, SubtitleFormat,
};

use crate::{byte_range::ByteRange, identify::Identify, respond};

/// The routes.
pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/audio/{id}", get(audio))
        .route("/audio/{id}/stream", get(live))
        .route("/audio/{id}/{subtitles}", get(subtitles))
        .route("/voices/{id}/preview", get(preview))
        .route("/voices/{id}/sample", get(sample))
        .route("/organizations/{id}/logo", get(logo))
        .with_state(identify)
}

/// The public keys that JWTs are verified with.
pub(crate) fn keys(services: &Services) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, services.jwks().to_string()).into_response()
}

/// The signature in the query, if there is one: a query that holds anything else holds none.
type Signature = Result<Query<SignedQuery>, QueryRejection>;

async fn audio(
    State(identify): State<Identify>,
    id: Path<String>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    deliver(&identify, id, query, http, async |request, id, signature| {
        request.generations().audio(id, signature).await
    })
    .await
}

async fn live(
    State(identify): State<Identify>,
    Path(id): Path<String>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    let (parts, request, id) = match asked(&identify, &id, http).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let (generations, signature) = (request.generations(), query.as_deref().ok());
    // Who asks for the head alone does not wait for the sound.
    let hearing = if parts.method == Method::HEAD {
        generations.foretell(id, signature).await
    } else {
        generations.hear(id, signature).await
    };
    match hearing {
        Ok(Hearing::File(delivery)) => match stream(&parts.method, &parts.headers, &delivery).await {
            Ok(response) => response,
            Err(error) => refused(error),
        },
        Ok(Hearing::Live(live)) => {
            let headers = [
                (header::CONTENT_TYPE, live.content_type),
                (header::CACHE_CONTROL, "no-store"),
                // Proxies that gather answers would make the listener wait.
                (HeaderName::from_static("x-accel-buffering"), "no"),
            ];
            (headers, Body::from_stream(live.bytes)).into_response()
        }
        Err(error) => refused(error),
    }
}

async fn subtitles(
    State(identify): State<Identify>,
    Path((id, file)): Path<(String, String)>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    let (_, request, id) = match asked(&identify, &id, http).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let format = match file.as_str() {
        "subtitles.srt" => SubtitleFormat::Srt,
        "subtitles.vtt" => SubtitleFormat::WebVtt,
        _ => return respond::not_found(),
    };
    let found = request.generations().subtitles(id, format, query.as_deref().ok());
    match found.await {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, format.content_type()),
                (header::CACHE_CONTROL, "private, max-age=3600"),
            ];
            (headers, text).into_response()
        }
        Err(error) => refused(error),
    }
}

async fn preview(
    State(identify): State<Identify>,
    id: Path<String>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    deliver(&identify, id, query, http, async |request, id, signature| {
        request.voices().preview(id, signature).await
    })
    .await
}

async fn sample(
    State(identify): State<Identify>,
    id: Path<String>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    deliver(&identify, id, query, http, async |request, id, signature| {
        request.voices().sample(id, signature).await
    })
    .await
}

async fn logo(
    State(identify): State<Identify>,
    Path(id): Path<String>,
    query: Signature,
    http: HttpRequest,
) -> Response {
    let (parts, request, id) = match asked(&identify, &id, http).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let picture = match request
        .organizations()
        .logo_or_avatar(id, query.as_deref().ok())
        .await
    {
        Ok(picture) => picture,
        Err(error) => return refused(error),
    };
    let etag = format!("\"{}\"", picture.version);
    // An avatar is SVG, which could hold scripts if it were opened as a page.
    let headers = [
        (header::CONTENT_TYPE, picture.content_type.to_owned()),
        (header::CACHE_CONTROL, "private, max-age=86400".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
        ),
        (header::ETAG, etag.clone()),
    ];
    if unchanged(&parts.headers, &etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, picture.bytes).into_response()
}

/// Who asks, and for what.
pub(crate) async fn asked<I: FromStr>(
    identify: &Identify,
    id: &str,
    http: HttpRequest,
) -> Result<(Parts, Request, I), Response> {
    let (parts, _) = http.into_parts();
    let request = identify
        .request(&parts)
        .await
        .map_err(IntoResponse::into_response)?;
    // What is no id names nothing.
    let id = id.parse().map_err(|_| respond::not_found())?;
    Ok((parts, request, id))
}

async fn deliver<I: FromStr>(
    identify: &Identify,
    Path(id): Path<String>,
    query: Signature,
    http: HttpRequest,
    open: impl AsyncFnOnce(&Request, I, Option<&SignedQuery>) -> Outcome<Delivery>,
) -> Response {
    let (parts, request, id) = match asked(identify, &id, http).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    match open(&request, id, query.as_deref().ok()).await {
        Ok(delivery) => match stream(&parts.method, &parts.headers, &delivery).await {
            Ok(response) => response,
            Err(error) => refused(error),
        },
        Err(error) => refused(error),
    }
}

/// The whole, a part, or word that the client has it already.
async fn stream(method: &Method, asked: &HeaderMap, delivery: &Delivery) -> Outcome<Response> {
    let etag = delivery.etag.as_deref().unwrap_or_default();
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    );
    insert(headers, header::ETAG, etag);
    insert(
        headers,
        header::LAST_MODIFIED,
        &delivery.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    );
    if unchanged(asked, etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let read = if method == Method::HEAD {
        ReadMethod::Head
    } else {
        ReadMethod::Get
    };
    if let Some((url, lifetime)) = delivery.elsewhere(read).await? {
        return Ok(redirect(&url, lifetime));
    }
    insert(headers, header::CONTENT_TYPE, &delivery.content_type);
    let (range, length) = match ByteRange::asked_for(asked, etag, delivery.size) {
        ByteRange::Whole => (None, delivery.size),
        ByteRange::Part(range) => {
            let (start, end) = (range.start, range.end);
            insert(
                headers,
                header::CONTENT_RANGE,
                &format!("bytes {start}-{}/{}", end - 1, delivery.size),
            );
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (Some(range), end - start)
        }
        ByteRange::Unsatisfiable => {
            insert(
                response.headers_mut(),
                header::CONTENT_RANGE,
                &format!("bytes */{}", delivery.size),
            );
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
    };
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    if method != Method::HEAD {
        *response.body_mut() = Body::from_stream(delivery.read(range).await?);
    }
    Ok(response)
}

/// Sends the client to the bucket. Ranges and revalidation are the bucket's business; a player that seeks may come back
/// to the same URL as long as it is certain to be valid.
fn redirect(url: &str, lifetime: Duration) -> Response {
    let headers = [
        (header::LOCATION, url.to_owned()),
        (
            header::CACHE_CONTROL,
            format!("private, max-age={}", lifetime.as_secs() / 2),
        ),
        // The URL is a key to the object: no page that shows it is told to others.
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Every value here is ours and printable; one that is not would rather be missing than end the request.
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

fn unchanged(asked: &HeaderMap, etag: &str) -> bool {
    let known = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    !etag.is_empty()
        && known
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

/// The status and code of a refusal.
pub(crate) fn refused(error: ServiceError) -> Response {
    match error {
        ServiceError::Denied(Denied::Unauthenticated) => respond::error(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "sign in first, or use a fresh URL",
        ),
        ServiceError::Denied(Denied::NotVisible) | ServiceError::OrganizationRequired => respond::not_found(),
        ServiceError::Denied(Denied::Forbidden { missing }) => {
            let message = format!("your role lacks the permission {}", missing.key());
            respond::error(StatusCode::FORBIDDEN, "FORBIDDEN", &message)
        }
        ServiceError::Refused(errors) => match errors.first() {
            Some(error) => respond::error(StatusCode::CONFLICT, error.code.as_str(), &error.message),
            None => respond::error(StatusCode::CONFLICT, "CONFLICT", "not possible now"),
        },
        ServiceError::RateLimited { wait } => {
            let mut response =
                respond::error(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "too many requests");
            response.headers_mut().insert(
                header::RETRY_AFTER,
                wait.num_seconds().unsigned_abs().max(1).into(),
            );
            response
        }
        ServiceError::QuotaExceeded(_) => respond::error(
            StatusCode::PAYMENT_REQUIRED,
            "QUOTA_EXCEEDED",
            "the budget has not so much left",
        ),
        ServiceError::SubscriptionRequired { .. } => respond::error(
            StatusCode::PAYMENT_REQUIRED,
            "SUBSCRIPTION_REQUIRED",
            "the organization needs a subscription",
        ),
        ServiceError::BillingUnavailable => respond::error(
            StatusCode::BAD_GATEWAY,
            "BILLING_UNAVAILABLE",
            "the billing provider does not answer",
        ),
        ServiceError::Store(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the object store failed"
            );
            respond::error(
                StatusCode::BAD_GATEWAY,
                "INTERNAL",
                "the file cannot be fetched now",
            )
        }
        error @ (ServiceError::Storage(_) | ServiceError::Internal(..)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "request failed");
            respond::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "something went wrong on our side",
            )
        }
    }
}
