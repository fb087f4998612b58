//! Audio on its way to a client, and the links that lead to it.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::BoxStream;
use resonance_blobs::{BlobError, BlobInfo, BlobKey, Blobs, ReadMethod};
use resonance_identity::SignedQuery;

use crate::{Outcome, Request, Services, core::Core};

/// An audio file that whoever asked may have.
#[derive(Debug, Clone)]
pub struct Delivery {
    blobs: Blobs,
    key: BlobKey,
    lifetime: TimeDelta,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What changes whenever its content does, as the object store gives it.
    pub etag: Option<String>,
    /// When it was stored.
    pub modified: DateTime<Utc>,
}

impl Delivery {
    /// The object at `key`.
    pub(crate) async fn of(core: &Core, key: &BlobKey, content_type: impl Into<String>) -> Outcome<Self> {
        let info = core.blobs.head(key).await?;
        Ok(Self::new(core, info, content_type))
    }

    /// An object that was found already.
    pub(crate) fn new(core: &Core, info: BlobInfo, content_type: impl Into<String>) -> Self {
        Self {
            blobs: core.blobs.clone(),
            key: info.key,
            lifetime: core.settings.audio_url_lifetime,
            content_type: content_type.into(),
            size: info.size,
            etag: info.etag,
            modified: info.modified,
        }
    }

    /// The bytes, or those in `range`, as a stream that holds little at a time. An error ends the stream.
    ///
    /// # Errors
    /// The object store's.
    pub async fn read(
        &self,
        range: Option<Range<u64>>,
    ) -> Outcome<BoxStream<'static, Result<Bytes, BlobError>>> {
        Ok(self.blobs.read(&self.key, range).await?.bytes)
    }

    /// Where the client can fetch the object from the object store itself, and for how long; `None` where it is to be
    /// read through this process.
    ///
    /// # Errors
    /// The object store's.
    pub async fn elsewhere(&self, method: ReadMethod) -> Outcome<Option<(String, Duration)>> {
        let lifetime = self.lifetime.to_std().unwrap_or_default();
        let url = self
            .blobs
            .presigned_url(method, &self.key, &self.content_type, lifetime);
        Ok(url.await?.map(|url| (url, lifetime)))
    }
}

impl Services {
    /// The absolute URL of `path` that is valid for a while without any other permission, so that an `<audio>`
    /// element can play what lies there. Whoever signs has found out that the asker may have it.
    pub(crate) fn signed_url(&self, path: &str) -> String {
        let core = self.core();
        let expires = core.clock.now() + core.settings.audio_url_lifetime;
        format!("{}{}", core.settings.public_url, core.urls.sign(path, expires))
    }
}

impl Request {
    /// Whether the request came through a signed URL for `path` that is still valid. An invalid one counts as none:
    /// the request then stands on its session.
    pub(crate) fn is_signed(&self, path: &str, signature: Option<&SignedQuery>) -> bool {
        signature.is_some_and(|signature| self.core().urls.verify(path, signature, self.now()).is_ok())
    }
}
