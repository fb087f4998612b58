//! Where time and fresh identifiers come from: always from outside.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Id;

/// Tells the time. Implementations cut it to whole microseconds, which is what both databases keep.
pub trait Clock: Debug + Send + Sync {
    /// The time now, in whole microseconds.
    fn now(&self) -> DateTime<Utc>;
}

/// Makes fresh UUIDv7 values.
pub trait Ids: Debug + Send + Sync {
    /// A UUID that was never handed out before and sorts after those handed out earlier.
    fn uuid(&self) -> Uuid;
}

/// Typed identifiers from any [`Ids`].
pub trait IdsExt: Ids {
    /// A fresh identifier of the kind that the caller needs.
    fn next<K>(&self) -> Id<K> {
        Id::from_uuid(self.uuid())
    }
}

impl<T: Ids + ?Sized> IdsExt for T {}
