//! A database of one's own for each test.

use resonance_persistence::{Database, DatabaseOptions, DatabaseUrl};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server that `TEST_POSTGRES_URL` names.
    Postgres,
}

/// A migrated database that is gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// The way in.
    pub database: Database,
    /// Where it is, for a second node or process.
    pub url: String,
    guard: Guard,
}

#[derive(Debug)]
enum Guard {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl TestDatabase {
    /// Makes one and brings it up to date.
    ///
    /// # Panics
    /// If no PostgreSQL server answers.
    pub async fn new(backend: Backend) -> Self {
        let empty = Self::empty(backend).await;
        empty.database.migrate().await.unwrap();
        empty
    }

    /// Makes one without any table.
    ///
    /// # Panics
    /// If no PostgreSQL server answers.
    pub async fn empty(backend: Backend) -> Self {
        let (url, guard) = match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                (url, Guard::Sqlite { _folder: folder })
            }
            Backend::Postgres => {
                let server = server_url();
                #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
                let name = format!("resonance_test_{}", Uuid::now_v7().simple());
                let mut admin = PgConnection::connect(&server).await.unwrap_or_else(|error| {
                    panic!(
                        "no PostgreSQL for the tests ({error}); run scripts/test, or set TEST_POSTGRES_URL"
                    )
                });
                admin
                    .execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .await
                    .unwrap();
                let (stem, query) = server
                    .split_once('?')
                    .map_or((server.as_str(), ""), |(s, q)| (s, q));
                let stem = stem.rsplit_once('/').unwrap().0;
                let url = format!("{stem}/{name}{}{query}", if query.is_empty() { "" } else { "?" });
                (url, Guard::Postgres { server, name })
            }
        };
        let database = Self::connect(&url).await;
        Self { database, url, guard }
    }

    /// A further set of connections to the same database, as another node has them.
    ///
    /// # Panics
    /// If the database does not answer.
    pub async fn another_node(&self) -> Database {
        Self::connect(&self.url).await
    }

    async fn connect(url: &str) -> Database {
        let url: DatabaseUrl = url.parse().unwrap();
        Database::connect(&DatabaseOptions {
            url,
            max_connections: 8,
        })
        .await
        .unwrap()
    }
}

fn server_url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by the environment"
    )]
    std::env::var("TEST_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".into())
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Guard::Postgres { server, name } = &self.guard {
            let (server, name) = (server.clone(), name.clone());
            // A test's runtime cannot wait inside `drop`; a runtime on another thread can.
            let dropped = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let mut admin = PgConnection::connect(&server).await.unwrap();
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    admin.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
                });
            });
            let _ = dropped.join();
        }
    }
}
