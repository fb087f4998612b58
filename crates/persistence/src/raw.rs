//! Statements written by hand, for what sea-query cannot say or says too slowly.
//!
//! Both databases take `$1` for the first value.

use resonance_domain::{Direction, PageRequest};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use crate::{IdCursor, StorageError, TextCursor, executor::Executor};

impl Executor<'_> {
    fn put(self, sql: Sql) -> Statement {
        sql.statement(self.get_database_backend())
    }

    fn statement(self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.get_database_backend(), sql, values)
    }

    /// Runs a statement; the number of rows that it changed.
    pub(crate) async fn execute(
        self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, StorageError> {
        Ok(self
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
        let row = self.query_one_raw(self.statement(sql, values)).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Every row, read by `read`.
    pub(crate) async fn all<T>(
        self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        read: impl FnMut(&QueryResult) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.query_all_raw(self.statement(sql, values)).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The first row, read by `read`, which may find a value that cannot be.
    pub(crate) async fn row<T>(
        self,
        sql: Sql,
        read: impl FnOnce(&QueryResult) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        let row = self.query_one_raw(self.put(sql)).await?;
        row.as_ref().map(read).transpose()
    }

    /// Every row, likewise.
    pub(crate) async fn rows<T>(
        self,
        sql: Sql,
        read: impl FnMut(&QueryResult) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.query_all_raw(self.put(sql)).await?;
        rows.iter().map(read).collect()
    }

    /// Runs a statement; the number of rows that it changed.
    pub(crate) async fn run(self, sql: Sql) -> Result<u64, StorageError> {
        Ok(self.execute_raw(self.put(sql)).await?.rows_affected())
    }

    /// Runs a statement of which nobody needs to know how many rows it changed. In a unit of work on SQLite it may run as late as the
    /// next statement, or the end, and its error shows then.
    pub(crate) async fn run_along(self, sql: Sql) -> Result<(), StorageError> {
        match self {
            // In a box, as those of other statements are.
            Self::Unit(uow) => Box::pin(uow.transaction().execute_along(sql)).await?,
            Self::Pool(_) => drop(self.run(sql).await?),
        }
        Ok(())
    }

    /// `on_postgres` on PostgreSQL, nothing on SQLite: for the row locks that only PostgreSQL has or needs.
    pub(crate) fn on_postgres(self, sql: &'static str) -> &'static str {
        if self.is_postgres() { sql } else { "" }
    }
}

/// A statement that is put together piece by piece.
#[derive(Debug)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Begins with a text and the values of its placeholders, `$1` the first.
    pub(crate) fn new(text: impl Into<String>, values: impl Into<Vec<Value>>) -> Self {
        Self {
            text: text.into(),
            values: values.into(),
        }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends the next placeholder, standing for `value`.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Both, one after the other.
    pub(crate) fn then(mut self, next: Self) -> Self {
        self.push("; ").append(next);
        self
    }

    pub(crate) const fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

    pub(crate) fn statement(self, backend: DbBackend) -> Statement {
        Statement::from_sql_and_values(backend, self.text, self.values)
    }

    /// Appends another statement, whose placeholders get the next numbers. No text in it may hold a `$` and a digit.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        let before = self.values.len();
        let mut pieces = other.text.split('$');
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            self.text.push('$');
            if let Ok(number) = number.parse::<usize>() {
                self.text.push_str(&(number + before).to_string());
            }
            self.text.push_str(rest);
        }
        self.values.extend(other.values);
        self
    }

    /// Appends placeholders for all of `values`, in parentheses, as after `IN` and `VALUES`.
    pub(crate) fn list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let mut separator = "(";
        for value in values {
            self.push(separator).bind(value);
            separator = ", ";
        }
        // `IN ()` is no SQL; nothing is in a list of null.
        self.push(if separator == "(" { "(NULL)" } else { ")" })
    }

    /// Appends `VALUES` and a row of placeholders for each of `rows`, of which there must be one at least: as many as the
    /// next power of two, so that there are few different statements to prepare; the last row is said again.
    pub(crate) fn values<const N: usize>(&mut self, rows: Vec<[Value; N]>) -> &mut Self {
        let places = rows.len().next_power_of_two();
        let last = rows.last().cloned();
        let padding = std::iter::repeat_n(last, places - rows.len()).flatten();
        for (place, row) in rows.into_iter().chain(padding).enumerate() {
            self.push(if place == 0 { "VALUES " } else { ", " }).list(row);
        }
        self
    }

    /// Restricts to a page of a list in the order of `id` (as [`crate::page::by_id`]) and ends the statement.
    pub(crate) fn page_by_id(
        &mut self,
        id: &str,
        descending: bool,
        page: &PageRequest<IdCursor>,
    ) -> &mut Self {
        let descending = descending != (page.direction == Direction::Backward);
        if let Some(IdCursor(cursor)) = page.cursor {
            let beyond = if descending { " < " } else { " > " };
            self.push(" AND ").push(id).push(beyond).bind(cursor);
        }
        self.push(" ORDER BY ")
            .push(id)
            .push(if descending { " DESC LIMIT " } else { " LIMIT " })
            .bind(i64::from(page.limit) + 1)
    }

    /// The same for a list in the order of the text `key`, ties by `id`.
    pub(crate) fn page_by_text(
        &mut self,
        key: &str,
        id: &str,
        descending: bool,
        page: &PageRequest<TextCursor>,
    ) -> &mut Self {
        let descending = descending != (page.direction == Direction::Backward);
        if let Some(cursor) = &page.cursor {
            let (near, beyond) = if descending {
                (" <= ", " < ")
            } else {
                (" >= ", " > ")
            };
            // The first part lets the index find the place.
            self.push(" AND ").push(key).push(near).bind(cursor.key.as_str());
            self.push(" AND (")
                .push(key)
                .push(beyond)
                .bind(cursor.key.as_str());
            self.push(" OR ").push(id).push(beyond).bind(cursor.id).push(")");
        }
        let towards = if descending { " DESC" } else { "" };
        self.push(" ORDER BY ")
            .push(key)
            .push(towards)
            .push(", ")
            .push(id)
            .push(towards);
        self.push(" LIMIT ").bind(i64::from(page.limit) + 1)
    }
}
