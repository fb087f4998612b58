//! Connections.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr};
use sqlx::{
    ConnectOptions as _,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    Live, StorageError, UnitOfWork,
    connection::STATEMENTS,
    executor::{Executor, Transaction},
    pool::{ConnectionPool, Manager},
    statement_count::count_one,
};

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file, created when it is absent.
    Sqlite(PathBuf),
    /// A PostgreSQL URL.
    Postgres(String),
}

/// A text that is no database URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be sqlite:PATH or postgres://…")]
pub struct DatabaseUrlError;

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        match text
            .strip_prefix("sqlite:")
            .map(|path| path.strip_prefix("//").unwrap_or(path))
        {
            Some(path) if !path.is_empty() && !path.contains(":memory:") => Ok(Self::Sqlite(path.into())),
            _ => Err(DatabaseUrlError),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            // The URL may carry a password.
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// Where.
    pub url: DatabaseUrl,
    /// How many connections at most.
    pub max_connections: u32,
}

/// The way into storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    connections: Connections,
    live: Live,
}

#[derive(Debug, Clone)]
struct Connections {
    /// Where what only reads is done.
    read: ConnectionPool,
    /// Where transactions are. On SQLite, it is the one connection that writes, so that writers queue here, fairly, and not
    /// in busy loops, and those that read refuse to write; on PostgreSQL, they are the same.
    write: ConnectionPool,
    /// For what lies outside of the repositories: migrating and listening. It opens connections when they are needed
    /// and closes them soon.
    aside: DatabaseConnection,
    /// On SQLite, the file that is locked while the schema is brought up to date. Not the database's own: whoever closes
    /// that file gives up all locks that SQLite holds on it in this process.
    lock: Option<PathBuf>,
}

/// How long what a transaction stored is certain to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Whatever happens.
    Lasting,
    /// Until the database's machine loses power.
    Provisional,
}

impl Database {
    /// Connects. Nothing is created in the database; see [`Database::migrate`].
    ///
    /// # Errors
    /// `Unavailable` or `Other`.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let most = options.max_connections;
        let connections = match &options.url {
            DatabaseUrl::Postgres(url) => {
                let postgres = Manager::Postgres(postgres(url)?.into());
                let pool = ConnectionPool::open(postgres, most).await?;
                Connections {
                    read: pool.clone(),
                    write: pool,
                    aside: open_aside(url, |options| options).await?,
                    lock: None,
                }
            }
            DatabaseUrl::Sqlite(path) => {
                // The writer first: it creates the file and turns the write-ahead log on.
                let writing = Manager::Sqlite(sqlite(path, false).into());
                let reading = Manager::Sqlite(sqlite(path, true).into());
                Connections {
                    write: ConnectionPool::open(writing, 1).await?,
                    read: ConnectionPool::open(reading, most).await?,
                    aside: {
                        let path = path.clone();
                        let url = format!("sqlite:{}", path.display());
                        open_aside(&url, move |_| sqlite(&path, false)).await?
                    },
                    lock: Some(path.with_extension("lock")),
                }
            }
        };
        Ok(Self {
            connections,
            live: Live::default(),
        })
    }

    /// Brings the schema up to date. Safe to call from several nodes at once.
    ///
    /// # Errors
    /// `Unavailable` or `Other`.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        // The migrator has no lock of its own.
        if let Some(lock) = &self.connections.lock {
            let _held = locked(lock.clone()).await?;
            return Ok(Migrator::up(self.aside(), None).await?);
        }
        // A session lock belongs to one connection, so it is taken on a connection that does nothing else.
        const LOCK: i64 = 0x7265_736f_6e61_6e63;
        let pool = self.aside().get_postgres_connection_pool();
        let unavailable =
            |error: sqlx::Error| StorageError::from(DbErr::Conn(RuntimeErr::SqlxError(error.into())));
        let mut holder = pool.acquire().await.map_err(unavailable)?.detach();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut holder)
            .await
            .map_err(unavailable)?;
        let migrated = Migrator::up(self.aside(), None).await;
        // Closing the connection releases the lock, whatever happened.
        let _ = sqlx::Connection::close(holder).await;
        Ok(migrated?)
    }

    /// Whether a round trip succeeds.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.reader().execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Whether all migrations have run.
    ///
    /// # Errors
    /// `Unavailable` or `Other`.
    pub async fn is_up_to_date(&self) -> Result<bool, StorageError> {
        Ok(Migrator::get_pending_migrations(self.aside()).await?.is_empty())
    }

    /// Runs `work` in one transaction: all of it is stored, or nothing.
    ///
    /// Commits when `work` returns `Ok`; rolls back when it returns `Err`, panics or is dropped. On SQLite the
    /// transaction is the only one that writes from its first moment on; on PostgreSQL rules that span rows lock
    /// the organization's row.
    ///
    /// # Errors
    /// What `work` returned, or the database's own.
    pub async fn atomically<T, E>(
        &self,
        work: impl AsyncFnOnce(&UnitOfWork) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StorageError>,
    {
        self.unit(Durability::Lasting, work).await
    }

    /// The same for what nobody was promised, and which is done again if it is lost: nothing waits for the disk. If the
    /// database's machine loses power in the next moments, it may be as if this had never been; if only this process dies, it
    /// is kept.
    ///
    /// # Errors
    /// What `work` returned, or the database's own.
    pub async fn provisionally<T, E>(
        &self,
        work: impl AsyncFnOnce(&UnitOfWork) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StorageError>,
    {
        self.unit(Durability::Provisional, work).await
    }

    async fn unit<T, E>(
        &self,
        durability: Durability,
        work: impl AsyncFnOnce(&UnitOfWork) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StorageError>,
    {
        // In boxes, as their state would make that of every use case larger.
        let uow = UnitOfWork::new(Box::pin(self.begin(durability)).await?);
        let result = work(&uow).await;
        match result {
            Ok(result) => {
                let wakes = Box::pin(uow.commit()).await?;
                self.live.wake(wakes);
                Ok(result)
            }
            Err(error) => {
                Box::pin(uow.roll_back()).await;
                Err(error)
            }
        }
    }

    async fn begin(&self, durability: Durability) -> Result<Transaction, StorageError> {
        let mut connection = self.connections.write.get().await?;
        connection.begin(durability).await?;
        Ok(Transaction::on(connection))
    }

    /// What is told between parts of the system, on this node and between nodes.
    #[must_use]
    pub const fn live(&self) -> &Live {
        &self.live
    }

    /// Connects this node to the notes of the others and keeps it connected until the future is dropped. On SQLite,
    /// where there are no others, it only waits.
    pub async fn listen(&self) {
        if self.is_postgres() {
            self.live
                .listen(self.aside().get_postgres_connection_pool())
                .await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Whether this is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.connections.read.is_postgres()
    }

    /// Closes all connections, after the work in progress.
    pub async fn close(&self) {
        let Connections {
            read, write, aside, ..
        } = &self.connections;
        let _ = aside.clone().close().await;
        read.close().await;
        // Last: it tidies the file up.
        write.close().await;
    }

    /// Has the database look at what it has got, as it would by itself in time, so that it plans statements as it
    /// will later.
    pub(crate) async fn take_stock(&self) -> Result<(), StorageError> {
        let statement = if self.is_postgres() {
            "VACUUM (ANALYZE)"
        } else {
            "ANALYZE"
        };
        self.aside().execute_unprepared(statement).await?;
        Ok(())
    }

    pub(crate) const fn reader(&self) -> Executor<'_> {
        Executor::Pool(&self.connections.read)
    }

    /// A connection of sea-orm's that may do everything.
    const fn aside(&self) -> &DatabaseConnection {
        &self.connections.aside
    }
}

async fn open_aside(
    url: &str,
    sqlite: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> Result<DatabaseConnection, StorageError> {
    let mut options = ConnectOptions::new(url);
    options
        // One holds the lock while another migrates.
        .max_connections(2)
        .min_connections(0)
        .idle_timeout(Duration::from_secs(10))
        .connect_lazy(true)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(sqlite);
    let mut connection = sea_orm::Database::connect(options).await?;
    connection.set_metric_callback(|_| count_one());
    Ok(connection)
}

/// The file at `path`, locked against everybody else until it is dropped, and waited for.
async fn locked(path: PathBuf) -> Result<File, StorageError> {
    let failed = |error: String| DbErr::Conn(RuntimeErr::Internal(format!("the lock file: {error}")));
    let lock = move || {
        let file = File::create(path)?;
        file.lock().map(|()| file)
    };
    let locked = tokio::task::spawn_blocking(lock).await;
    let locked = locked.map_err(|error| failed(error.to_string()))?;
    Ok(locked.map_err(|error| failed(error.to_string()))?)
}

fn postgres(url: &str) -> Result<PgConnectOptions, StorageError> {
    let options =
        PgConnectOptions::from_str(url).map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(options
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging())
}

fn sqlite(path: &Path, read_only: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(!read_only)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit survives the process's death; a power cut may cost the last commits, never the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .pragma("mmap_size", "268435456")
        .pragma("cache_size", "-20000")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    if read_only {
        options.pragma("query_only", "on")
    } else {
        options.optimize_on_close(true, None)
    }
}
