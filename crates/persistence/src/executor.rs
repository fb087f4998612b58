//! What repositories send their statements to: a pool of connections, or a transaction.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement,
};
use tokio::sync::Mutex;

use crate::{
    UnitOfWork,
    live::Wakes,
    postgres::{PooledConnection, PostgresPool},
};

/// What a repository sends its statements to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Executor<'a> {
    /// SQLite's connections that only read.
    Sqlite(&'a DatabaseConnection),
    Postgres(&'a PostgresPool),
    Unit(&'a UnitOfWork),
}

/// An open transaction; dropping it rolls back.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(DatabaseTransaction),
    Postgres(Mutex<PooledConnection>),
}

impl Executor<'_> {
    /// For sea-orm's queries.
    pub(crate) fn get(self) -> Self {
        self
    }

    pub(crate) fn is_postgres(self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
            Self::Unit(uow) => matches!(uow.transaction(), Transaction::Postgres(_)),
        }
    }

    /// Notes what to wake once the unit of work is committed.
    pub(crate) fn wake(self, note: impl FnOnce(&mut Wakes)) {
        if let Self::Unit(uow) = self {
            uow.note_wakes(note);
        }
    }
}

/// Sends a statement where it belongs.
macro_rules! dispatch {
    ($executor:expr, $sqlite:ident, $postgres:ident, $argument:expr) => {
        match $executor {
            Executor::Sqlite(pool) => pool.$sqlite($argument).await,
            Executor::Postgres(pool) => pool.get().await?.$postgres($argument).await,
            Executor::Unit(uow) => match uow.transaction() {
                Transaction::Sqlite(transaction) => transaction.$sqlite($argument).await,
                Transaction::Postgres(connection) => connection.lock().await.$postgres($argument).await,
            },
        }
    };
}

/// So that sea-orm's queries run on it, and those written by hand (see `raw`).
#[async_trait::async_trait]
impl ConnectionTrait for Executor<'_> {
    fn get_database_backend(&self) -> DbBackend {
        if self.is_postgres() {
            DbBackend::Postgres
        } else {
            DbBackend::Sqlite
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        dispatch!(self, execute_raw, execute, statement)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        dispatch!(self, execute_unprepared, unprepared, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        dispatch!(self, query_one_raw, first, statement)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        dispatch!(self, query_all_raw, all, statement)
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(connection) => connection.into_inner().end("COMMIT").await,
        }
    }

    /// Gives the connection back at once, where dropping would cost it.
    pub(crate) async fn roll_back(self) {
        match self {
            Self::Sqlite(transaction) => drop(transaction.rollback().await),
            // If this fails, the connection is dropped, and PostgreSQL rolls back by itself.
            Self::Postgres(connection) => drop(connection.into_inner().end("ROLLBACK").await),
        }
    }
}
