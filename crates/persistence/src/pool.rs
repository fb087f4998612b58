//! Connections that are used again.
//!
//! sqlx's own pool asks the database, after every use of a connection and in a task of its own, whether the connection is
//! well: a round trip for each statement, which costs a busy node a third of its time in storage. This pool asks a
//! server only after a pause, and a file never. What was interrupted in the middle of a transaction is not used again.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts},
};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::{Error, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use crate::connection::Connection;

/// How long a connection to a server may have rested before it is asked whether it is well.
const REST: Duration = Duration::from_secs(30);
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPool {
    pool: Pool<Manager>,
    is_postgres: bool,
}

/// A connection that goes back to its pool when it is dropped.
pub(crate) type PooledConnection = Object<Manager>;

/// Opens connections.
#[derive(Debug)]
pub(crate) enum Manager {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl ConnectionPool {
    /// Opens a first connection, so that wrong settings show at once.
    pub(crate) async fn open(manager: Manager, max_connections: u32) -> Result<Self, DbErr> {
        let is_postgres = matches!(manager, Manager::Postgres(_));
        let pool = Pool::builder(manager)
            .max_size(usize::try_from(max_connections).unwrap_or(usize::MAX))
            .timeouts(Timeouts {
                wait: Some(PATIENCE),
                create: Some(PATIENCE),
                recycle: Some(PATIENCE),
            })
            // A few warm connections serve better than many lukewarm ones.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let pool = Self { pool, is_postgres };
        drop(pool.get().await?);
        Ok(pool)
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    pub(crate) async fn get(&self) -> Result<PooledConnection, DbErr> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => unreachable(error),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })
    }

    /// Closes the connections that rest; those in use, when they come back.
    pub(crate) async fn close(&self) {
        let resting = self.pool.retain(|_, _| false).removed;
        self.pool.close();
        for connection in resting {
            connection.close().await;
        }
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        // What is rare and large, kept apart: the future of every statement holds what this one does.
        match self {
            Self::Sqlite(options) => Box::pin(Connection::to_sqlite(options)).await,
            Self::Postgres(options) => Box::pin(Connection::to_postgres(options)).await,
        }
    }

    async fn recycle(&self, held: &mut Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if !held.is_at_rest() {
            return Err(RecycleError::message("interrupted"));
        }
        if matches!(self, Self::Postgres(_)) && metrics.last_used() > REST {
            Box::pin(held.ping()).await?;
        }
        Ok(())
    }
}

fn unreachable(error: Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
