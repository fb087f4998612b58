//! URLs with which a reader gets an object from the bucket itself.

use std::{sync::Arc, time::Duration};

use object_store::{
    aws::AmazonS3,
    path::Path,
    signer::{Method, SignedUrlOptions, Signer as _},
};

use crate::{BlobError, BlobKey, Blobs};

/// The bucket as readers reach it.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) bucket: Arc<AmazonS3>,
    pub(crate) prefix: Option<BlobKey>,
}

/// What a presigned URL is for: a signature holds for one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMethod {
    /// Reading the object, or ranges of it.
    Get,
    /// Asking what is known of it.
    Head,
}

impl Blobs {
    /// A URL under which whoever has it reads the object from the bucket for `lifetime`, at most a week; the bucket
    /// then says `content_type`, and that nobody but the reader's own cache may keep the object. `None` for a folder,
    /// and where [`presigned_reads`](crate::S3Options::presigned_reads) is off. Does not look whether the object exists.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] if there are no credentials.
    pub async fn presigned_url(
        &self,
        method: ReadMethod,
        key: &BlobKey,
        content_type: &str,
        lifetime: Duration,
    ) -> Result<Option<String>, BlobError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let path = match &signer.prefix {
            Some(prefix) => Path::from(format!("{prefix}/{key}")),
            None => key.path(),
        };
        let method = match method {
            ReadMethod::Get => Method::GET,
            ReadMethod::Head => Method::HEAD,
        };
        let cache_control = format!("private, max-age={}", lifetime.as_secs());
        let options = SignedUrlOptions::new().with_query([
            ("response-content-type", content_type),
            ("response-cache-control", cache_control.as_str()),
        ]);
        let url = signer
            .bucket
            .signed_url_opts(method, &path, lifetime, &options)
            .await?;
        Ok(Some(url.into()))
    }
}
