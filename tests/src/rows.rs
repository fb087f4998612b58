//! What is stored, looked at past the server.

use resonance_domain::OrganizationId;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tokio::sync::{MappedMutexGuard, MutexGuard};
use uuid::Uuid;

use crate::Server;

/// A connection to a database of either kind.
#[derive(Debug)]
pub(crate) enum Connected {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Server {
    /// The texts in the first column of a query's rows; null is empty.
    ///
    /// # Panics
    /// If the database refuses, or these are no texts.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        let text = |text: Option<String>| text.unwrap_or_default();
        match &mut *self.connection().await {
            Connected::Sqlite(connection) => {
                let rows = connection.fetch_all(query).await.unwrap();
                rows.iter().map(|row| text(row.get(0))).collect()
            }
            Connected::Postgres(connection) => {
                let rows = connection.fetch_all(query).await.unwrap();
                rows.iter().map(|row| text(row.get(0))).collect()
            }
        }
    }

    /// Does what no use case does.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        match &mut *self.connection().await {
            Connected::Sqlite(connection) => drop(connection.execute(statement).await.unwrap()),
            Connected::Postgres(connection) => drop(connection.execute(statement).await.unwrap()),
        }
    }

    /// A connection past the server, opened once.
    async fn connection(&self) -> MappedMutexGuard<'_, Connected> {
        let mut connection = self.own_connection().lock().await;
        if connection.is_none() {
            let url = self.database_url();
            *connection = Some(if self.is_sqlite() {
                Connected::Sqlite(SqliteConnection::connect(url).await.unwrap())
            } else {
                Connected::Postgres(PgConnection::connect(url).await.unwrap())
            });
        }
        MutexGuard::map(connection, |connection| connection.as_mut().unwrap())
    }

    /// How many rows `what` names, such as `voices WHERE name = 'a'`.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn count(&self, what: &str) -> usize {
        let count = format!("SELECT CAST(COUNT(*) AS text) FROM {what}");
        self.texts(&count).await[0].parse().unwrap()
    }

    /// An organization's id as a literal of this database's SQL.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn organization_literal(&self, id: &str) -> String {
        self.literal(id.parse::<OrganizationId>().unwrap().as_uuid())
    }

    /// A UUID as a literal of this database's SQL.
    #[must_use]
    pub fn literal(&self, uuid: Uuid) -> String {
        if self.is_sqlite() {
            format!("x'{}'", uuid.simple())
        } else {
            format!("'{uuid}'")
        }
    }

    /// The names of all tables that hold what people store, but for bookkeeping about who asks how often.
    pub async fn tables(&self) -> Vec<String> {
        let query = if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
             AND name NOT IN ('seaql_migrations', 'throttles') ORDER BY name"
        } else {
            "SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = 'public'
             AND table_name NOT IN ('seaql_migrations', 'throttles') ORDER BY table_name"
        };
        self.texts(query).await
    }

    /// The names of the tables whose rows belong to organizations.
    pub async fn tenant_tables(&self) -> Vec<String> {
        let mut names = Vec::new();
        for table in self.tables().await {
            if self.columns(&table).await.contains(&"organization_id".to_owned()) {
                names.push(table);
            }
        }
        names
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        let query = if self.is_sqlite() {
            format!("SELECT name FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT CAST(column_name AS text) FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
            )
        };
        self.texts(&query).await
    }

    /// Every row of an organization as text, table by table, and its own.
    pub async fn rows_of(&self, organization: &str) -> Vec<String> {
        let id = self.organization_literal(organization);
        let mut rows = self.rows("organizations", &format!("id = {id}")).await;
        for table in self.tenant_tables().await {
            rows.extend(self.rows(&table, &format!("organization_id = {id}")).await);
        }
        rows
    }

    /// The rows of a table as text.
    pub async fn rows(&self, table: &str, condition: &str) -> Vec<String> {
        let columns: Vec<_> = self
            .columns(table)
            .await
            .iter()
            .map(|column| {
                if self.is_sqlite() {
                    format!("quote({column})")
                } else {
                    format!("coalesce(CAST({column} AS text), 'NULL')")
                }
            })
            .collect();
        let query = format!(
            "SELECT '{table}: ' || {} FROM {table} WHERE {condition} ORDER BY 1",
            columns.join(" || ', ' || ")
        );
        self.texts(&query).await
    }

    /// The keys of all objects in the store.
    ///
    /// # Panics
    /// If the folder cannot be read.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        fn walk(folder: &std::path::Path, root: &std::path::Path, keys: &mut Vec<String>) {
            let Ok(entries) = std::fs::read_dir(folder) else {
                return;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, keys);
                } else {
                    keys.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let root = self.folder().join("objects");
        let mut keys = Vec::new();
        walk(&root, &root, &mut keys);
        keys.sort();
        keys
    }

    /// Whether everything that was left for later is done, jobs that wait for their time not counted.
    pub async fn is_settled(&self) -> bool {
        self.count("events WHERE relayed_at IS NULL").await == 0
            && self.count("jobs WHERE state IN ('queued', 'running')").await == 0
    }

    /// Waits until [`Server::is_settled`].
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub async fn settle(&self) {
        for _ in 0..600 {
            if self.is_settled().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("work is left: {:#?}", self.rows("jobs", "TRUE").await);
    }

    fn is_sqlite(&self) -> bool {
        self.database_url().starts_with("sqlite:")
    }
}
