//! What goes wrong with objects.

/// Why an object was not stored, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The object has no byte at the start of the range that was asked for, or the range is empty.
    #[error("the range is outside the object of {size} bytes")]
    OutOfRange {
        /// The object's size in bytes.
        size: u64,
    },
    /// The store cannot be reached, refuses its credentials, or failed; after some tries of its own.
    #[error("the object store is unavailable")]
    Unavailable(#[source] object_store::Error),
}

impl BlobError {
    /// Of a request that names no object: where something is missing, it is the store.
    pub(crate) fn of_all(error: object_store::Error) -> Self {
        Self::Unavailable(error)
    }

    /// Of what was to be brought to the disk.
    pub(crate) fn of_flush(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(object_store::Error::Generic {
            store: "folder",
            source: error.into(),
        })
    }
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { source, .. } if !names_the_bucket(&*source) => Self::NotFound,
            error => Self::Unavailable(error),
        }
    }
}

/// Whether the answer says that not the object but the whole bucket is missing: S3 answers both with 404, and tells
/// them apart in the body alone. (Answers to HEAD have none.)
fn names_the_bucket(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.to_string().contains("NoSuchBucket"))
}
