//! Where objects are to lie.

use std::{path::PathBuf, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    prefix::PrefixStore,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::BlobKey;

/// Where objects lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobsConfig {
    /// `file:` and a folder (`file:data/blobs`, `file:/var/lib/resonance/blobs`), or `s3://bucket`, or
    /// `s3://bucket/prefix`.
    pub url: String,
    /// How to reach S3. Of no account for a folder.
    pub s3: S3Options,
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self {
            url: "file:data/blobs".to_owned(),
            s3: S3Options::default(),
        }
    }
}

/// How to reach S3, or a server that speaks its protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// The server's URL, if it is not Amazon's. With `http:` nothing is encrypted.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The key's id. Without it, the credentials come from the machine's or container's role.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<SecretString>,
    /// Whether the bucket stands in the URL's path (most self-hosted servers) and not in its host name (Amazon).
    /// When absent: with an endpoint, in the path.
    pub path_style: Option<bool>,
    /// Seconds without an answer, or without the next bytes of one, after which a try is given up.
    pub timeout_seconds: u64,
    /// How often a request is tried again that failed for reasons which may pass (no connection, no answer, 5xx),
    /// after a pause that grows from 0.1 to 1 second, with jitter. Half a minute after the first try there is no other.
    pub retries: usize,
    /// Whether readers can be sent to the bucket itself; see [`Blobs::presigned_url`](crate::Blobs::presigned_url).
    pub presigned_reads: bool,
    /// The server's URL for those readers, where they reach it under another than this process does.
    pub public_endpoint: Option<String>,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key_id: None,
            secret_access_key: None,
            path_style: None,
            timeout_seconds: 60,
            retries: 3,
            presigned_reads: false,
            public_endpoint: None,
        }
    }
}

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Bucket { name: String, prefix: Option<BlobKey> },
}

impl BlobsConfig {
    pub(crate) fn place(&self) -> Result<Place, BlobsConfigError> {
        let malformed = || BlobsConfigError::Url(self.url.clone());
        if let Some(folder) = self.url.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() {
                Err(malformed())
            } else {
                Ok(Place::Folder(folder.into()))
            };
        }
        let rest = self.url.strip_prefix("s3://").ok_or_else(malformed)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(malformed());
        }
        let prefix = match prefix.trim_end_matches('/') {
            "" => None,
            prefix => Some(BlobKey::parse(prefix).map_err(|_| malformed())?),
        };
        Ok(Place::Bucket {
            name: name.to_owned(),
            prefix,
        })
    }
}

impl S3Options {
    /// A client for one bucket.
    pub(crate) fn open(&self, bucket: &str) -> Result<AmazonS3, BlobsConfigError> {
        self.open_at(self.endpoint.as_deref(), bucket)
    }

    /// What makes URLs for readers, where that is wanted.
    pub(crate) fn signer(&self, bucket: &str) -> Result<Option<AmazonS3>, BlobsConfigError> {
        if !self.presigned_reads {
            return Ok(None);
        }
        let endpoint = self.public_endpoint.as_deref().or(self.endpoint.as_deref());
        self.open_at(endpoint, bucket).map(Some)
    }

    fn open_at(&self, endpoint: Option<&str>, bucket: &str) -> Result<AmazonS3, BlobsConfigError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(!self.path_style.unwrap_or(self.endpoint.is_some()))
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(endpoint.is_some_and(|url| url.starts_with("http://")))
                    .with_connect_timeout(Duration::from_secs(3))
                    // Silence is limited, and not the whole: whoever listens slowly reads a large object for long.
                    .with_timeout_disabled()
                    .with_read_timeout(Duration::from_secs(self.timeout_seconds)),
            )
            // A request of ours waits for the store: what it does not do within seconds is reported.
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    max_backoff: Duration::from_secs(1),
                    ..BackoffConfig::default()
                },
                max_retries: self.retries,
                retry_timeout: Duration::from_secs(30),
            });
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        match (&self.access_key_id, &self.secret_access_key) {
            (Some(id), Some(key)) => {
                builder = builder
                    .with_access_key_id(id)
                    .with_secret_access_key(key.expose_secret());
            }
            (None, None) => {}
            _ => return Err(BlobsConfigError::HalfAKey),
        }
        builder.build().map_err(BlobsConfigError::S3)
    }
}

/// `store`, or the part of it under `prefix`.
pub(crate) fn under(store: AmazonS3, prefix: Option<&BlobKey>) -> std::sync::Arc<dyn ObjectStore> {
    match prefix {
        Some(prefix) => std::sync::Arc::new(PrefixStore::new(store, prefix.path())),
        None => std::sync::Arc::new(store),
    }
}

/// Why there is no object store.
#[derive(Debug, thiserror::Error)]
pub enum BlobsConfigError {
    /// The URL is none of those understood.
    #[error("the object store's url `{0}` is none of `file:folder`, `s3://bucket`, `s3://bucket/prefix`")]
    Url(String),
    /// Of an S3 key, only one of its two halves is given.
    #[error("an s3 key needs both `access_key_id` and `secret_access_key`")]
    HalfAKey,
    /// The options for S3 do not fit together.
    #[error("the options for s3 do not fit together")]
    S3(#[source] object_store::Error),
    /// The folder cannot be made or locked.
    #[error("the object folder `{}` cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, BlobsConfigError> {
        BlobsConfig {
            url: url.to_owned(),
            ..BlobsConfig::default()
        }
        .place()
    }

    #[test]
    fn urls_name_a_folder_or_a_bucket() {
        assert_eq!(
            place("file:data/blobs").unwrap(),
            Place::Folder("data/blobs".into())
        );
        assert_eq!(
            place("file:///srv/blobs").unwrap(),
            Place::Folder("/srv/blobs".into())
        );
        assert_eq!(
            place("s3://b").unwrap(),
            Place::Bucket {
                name: "b".into(),
                prefix: None
            }
        );
        let prefix = Some(BlobKey::parse("x/y").unwrap());
        assert_eq!(
            place("s3://b/x/y/").unwrap(),
            Place::Bucket {
                name: "b".into(),
                prefix
            }
        );
        for bad in [
            "",
            "data/blobs",
            "file:",
            "file://",
            "s3://",
            "s3:///x",
            "s3://b/../x",
            "gs://b",
        ] {
            assert!(matches!(place(bad), Err(BlobsConfigError::Url(_))), "{bad}");
        }
    }

    #[test]
    fn half_a_key_is_refused_and_a_whole_one_is_never_shown() {
        let mut options = S3Options {
            access_key_id: Some("id".into()),
            ..S3Options::default()
        };
        assert!(matches!(options.open("b"), Err(BlobsConfigError::HalfAKey)));
        options.secret_access_key = Some("hunter42".into());
        assert!(!format!("{options:?}").contains("hunter42"));
    }
}
