//! Objects that are stored while they are being made.

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{MultipartUpload, PutMultipartOptions, PutPayload, PutPayloadMut};
use tokio::runtime::Handle;

use crate::{BlobError, BlobKey, Blobs};

/// The size of all parts but the last: the smallest that S3 takes. Its limit of 10,000 parts allows 50 GB.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// How many parts of one object are on their way at once, beside the one that is being filled.
const PARTS_IN_FLIGHT: usize = 2;

/// Why what came as a stream was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutStreamError<E> {
    /// The stream failed, so that the object would not have been whole.
    #[error("the bytes to store did not all come")]
    Source(#[source] E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] BlobError),
}

impl Blobs {
    /// Stores what `bytes` brings until it ends, and says how many bytes that were. Like [`put`](Self::put),
    /// whole or not at all, in the place of an object that was there; whatever the size, it holds no more than
    /// three parts of 5 MiB.
    ///
    /// Where the stream or the store fails, or the future is dropped, what was uploaded is removed again. A
    /// killed process leaves parts without an object: a folder is cleaned when it is opened next, a bucket by
    /// its lifecycle rule for incomplete multipart uploads.
    ///
    /// # Errors
    /// [`PutStreamError::Source`] with the stream's own error; [`PutStreamError::Store`] with
    /// [`BlobError::Unavailable`].
    pub async fn put_stream<E: Send>(
        &self,
        key: &BlobKey,
        content_type: &str,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<u64, PutStreamError<E>> {
        let mut parts = std::pin::pin!(parts(bytes.boxed()));
        let attributes = self.attributes(content_type);
        let first = parts.try_next().await?.unwrap_or_default();
        if first.content_length() < PART_BYTES {
            // It is all there is: one request instead of three.
            let size = first.content_length() as u64;
            self.put_payload(key, first, attributes).await?;
            return Ok(size);
        }
        let options = PutMultipartOptions::from(attributes);
        let upload = self.store.put_multipart_opts(&key.path(), options).await;
        let mut upload = Upload(Some(upload.map_err(BlobError::from)?));
        match upload.fill(stream::iter([Ok(first)]).chain(parts)).await {
            Ok(size) => Ok(size),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }
}

/// The bytes in parts of one size, but for the last, which may be smaller.
fn parts<E>(
    bytes: BoxStream<'_, Result<Bytes, E>>,
) -> impl Stream<Item = Result<PutPayload, PutStreamError<E>>> {
    let left = Bytes::new();
    stream::try_unfold((bytes.fuse(), left), async |(mut bytes, mut left)| {
        let mut part = PutPayloadMut::new();
        while part.content_length() < PART_BYTES {
            if left.is_empty() {
                match bytes.try_next().await.map_err(PutStreamError::Source)? {
                    Some(more) => left = more,
                    None => break,
                }
            }
            let room = PART_BYTES - part.content_length();
            part.extend_from_slice(&left.split_to(left.len().min(room)));
        }
        Ok((!part.is_empty()).then(|| (part.freeze(), (bytes, left))))
    })
}

/// An upload that becomes an object, or nothing.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn fill<E>(
        &mut self,
        parts: impl Stream<Item = Result<PutPayload, PutStreamError<E>>>,
    ) -> Result<u64, PutStreamError<E>> {
        let Some(upload) = &mut self.0 else { return Ok(0) };
        let mut size = 0;
        parts
            .map_ok(|part| {
                size += part.content_length() as u64;
                let stored = upload.put_part(part);
                async { stored.await.map_err(|error| BlobError::from(error).into()) }
            })
            .try_buffer_unordered(PARTS_IN_FLIGHT)
            .try_collect::<()>()
            .await?;
        upload.complete().await.map_err(BlobError::from)?;
        self.0 = None;
        Ok(size)
    }

    /// Removes the parts. That this fails too changes nothing for the caller, who has an error already.
    async fn abort(mut self) {
        if let Some(upload) = &mut self.0 {
            let _ = upload.abort().await;
        }
        self.0 = None;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}
