//! The words in which SQLite and PostgreSQL differ.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Writes one SQL text for both databases.
///
/// | placeholder | SQLite | PostgreSQL |
/// |---|---|---|
/// | `{id}` | `uuid_text` (16-byte blob) | `uuid` |
/// | `{time}` | `timestamp_with_timezone_text` | `timestamptz` |
/// | `{json}` | `jsonb_text` | `jsonb` |
/// | `{bytes}` | `blob` | `bytea` |
/// | `{bool}` | `boolean` | `boolean` |
/// | `{float}` | `double` | `double precision` |
/// | `{key}` | `text` | `text COLLATE "C"`: sorted and compared byte by byte, as SQLite does |
///
/// A statement that starts with `sqlite:` or `postgres:` runs on that database only.
#[derive(Debug)]
pub struct Dialect;

impl Dialect {
    /// Runs the statements in order.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        for statement in statements {
            if let Some(sql) = Self::translate(statement, postgres) {
                manager.get_connection().execute_unprepared(&sql).await?;
            }
        }
        Ok(())
    }

    fn translate(statement: &str, postgres: bool) -> Option<String> {
        let statement = statement.trim();
        let sql = match (
            statement.strip_prefix("sqlite:"),
            statement.strip_prefix("postgres:"),
        ) {
            (Some(sql), _) if !postgres => sql,
            (_, Some(sql)) if postgres => sql,
            (None, None) => statement,
            _ => return None,
        };
        let words = [
            ("{id}", "uuid_text", "uuid"),
            ("{time}", "timestamp_with_timezone_text", "timestamptz"),
            ("{json}", "jsonb_text", "jsonb"),
            ("{bytes}", "blob", "bytea"),
            ("{bool}", "boolean", "boolean"),
            ("{float}", "double", "double precision"),
            ("{key}", "text", "text COLLATE \"C\""),
        ];
        Some(words.iter().fold(sql.to_owned(), |sql, (placeholder, lite, pg)| {
            sql.replace(placeholder, if postgres { pg } else { lite })
        }))
    }
}
