//! Selections of the history as one file.
//!
//! The archive is put together while it is sent. One that ends early (the object store failed) ends as a broken answer, so
//! that nobody takes a part for the whole.

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request as HttpRequest, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::TryStreamExt as _;
use http::header;
use resonance_domain::ArchiveAddress;
use resonance_identity::SignedQuery;

use crate::{
    identify::Identify,
    media::{asked, refused},
};

/// Where archives are, which the rest of a path names at length.
pub(crate) const PATH: &str = "/archives/";

/// The routes.
pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/archives/{address}", get(archive))
        .with_state(identify)
}

async fn archive(
    State(identify): State<Identify>,
    Path(address): Path<String>,
    query: Result<Query<SignedQuery>, QueryRejection>,
    http: HttpRequest,
) -> Response {
    let (_, request, address) = match asked::<ArchiveAddress>(&identify, &address, http).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let opened = request.generations().archive(&address, query.as_deref().ok());
    let archive = match opened.await {
        Ok(archive) => archive,
        Err(error) => return refused(error),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", archive.file_name),
        ),
    ];
    let bytes = archive.bytes.map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an archive was cut short"
        );
        std::io::Error::other("cut short")
    });
    (headers, Body::from_stream(bytes)).into_response()
}
