//! Reading a request's body into memory, within a limit.

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use crate::{Code, Refusal};

/// The whole body. Copies nothing if it arrives in one piece.
///
/// # Errors
///
/// `PAYLOAD_TOO_LARGE` before more than `limit` bytes are held, at once if the request announces more; `BAD_REQUEST` if the
/// client goes away.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    if HttpBody::size_hint(&body).lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let mut pieces = body.into_data_stream();
    let mut next = async || {
        let piece = pieces.try_next().await;
        piece.map_err(|_| Refusal::coded(Code::BadRequest, "the body ended early"))
    };
    let first = next().await?.unwrap_or_default();
    if first.len() > limit {
        return Err(too_large(limit));
    }
    let Some(second) = next().await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&bytes);
        piece = next().await?;
    }
    Ok(whole.freeze())
}

pub(crate) fn too_large(limit: usize) -> Refusal {
    Refusal::coded(Code::PayloadTooLarge, format!("the limit is {limit} bytes"))
}
