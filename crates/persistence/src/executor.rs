//! What repositories send their statements to: a pool of connections, or a transaction.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use crate::{
    UnitOfWork,
    live::Wakes,
    pool::{ConnectionPool, PooledConnection},
    raw::Sql,
};

/// What a repository sends its statements to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Executor<'a> {
    /// Connections that only read, on SQLite.
    Pool(&'a ConnectionPool),
    Unit(&'a UnitOfWork),
}

/// An open transaction; dropping it rolls back.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Mutex<Held>,
    is_postgres: bool,
}

/// A connection that goes back to its pool when it is dropped, unless that would leave a transaction open there.
#[derive(Debug)]
struct Held(Option<PooledConnection>);

impl Executor<'_> {
    /// For sea-orm's queries.
    pub(crate) fn get(self) -> Self {
        self
    }

    pub(crate) fn is_postgres(self) -> bool {
        match self {
            Self::Pool(pool) => pool.is_postgres(),
            Self::Unit(uow) => uow.transaction().is_postgres,
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
    ($executor:expr, $method:ident, $argument:expr) => {
        match $executor {
            Executor::Pool(pool) => pool.get().await?.$method($argument).await,
            Executor::Unit(uow) => {
                let mut held = uow.transaction().connection.lock().await;
                held.get()?.$method($argument).await
            }
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
        dispatch!(self, execute, statement)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        dispatch!(self, unprepared, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        dispatch!(self, first, statement)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        dispatch!(self, all, statement)
    }
}

impl Transaction {
    /// On a connection on which one was begun.
    pub(crate) fn on(connection: PooledConnection) -> Self {
        Self {
            is_postgres: connection.is_postgres(),
            connection: Mutex::new(Held(Some(connection))),
        }
    }

    /// See [`Executor::run_along`].
    pub(crate) async fn execute_along(&self, sql: Sql) -> Result<(), DbErr> {
        self.connection.lock().await.get()?.execute_along(sql).await
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.connection.into_inner().get()?.commit().await
    }

    /// Gives the connection back, where dropping would cost it.
    pub(crate) async fn roll_back(self) {
        // If this fails, the connection is closed, and the database rolls back by itself.
        if let Ok(connection) = self.connection.into_inner().get() {
            let _ = connection.roll_back().await;
        }
    }
}

impl Held {
    fn get(&mut self) -> Result<&mut PooledConnection, DbErr> {
        self.0
            .as_mut()
            .ok_or_else(|| DbErr::Custom("the connection is gone".to_owned()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take().filter(|connection| !connection.is_at_rest()) {
            drop(PooledConnection::take(connection));
        }
    }
}
