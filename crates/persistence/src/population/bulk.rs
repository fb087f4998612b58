//! Many rows at once.

use std::time::{Duration, Instant};

use sea_orm::Value;
use tokio::sync::mpsc;

use super::PopulationProgress;
use crate::{StorageError, UnitOfWork, executor::Executor};

/// PostgreSQL takes 65,535 values in a statement; beyond some 1,000 rows it gets no faster.
const POSTGRES_VALUES: usize = 20_000;
/// SQLite looks a value's name up among all names before it, so that long statements take it quadratic time.
const SQLITE_VALUES: usize = 500;
/// How often progress is told.
const PACE: Duration = Duration::from_secs(2);

/// Inserts of many rows by few statements.
pub(super) struct Bulk<'a> {
    uow: &'a UnitOfWork,
    progress: &'a (dyn Fn(PopulationProgress) + Sync),
}

impl<'a> Bulk<'a> {
    pub(super) fn new(uow: &'a UnitOfWork, progress: &'a (dyn Fn(PopulationProgress) + Sync)) -> Self {
        Self { uow, progress }
    }

    pub(super) fn executor(&self) -> Executor<'a> {
        Executor::Unit(self.uow)
    }

    /// Fills `table` with the rows of the indexes from 0 up to `of`. They are made on a thread of their own while
    /// the database stores those before. A column may say what is made of its value, `?`: `column = upper(?)`.
    pub(super) async fn insert<const N: usize>(
        &self,
        table: &'static str,
        columns: [&'static str; N],
        of: u64,
        row: impl Fn(u64) -> [Value; N] + Send + 'static,
    ) -> Result<(), StorageError> {
        let began = Instant::now();
        let executor = self.executor();
        let values_at_once = if executor.is_postgres() {
            POSTGRES_VALUES
        } else {
            SQLITE_VALUES
        };
        let rows_at_once = values_at_once / N;
        let full = statement(table, &columns, rows_at_once);
        let (sender, mut chunks) = mpsc::channel::<Vec<Value>>(2);
        let maker = tokio::task::spawn_blocking(move || {
            let mut next = 0;
            while next < of {
                let end = of.min(next + rows_at_once as u64);
                // Nobody receives any more when the database has refused.
                if sender
                    .blocking_send((next..end).flat_map(&row).collect())
                    .is_err()
                {
                    return;
                }
                next = end;
            }
        });
        let (mut done, mut told) = (0, Instant::now());
        while let Some(values) = chunks.recv().await {
            let rows = values.len() / N;
            if rows == rows_at_once {
                executor.execute(&full, values).await?;
            } else {
                executor
                    .execute(&statement(table, &columns, rows), values)
                    .await?;
            }
            done += rows as u64;
            if done == of || told.elapsed() >= PACE {
                told = Instant::now();
                let elapsed = began.elapsed();
                (self.progress)(PopulationProgress {
                    table,
                    done,
                    of,
                    elapsed,
                });
            }
        }
        if let Err(error) = maker.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        Ok(())
    }
}

/// `INSERT INTO table (a, b) VALUES ($1, $2), ($3, $4), …`
fn statement(table: &str, columns: &[&str], rows: usize) -> String {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| column.split_once(" = ").unwrap_or((column, "?")))
        .collect();
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", names.join(", "));
    let mut value = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (column, (_, made)) in columns.iter().enumerate() {
            value += 1;
            if column > 0 {
                sql.push_str(", ");
            }
            sql.push_str(&made.replace('?', &format!("${value}")));
        }
        sql.push(')');
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_placeholder_for_every_value() {
        assert_eq!(
            statement("t", &["a", "b"], 2),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)"
        );
        assert_eq!(
            statement("t", &["a", "b = upper(?)"], 1),
            "INSERT INTO t (a, b) VALUES ($1, upper($2))"
        );
    }
}
