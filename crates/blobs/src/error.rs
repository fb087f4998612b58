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

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            error => Self::Unavailable(error),
        }
    }
}
