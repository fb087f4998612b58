//! Uploaded files.

use std::io::Read as _;

use async_graphql::{Context, Upload};
use resonance_domain::{ErrorCode, FieldError};

/// The bytes of an upload, but not more than one beyond `limit`: by that one the use case sees that it is too large.
///
/// # Errors
/// `INVALID`, blaming `field`, if the file is not there or cannot be read.
pub async fn upload_bytes(
    context: &Context<'_>,
    upload: Upload,
    field: &str,
    limit: usize,
) -> Result<Vec<u8>, FieldError> {
    let unreadable = || FieldError::new(ErrorCode::Invalid, "the upload could not be read").at(field);
    let file = upload.value(context).map_err(|_| unreadable())?.content;
    // The upload lies in a temporary file: reading it may touch the disk.
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    read.await.ok().and_then(Result::ok).ok_or_else(unreadable)
}
