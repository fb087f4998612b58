//! What can go wrong in storage.

use std::fmt;

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// The kind of a [`StorageError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageErrorKind {
    /// A unique value exists already.
    Unique,
    /// A row that another one names does not exist.
    ForeignKey,
    /// The work collided with other work; doing it again may succeed.
    Transient,
    /// A stored value is none that was ever written; the table and column are named.
    Corrupt(&'static str),
    /// The database cannot be reached.
    Unavailable,
    /// Anything else.
    Other,
}

/// An error of the database. What it says is for the log, never for a client.
#[derive(Debug)]
pub struct StorageError {
    kind: StorageErrorKind,
    source: Option<DbErr>,
}

impl StorageError {
    pub(crate) const fn corrupt(place: &'static str) -> Self {
        Self {
            kind: StorageErrorKind::Corrupt(place),
            source: None,
        }
    }

    pub(crate) const fn collided() -> Self {
        Self {
            kind: StorageErrorKind::Transient,
            source: None,
        }
    }

    /// The kind of error.
    #[must_use]
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// Whether a unique value existed already.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.kind == StorageErrorKind::Unique
    }

    /// Whether doing the same again may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            StorageErrorKind::Transient | StorageErrorKind::Unavailable
        )
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StorageErrorKind::Unique => "a unique value exists already",
            StorageErrorKind::ForeignKey => "a referenced row does not exist",
            StorageErrorKind::Transient => "the work collided with other work",
            StorageErrorKind::Corrupt(place) => return write!(f, "a stored value cannot be read: {place}"),
            StorageErrorKind::Unavailable => "the database cannot be reached",
            StorageErrorKind::Other => "the database refused",
        })
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        let kind = match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => StorageErrorKind::Unique,
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => StorageErrorKind::ForeignKey,
            _ => kind_by_code(&error),
        };
        Self {
            kind,
            source: Some(error),
        }
    }
}

/// PostgreSQL's serialization failure, deadlock and lock time-out, SQLite's busy and locked.
fn kind_by_code(error: &DbErr) -> StorageErrorKind {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => StorageErrorKind::Unavailable,
            _ => StorageErrorKind::Other,
        };
    };
    if let sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed = &**error {
        return StorageErrorKind::Unavailable;
    }
    match error
        .as_database_error()
        .and_then(|error| error.code())
        .as_deref()
    {
        Some("40001" | "40P01" | "55P03" | "5" | "6" | "261" | "517") => StorageErrorKind::Transient,
        _ => StorageErrorKind::Other,
    }
}
