//! What no use case does, done to the database directly.

use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};
use uuid::Uuid;

use crate::Instance;

/// Runs a statement on the database with that URL; how many rows it changed.
///
/// # Panics
/// If the database refuses.
pub async fn sql_at(url: &str, statement: &str) -> u64 {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        connection.execute(statement).await.unwrap().rows_affected()
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute(statement).await.unwrap().rows_affected()
    }
}

impl Instance {
    /// Runs a statement; how many rows it changed.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn sql(&self, statement: &str) -> u64 {
        sql_at(&self.test_database.url, statement).await
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

    /// The texts in the first column of a query's rows.
    ///
    /// # Panics
    /// If the database refuses, or these are no texts.
    pub async fn sql_texts(&self, query: &str) -> Vec<String> {
        let url = &self.test_database.url;
        let query = sqlx::AssertSqlSafe(query.to_owned());
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            let rows = connection.fetch_all(query).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let rows = connection.fetch_all(query).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// How many rows `what` names, such as `voices WHERE name = 'a'`.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn sql_count(&self, what: &str) -> usize {
        let count = format!("SELECT CAST(COUNT(*) AS text) FROM {what}");
        self.sql_texts(&count).await[0].parse().unwrap()
    }

    /// The tables that have a column of this name.
    pub async fn tables_with(&self, column: &str) -> Vec<String> {
        let query = if self.test_database.url.starts_with("sqlite:") {
            format!(
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.name = '{column}' ORDER BY m.name"
            )
        } else {
            format!(
                "SELECT CAST(table_name AS text) FROM information_schema.columns
                 WHERE table_schema = 'public' AND column_name = '{column}' ORDER BY table_name"
            )
        };
        self.sql_texts(&query).await
    }
}
