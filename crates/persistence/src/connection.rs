//! One connection, and the statements that it carries.

use sea_orm::{DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Connection as _, Database, Error, Executor as _, IntoArguments, PgConnection,
    SqliteConnection, postgres::PgConnectOptions, query::Query, sqlite::SqliteConnectOptions,
};

use crate::{database::Durability, raw::Sql, statement_count::count_one};

/// Prepared statements that each connection keeps. Lists of values of different lengths are different statements.
pub(crate) const STATEMENTS: usize = 256;

/// Statements that go along with another at most. Each sequence of them is prepared and kept as a whole, so that there
/// must be few different ones.
const ALONG: usize = 8;

/// Takes SQLite's only right to write at once, as whoever reads first and writes then may come too late.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// One connection.
///
/// SQLite's statements are carried to the connection's thread and back, which takes longer than most of them. So
/// there what nobody waits for, the beginning of a transaction first of all, goes along with the next statement that
/// somebody waits for.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Link,
    /// Whether no statement is under way whose answer would be taken for the next one's.
    at_rest: bool,
    in_transaction: bool,
    /// What goes along with the next statement; only on SQLite.
    along: Vec<Sql>,
}

#[derive(Debug)]
enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(crate) async fn to_sqlite(options: &SqliteConnectOptions) -> Result<Self, Error> {
        let link = SqliteConnection::connect_with(options).await?;
        Ok(Self::over(Link::Sqlite(link)))
    }

    pub(crate) async fn to_postgres(options: &PgConnectOptions) -> Result<Self, Error> {
        let link = PgConnection::connect_with(options).await?;
        Ok(Self::over(Link::Postgres(link)))
    }

    const fn over(link: Link) -> Self {
        Self {
            link,
            at_rest: true,
            in_transaction: false,
            along: Vec::new(),
        }
    }

    /// Whether nothing is under way: no statement, and no transaction.
    pub(crate) const fn is_at_rest(&self) -> bool {
        self.at_rest && !self.in_transaction
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    pub(crate) async fn ping(&mut self) -> Result<(), Error> {
        match &mut self.link {
            Link::Sqlite(link) => link.ping().await,
            Link::Postgres(link) => link.ping().await,
        }
    }

    /// Closes it, in good order if that can be.
    pub(crate) async fn close(self) {
        let _ = match self.link {
            Link::Sqlite(link) => link.close().await,
            Link::Postgres(link) => link.close().await,
        };
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        count_one();
        // By itself: the rows that others change would be counted as well.
        self.send_along().await?;
        self.run(statement).await
    }

    /// Runs a statement of a transaction of which nobody needs to know what it did: if it fails, a later one does.
    pub(crate) async fn execute_along(&mut self, sql: Sql) -> Result<(), DbErr> {
        if self.is_postgres() {
            return self.execute(sql.statement(DbBackend::Postgres)).await.map(drop);
        }
        count_one();
        if self.along.len() == ALONG {
            self.send_along().await?;
        }
        self.along.push(sql);
        Ok(())
    }

    pub(crate) async fn first(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        count_one();
        let statement = self.behind_along(statement).await?;
        let row = match &mut self.link {
            Link::Sqlite(link) => query(statement).fetch_optional(link).await.map(row),
            Link::Postgres(link) => {
                self.at_rest = false;
                let found = query(statement).fetch_optional(link).await;
                self.rested(found).map(row)
            }
        };
        row.map_err(refused)
    }

    pub(crate) async fn all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        count_one();
        let statement = self.behind_along(statement).await?;
        let rows = match &mut self.link {
            Link::Sqlite(link) => query(statement).fetch_all(link).await.map(rows),
            Link::Postgres(link) => {
                self.at_rest = false;
                let found = query(statement).fetch_all(link).await;
                self.rested(found).map(rows)
            }
        };
        rows.map_err(refused)
    }

    /// Without preparing: for statements that are sent once, and for what cannot be prepared.
    pub(crate) async fn unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        self.send_along().await?;
        let sql = AssertSqlSafe(sql.to_owned());
        let done = match &mut self.link {
            Link::Sqlite(link) => link.execute(sql).await.map(Into::into),
            Link::Postgres(link) => {
                self.at_rest = false;
                let done = link.execute(sql).await;
                self.rested(done).map(Into::into)
            }
        };
        done.map_err(failed)
    }

    /// Begins a transaction. Whoever lets go of the connection before the transaction's end must close it, and the
    /// database rolls back.
    pub(crate) async fn begin(&mut self, durability: Durability) -> Result<(), DbErr> {
        if !self.is_postgres() {
            self.along = vec![Sql::new(BEGIN, [])];
            return Ok(());
        }
        self.in_transaction = true;
        let sql = match durability {
            Durability::Lasting => "BEGIN",
            Durability::Provisional => "BEGIN; SET LOCAL synchronous_commit = off",
        };
        self.unprepared(sql).await.map(drop)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), DbErr> {
        if self.is_postgres() {
            self.unprepared("COMMIT").await?;
        } else if self.in_transaction || self.along.len() > 1 {
            self.along.push(Sql::new("COMMIT", []));
            self.send_along().await?;
        }
        self.let_go();
        Ok(())
    }

    pub(crate) async fn roll_back(&mut self) -> Result<(), DbErr> {
        self.along.clear();
        if self.in_transaction {
            self.unprepared("ROLLBACK").await?;
        }
        self.let_go();
        Ok(())
    }

    /// Nothing is under way any more.
    fn let_go(&mut self) {
        self.in_transaction = false;
        self.along.clear();
    }

    async fn send_along(&mut self) -> Result<(), DbErr> {
        if let Some(all) = self.take_along() {
            self.run(all.statement(DbBackend::Sqlite)).await?;
        }
        Ok(())
    }

    /// What goes along, as one text; with it, a transaction is begun.
    fn take_along(&mut self) -> Option<Sql> {
        let all = self.along.drain(..).reduce(Sql::then)?;
        self.in_transaction = true;
        Some(all)
    }

    /// The statement, with what goes along before it.
    async fn behind_along(&mut self, statement: Statement) -> Result<Statement, DbErr> {
        // sea-query's placeholders on SQLite have no numbers: they begin with the first of all values.
        if statement.sql.contains('?') && self.along.iter().any(Sql::has_values) {
            self.send_along().await?;
        }
        let Some(along) = self.take_along() else {
            return Ok(statement);
        };
        let values = statement.values.map(|Values(values)| values);
        let statement = Sql::new(statement.sql, values.unwrap_or_default());
        Ok(along.then(statement).statement(DbBackend::Sqlite))
    }

    async fn run(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done = match &mut self.link {
            Link::Sqlite(link) => query(statement).execute(link).await.map(Into::into),
            Link::Postgres(link) => {
                self.at_rest = false;
                let done = query(statement).execute(link).await;
                self.rested(done).map(Into::into)
            }
        };
        done.map_err(failed)
    }

    /// A statement is over when PostgreSQL has answered, were it by refusing. After any other error nobody knows what
    /// is still to come on the wire.
    fn rested<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.at_rest = matches!(result, Ok(_) | Err(Error::Database(_)));
        result
    }
}

fn query<D: Database>(statement: Statement) -> Query<'static, D, SqlxValues>
where
    SqlxValues: IntoArguments<D>,
{
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn row<R: Into<QueryResult>>(row: Option<R>) -> Option<QueryResult> {
    row.map(Into::into)
}

fn rows<R: Into<QueryResult>>(rows: Vec<R>) -> Vec<QueryResult> {
    rows.into_iter().map(Into::into).collect()
}

fn failed(error: Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn refused(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
