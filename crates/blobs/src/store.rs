//! The store itself.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutOptions,
    PutPayload,
};

use crate::{
    BlobError, BlobKey, BlobsConfig, BlobsConfigError,
    config::{self, Place},
    folder::{self, Folder},
    presigned::Signer,
};

/// A store of objects. Cheap to clone; clones are the same store.
#[derive(Debug, Clone)]
pub struct Blobs {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// `None` for S3, which keeps content types.
    folder: Option<Arc<Folder>>,
    /// What makes URLs for readers; `None` where all reads go through this process.
    pub(crate) signer: Option<Signer>,
}

/// When something was put provisionally. See [`Blobs::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled(u64);

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its key.
    pub key: BlobKey,
    /// Its size in bytes.
    pub size: u64,
    /// What changes whenever its content does, quoted as in HTTP or not, as the store gives it.
    pub etag: Option<String>,
    /// When it was last written.
    pub modified: DateTime<Utc>,
}

/// An object, or a part of it, on its way.
pub struct BlobRead {
    /// The whole object's size in bytes.
    pub size: u64,
    /// The bytes that come, counted from 0; a range that reaches beyond the end is cut there.
    pub range: Range<u64>,
    /// As in [`BlobInfo`].
    pub etag: Option<String>,
    /// As in [`BlobInfo`].
    pub modified: DateTime<Utc>,
    /// The bytes. An error ends it: what came before is then not all.
    pub bytes: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl std::fmt::Debug for BlobRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobRead")
            .field("size", &self.size)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

impl Blobs {
    /// Opens the store; a folder is made where it is missing, a bucket must exist. S3 is not contacted yet (see
    /// [`check`](Self::check)). Blocks on the file system.
    ///
    /// For S3, the process must have installed its default `rustls` provider before.
    ///
    /// # Errors
    /// [`BlobsConfigError`].
    pub fn open(config: &BlobsConfig) -> Result<Self, BlobsConfigError> {
        match config.place()? {
            Place::Folder(path) => match folder::open(&path) {
                Ok((store, folder)) => Ok(Self {
                    store: Arc::new(store),
                    folder: Some(Arc::new(folder)),
                    signer: None,
                }),
                Err(source) => Err(BlobsConfigError::Folder { path, source }),
            },
            Place::Bucket { name, prefix } => {
                let signer = config.s3.signer(&name)?.map(Arc::new);
                let store = config::under(config.s3.open(&name)?, prefix.as_ref());
                Ok(Self {
                    store,
                    folder: None,
                    signer: signer.map(|bucket| Signer { bucket, prefix }),
                })
            }
        }
    }

    /// Asks the store whether it answers.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`].
    pub async fn check(&self) -> Result<(), BlobError> {
        let mut found = self.store.list(Some(&"health-check".into()));
        found.try_next().await.map_err(BlobError::of_all)?;
        Ok(())
    }

    /// Stores an object, whole or not at all, in the place of one that was there. After `Ok` it outlives a
    /// crash. A folder does not keep the content type; S3 does, for those who look into the bucket.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`].
    pub async fn put(&self, key: &BlobKey, bytes: Bytes, content_type: &str) -> Result<(), BlobError> {
        self.put_payload(key, bytes.into(), self.attributes(content_type))
            .await
    }

    /// The same store for objects that are lost without harm if the machine loses power before they are
    /// [settled](Self::settle): putting them does not wait for the disk. Until then, a power cut may also leave a part of one.
    ///
    /// A bucket keeps everything at once.
    #[must_use]
    pub fn provisional(&self) -> Self {
        let mut store = self.clone();
        if let Some(folder) = &self.folder {
            store.store = Arc::clone(&folder.provisional) as _;
        }
        store
    }

    /// What is put from now on can be settled by this.
    #[must_use]
    pub fn unsettled(&self) -> Unsettled {
        Unsettled(self.failed_flushes())
    }

    /// Waits until everything that was [put provisionally](Self::provisional) outlives a power cut, and says of what was
    /// put since each of `puts` whether it does: not if a flush failed since, whichever. That must be put again.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`]; then none of it does.
    pub async fn settle(&self, puts: &[Unsettled]) -> Result<Vec<bool>, BlobError> {
        if let Some(folder) = self.folder.clone() {
            let flushed = tokio::task::spawn_blocking(move || folder.flush()).await;
            flushed
                .map_err(BlobError::of_flush)?
                .map_err(BlobError::of_flush)?;
        }
        let now = self.failed_flushes();
        Ok(puts.iter().map(|Unsettled(then)| *then == now).collect())
    }

    fn failed_flushes(&self) -> u64 {
        self.folder.as_ref().map_or(0, |folder| folder.failed())
    }

    pub(crate) fn attributes(&self, content_type: &str) -> Attributes {
        match self.folder {
            Some(_) => Attributes::new(),
            None => Attributes::from_iter([(Attribute::ContentType, content_type.to_owned())]),
        }
    }

    pub(crate) async fn put_payload(
        &self,
        key: &BlobKey,
        payload: PutPayload,
        attributes: Attributes,
    ) -> Result<(), BlobError> {
        self.store
            .put_opts(&key.path(), payload, PutOptions::from(attributes))
            .await?;
        Ok(())
    }

    /// The whole object.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::Unavailable`].
    pub async fn get(&self, key: &BlobKey) -> Result<Bytes, BlobError> {
        Ok(self.store.get(&key.path()).await?.bytes().await?)
    }

    /// The object, or the bytes in `range` of it, as a stream that holds little at a time.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::OutOfRange`], [`BlobError::Unavailable`].
    pub async fn read(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<BlobRead, BlobError> {
        let options = GetOptions {
            range: range.clone().map(GetRange::Bounded),
            ..GetOptions::default()
        };
        match self.store.get_opts(&key.path(), options).await {
            Ok(found) => Ok(BlobRead {
                size: found.meta.size,
                range: found.range.clone(),
                etag: found.meta.e_tag.clone(),
                modified: found.meta.last_modified,
                bytes: found.into_stream().map_err(BlobError::from).boxed(),
            }),
            Err(error) => Err(self.explain(key, range, error.into()).await),
        }
    }

    /// Stores say in many ways that a range lies outside; the object's size says it in one.
    async fn explain(&self, key: &BlobKey, range: Option<Range<u64>>, error: BlobError) -> BlobError {
        match (range, error) {
            (Some(range), error @ BlobError::Unavailable(_)) => match self.head(key).await {
                Ok(info) if range.is_empty() || range.start >= info.size => {
                    BlobError::OutOfRange { size: info.size }
                }
                Err(BlobError::NotFound) => BlobError::NotFound,
                _ => error,
            },
            (_, error) => error,
        }
    }

    /// What is known of the object without reading it.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::Unavailable`].
    pub async fn head(&self, key: &BlobKey) -> Result<BlobInfo, BlobError> {
        let meta = self.store.head(&key.path()).await?;
        Ok(info(key.clone(), meta))
    }

    /// Removes the object. That there is none is fine.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`].
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store.delete(&key.path()).await.map_err(BlobError::from) {
            Err(BlobError::NotFound) => Ok(()),
            done => done,
        }
    }

    /// All objects whose key begins with `prefix` and has more segments, in no order; without a prefix, all.
    pub fn list(&self, prefix: Option<&BlobKey>) -> BoxStream<'static, Result<BlobInfo, BlobError>> {
        self.store
            .list(prefix.map(BlobKey::path).as_ref())
            // What has no key of ours was not put by us: the folder's lock, an operator's notes.
            .try_filter_map(async |meta| {
                Ok(BlobKey::parse(meta.location.as_ref())
                    .ok()
                    .map(|key| info(key, meta)))
            })
            .map_err(BlobError::of_all)
            .boxed()
    }

    /// Removes all objects whose key begins with `prefix` and has more segments, and says how many it removed.
    /// Those put meanwhile may stay: call it again until the answer is 0.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`]; some objects may be removed by then.
    pub async fn delete_prefix(&self, prefix: &BlobKey) -> Result<u64, BlobError> {
        // Listed first, removed then: a folder's listing stumbles over folders that vanish under it.
        let found: Vec<_> = self
            .list(Some(prefix))
            .map_ok(|info| info.key.path())
            .try_collect()
            .await?;
        let mut removed = 0;
        let mut removals = self
            .store
            .delete_stream(stream::iter(found.into_iter().map(Ok)).boxed());
        while let Some(removal) = removals.next().await {
            match removal.map_err(BlobError::from) {
                Ok(_) => removed += 1,
                // Somebody else removed it meanwhile.
                Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }
}

fn info(key: BlobKey, meta: ObjectMeta) -> BlobInfo {
    BlobInfo {
        key,
        size: meta.size,
        etag: meta.e_tag,
        modified: meta.last_modified,
    }
}
