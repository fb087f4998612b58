//! What no use case does, done to the database directly.

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::Instance;

impl Instance {
    /// Runs a statement; how many rows it changed.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn sql(&self, statement: &str) -> u64 {
        let url = &self.test_database.url;
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            connection.execute(statement).await.unwrap().rows_affected()
        } else {
            let mut connection = PgConnection::connect(url).await.unwrap();
            connection.execute(statement).await.unwrap().rows_affected()
        }
    }

    /// An id as a literal of this database's SQL.
    #[must_use]
    pub fn sql_id(&self, id: Uuid) -> String {
        if self.test_database.url.starts_with("sqlite:") {
            format!("x'{}'", id.simple())
        } else {
            format!("'{id}'")
        }
    }
}
