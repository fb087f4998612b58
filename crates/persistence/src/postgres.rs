//! Connections to PostgreSQL.
//!
//! sqlx's own pool asks the server, after every use of a connection and in a task of its own, whether the connection is
//! well: a round trip for each statement, which costs a busy node a third of its time in storage. This pool asks only
//! after a pause. What was interrupted in the middle of a statement or a transaction is not used again.

use std::{str::FromStr, time::Duration};

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts},
};
use sea_orm::{ConnAcquireErr, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Error, Executor as _, PgConnection, Postgres,
    postgres::PgConnectOptions, query::Query,
};

use crate::{database::Durability, statement_count::count_one};

/// How long a connection may have rested before it is asked whether it is well.
const REST: Duration = Duration::from_secs(30);
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Prepared statements that each connection keeps. Lists of values of different lengths are different statements.
const STATEMENTS: usize = 256;

/// A pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PostgresPool(Pool<Manager>);

/// A connection that goes back to its pool when it is dropped.
pub(crate) type PooledConnection = Object<Manager>;

#[derive(Debug)]
pub(crate) struct Manager(PgConnectOptions);

/// One connection.
#[derive(Debug)]
pub(crate) struct PostgresConnection {
    connection: PgConnection,
    /// Whether nothing is under way: no statement, and no transaction.
    at_rest: bool,
    in_transaction: bool,
}

impl PostgresPool {
    /// Opens a first connection, so that wrong settings show at once.
    pub(crate) async fn open(url: &str, max_connections: u32) -> Result<Self, DbErr> {
        let options = PgConnectOptions::from_str(url)
            .map_err(unreachable)?
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let pool = Pool::builder(Manager(options))
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
        let pool = Self(pool);
        drop(pool.get().await?);
        Ok(pool)
    }

    pub(crate) async fn get(&self) -> Result<PooledConnection, DbErr> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => unreachable(error),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl managed::Manager for Manager {
    type Type = PostgresConnection;
    type Error = Error;

    async fn create(&self) -> Result<PostgresConnection, Error> {
        // What is rare and large, kept apart: the future of every statement holds what this one does.
        let connection = Box::pin(PgConnection::connect_with(&self.0)).await?;
        Ok(PostgresConnection {
            connection,
            at_rest: true,
            in_transaction: false,
        })
    }

    async fn recycle(&self, held: &mut PostgresConnection, metrics: &Metrics) -> RecycleResult<Error> {
        if !held.at_rest || held.in_transaction {
            return Err(RecycleError::message("interrupted"));
        }
        if metrics.last_used() > REST {
            Box::pin(held.connection.ping()).await?;
        }
        Ok(())
    }
}

impl PostgresConnection {
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        count_one();
        self.at_rest = false;
        let result = query(statement).execute(&mut self.connection).await;
        self.rested(result)
            .map(Into::into)
            .map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
    }

    pub(crate) async fn first(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        count_one();
        self.at_rest = false;
        let result = query(statement).fetch_optional(&mut self.connection).await;
        let row = self.rested(result).map_err(refused)?;
        Ok(row.map(Into::into))
    }

    pub(crate) async fn all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        count_one();
        self.at_rest = false;
        let result = query(statement).fetch_all(&mut self.connection).await;
        let rows = self.rested(result).map_err(refused)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Without preparing: for statements that are sent once, and for what cannot be prepared.
    pub(crate) async fn unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        self.at_rest = false;
        let result = self.connection.execute(AssertSqlSafe(sql.to_owned())).await;
        self.rested(result)
            .map(Into::into)
            .map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
    }

    /// Begins a transaction. Whoever drops the connection before the transaction's end drops it for good, and
    /// PostgreSQL rolls back.
    pub(crate) async fn begin(&mut self, durability: Durability) -> Result<(), DbErr> {
        self.in_transaction = true;
        let sql = match durability {
            Durability::Lasting => "BEGIN",
            Durability::Provisional => "BEGIN; SET LOCAL synchronous_commit = off",
        };
        self.unprepared(sql).await.map(drop)
    }

    /// Ends a transaction by `COMMIT` or `ROLLBACK`.
    pub(crate) async fn end(&mut self, sql: &'static str) -> Result<(), DbErr> {
        self.unprepared(sql).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// A statement is over when PostgreSQL has answered, were it by refusing. After any other error nobody knows what
    /// is still to come on the wire.
    fn rested<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.at_rest = matches!(result, Ok(_) | Err(Error::Database(_)));
        result
    }
}

fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn unreachable(error: Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

fn refused(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
