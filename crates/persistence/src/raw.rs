//! Statements written by hand, for what sea-query cannot say or says too slowly.
//!
//! Both databases take `$1` for the first value.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use crate::{StorageError, unit_of_work::Executor};

impl Executor<'_> {
    fn statement(self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.get().get_database_backend(), sql, values)
    }

    /// Runs a statement; the number of rows that it changed.
    pub(crate) async fn execute(
        self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, StorageError> {
        Ok(self
            .get()
            .execute_raw(self.statement(sql, values))
            .await?
            .rows_affected())
    }

    /// The first row, read by `read`.
    pub(crate) async fn one<T>(
        self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        read: impl FnOnce(&QueryResult) -> Result<T, DbErr>,
    ) -> Result<Option<T>, StorageError> {
        let row = self.get().query_one_raw(self.statement(sql, values)).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Every row, read by `read`.
    pub(crate) async fn all<T>(
        self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        read: impl FnMut(&QueryResult) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.get().query_all_raw(self.statement(sql, values)).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// `on_postgres` on PostgreSQL, nothing on SQLite: for the row locks that only PostgreSQL has or needs.
    pub(crate) fn on_postgres(self, sql: &'static str) -> &'static str {
        if self.is_postgres() { sql } else { "" }
    }
}
