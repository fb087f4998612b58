//! A database of one's own for each test.

use std::hash::{DefaultHasher, Hasher as _};

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
        match backend {
            Backend::Sqlite => {
                let empty = Self::empty(backend).await;
                empty.database.migrate().await.unwrap();
                empty
            }
            Backend::Postgres => Self::copy_of(Some(&template().await)).await,
        }
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
            Backend::Postgres => return Self::copy_of(None).await,
        };
        let database = Self::connect(&url).await;
        Self { database, url, guard }
    }

    /// A new database of the server, as another is or as empty as the server makes them.
    async fn copy_of(template: Option<&str>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
        let name = format!("resonance_test_{}", Uuid::now_v7().simple());
        let of = template.map_or_else(String::new, |template| format!(" TEMPLATE {template}"));
        let server = server_url();
        execute(&mut admin().await, format!("CREATE DATABASE {name}{of}")).await;
        let url = url_of(&server, &name);
        Self {
            database: Self::connect(&url).await,
            url,
            guard: Guard::Postgres { server, name },
        }
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

/// The name of a database that is up to date, from which others are copied: bringing one up to date takes longer than all that
/// most tests do. There is one for each program of tests, as its migrations are what was built into it.
async fn template() -> String {
    let program = std::env::current_exe().unwrap();
    let built = program.metadata().unwrap().modified().unwrap();
    let of_program = format!("resonance_template_{:08x}_", mark(&program) >> 32);
    let mark = mark(&built);
    let name = format!("{of_program}{mark:016x}");
    let mut admin = admin().await;
    // Of programs that begin at the same time, one makes it; the others wait here.
    let lock = i64::from_ne_bytes(mark.to_ne_bytes());
    execute(&mut admin, format!("SELECT pg_advisory_lock({lock})")).await;
    let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1");
    let there = there.bind(&name).fetch_optional(&mut admin).await.unwrap();
    if there.is_none() {
        // What is left of earlier builds of the program is of no use to anybody.
        let left =
            sqlx::query_scalar::<_, String>("SELECT datname FROM pg_database WHERE starts_with(datname, $1)");
        for left in left.bind(&of_program).fetch_all(&mut admin).await.unwrap() {
            execute(&mut admin, format!("DROP DATABASE IF EXISTS {left} WITH (FORCE)")).await;
        }
        // What is half made has another name.
        let half = format!("{name}_half");
        execute(&mut admin, format!("CREATE DATABASE {half}")).await;
        let database = TestDatabase::connect(&url_of(&server_url(), &half)).await;
        database.migrate().await.unwrap();
        database.close().await;
        // A connection may take a moment to be gone.
        let gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        execute(&mut admin, format!("{gone}'{half}'")).await;
        execute(&mut admin, format!("ALTER DATABASE {half} RENAME TO {name}")).await;
    }
    execute(&mut admin, format!("SELECT pg_advisory_unlock({lock})")).await;
    name
}

fn mark(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

async fn admin() -> PgConnection {
    PgConnection::connect(&server_url())
        .await
        .unwrap_or_else(|error| {
            panic!("no PostgreSQL for the tests ({error}); run scripts/test, or set TEST_POSTGRES_URL")
        })
}

async fn execute(connection: &mut PgConnection, sql: String) {
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

/// Another database of the same server.
fn url_of(server: &str, name: &str) -> String {
    let (stem, query) = server
        .split_once('?')
        .map_or((server, ""), |(stem, query)| (stem, query));
    let stem = stem.rsplit_once('/').unwrap().0;
    format!("{stem}/{name}{}{query}", if query.is_empty() { "" } else { "?" })
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
