//! What the instance is.

use chrono::{DateTime, Utc};

use crate::{StorageError, executor::Executor};

/// The one row that says which instance this database belongs to.
#[derive(Debug, Clone, Copy)]
pub struct InstanceRow<'a>(pub(crate) Executor<'a>);

impl InstanceRow<'_> {
    /// Binds the database to the secret with this fingerprint unless it is bound already; the fingerprint that it is
    /// bound to. Whichever of several nodes comes first decides.
    ///
    /// # Errors
    /// The database's.
    pub async fn bind(self, fingerprint: &str, now: DateTime<Utc>) -> Result<String, StorageError> {
        const BIND: &str = "INSERT INTO instance (id, secret_fingerprint, created_at) VALUES (1, $1, $2)
            ON CONFLICT (id) DO NOTHING";
        const BOUND: &str = "SELECT secret_fingerprint FROM instance WHERE id = 1";
        self.0.execute(BIND, [fingerprint.into(), now.into()]).await?;
        let bound = self.0.one(BOUND, [], |row| row.try_get_by_index(0)).await?;
        bound.ok_or(StorageError::corrupt("instance"))
    }
}
