//! The GraphQL multipart request specification: operations, a map, then files.

use std::{collections::HashMap, io, io::Seek};

use async_graphql::{Request, UploadValue};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::io::AsyncWriteExt;

use crate::{Code, Limits, Refusal, body::too_large};

/// What a multipart body held.
pub(crate) struct Upload {
    /// The request's parameters, as JSON.
    pub(crate) operations: Bytes,
    files: Vec<(String, UploadValue)>,
}

impl Upload {
    /// Reads a multipart body. Files go to temporary files as they arrive, which vanish when the request is done.
    ///
    /// # Errors
    ///
    /// `PAYLOAD_TOO_LARGE` for more or larger files than the limits allow, `BAD_REQUEST` for everything that the specification
    /// does not foresee.
    pub(crate) async fn receive(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Self, Refusal> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let boundary =
            multer::parse_boundary(content_type.unwrap_or_default()).map_err(|error| refusal(&error))?;
        let (json, file, files) = (
            limits.body_bytes as u64,
            limits.file_bytes as u64,
            limits.files as u64,
        );
        let size = SizeLimit::new()
            .per_field(file)
            .for_field("operations", json)
            .for_field("map", json)
            .whole_stream(2 * json + files * file + FRAMING);
        let mut parts = Multipart::with_constraints(
            body.into_data_stream(),
            boundary,
            Constraints::new().size_limit(size),
        );

        let operations = named(&mut parts, "operations")
            .await?
            .bytes()
            .await
            .map_err(|error| refusal(&error))?;
        let map = named(&mut parts, "map")
            .await?
            .bytes()
            .await
            .map_err(|error| refusal(&error))?;
        let mut map: HashMap<String, Vec<String>> = serde_json::from_slice(&map)
            .map_err(|error| Refusal::coded(Code::BadRequest, format!("malformed map: {error}")))?;
        if map.len() > limits.files {
            let message = format!("a request takes at most {} files", limits.files);
            return Err(Refusal::coded(Code::PayloadTooLarge, message));
        }

        let mut files = Vec::with_capacity(map.len());
        while let Some(field) = parts.next_field().await.map_err(|error| refusal(&error))? {
            let places = field.name().and_then(|name| map.remove(name));
            // Two variables would share one file and its position in it.
            let Some([place]) = places.as_deref() else {
                return Err(Refusal::coded(
                    Code::BadRequest,
                    "the map must name one variable for every file",
                ));
            };
            let place = place.clone();
            files.push((place, spill(field).await?));
        }
        if !map.is_empty() {
            return Err(Refusal::coded(
                Code::BadRequest,
                "a file that the map names is missing",
            ));
        }
        Ok(Self { operations, files })
    }

    /// Puts the files into the variables that the map named.
    pub(crate) fn fill(self, request: &mut Request) -> Result<(), Refusal> {
        for (place, file) in self.files {
            let before = request.uploads.len();
            request.set_upload(&place, file);
            if request.uploads.len() == before {
                let message = format!("there is no `{place}` to put a file in");
                return Err(Refusal::coded(Code::BadRequest, message));
            }
        }
        Ok(())
    }
}

/// Bytes that boundaries and part headers may take.
const FRAMING: u64 = 1 << 16;

async fn named<'a>(parts: &mut Multipart<'a>, name: &str) -> Result<Field<'a>, Refusal> {
    let field = parts.next_field().await.map_err(|error| refusal(&error))?;
    field
        .filter(|field| field.name() == Some(name))
        .ok_or_else(|| Refusal::coded(Code::BadRequest, format!("the part `{name}` is missing")))
}

async fn spill(mut field: Field<'_>) -> Result<UploadValue, Refusal> {
    let filename = field.file_name().unwrap_or_default().to_owned();
    let content_type = field.content_type().map(ToString::to_string);
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(|error| storage(&error))?);
    while let Some(chunk) = field.chunk().await.map_err(|error| refusal(&error))? {
        file.write_all(&chunk).await.map_err(|error| storage(&error))?;
    }
    file.flush().await.map_err(|error| storage(&error))?;
    let mut content = file.into_std().await;
    content.rewind().map_err(|error| storage(&error))?;
    Ok(UploadValue {
        filename,
        content_type,
        content,
    })
}

fn storage(error: &io::Error) -> Refusal {
    tracing::error!(%error, "an upload could not be stored");
    Refusal::coded(Code::Internal, "internal error")
}

fn refusal(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::FieldSizeExceeded { limit, .. } | multer::Error::StreamSizeExceeded { limit } => {
            too_large(usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        _ => Refusal::coded(Code::BadRequest, format!("malformed multipart body: {error}")),
    }
}
