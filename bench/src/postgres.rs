//! The PostgreSQL server.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::process::Process;

#[derive(Debug)]
pub(crate) struct Postgres {
    url: String,
    process: u32,
}

/// A database of the benchmark's own.
#[derive(Debug)]
pub(crate) struct BenchDatabase {
    pub(crate) url: String,
    name: String,
}

impl Postgres {
    pub(crate) fn new(url: &str, process: u32) -> Self {
        Self {
            url: url.to_owned(),
            process,
        }
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.process)
    }

    /// Makes an empty database.
    pub(crate) async fn make_database(&self) -> anyhow::Result<BenchDatabase> {
        let name = format!("resonance_bench_{}", std::process::id());
        self.run(&format!("CREATE DATABASE {name}")).await?;
        let stem = self
            .url
            .rsplit_once('/')
            .context("a URL of PostgreSQL names a database")?
            .0;
        Ok(BenchDatabase {
            url: format!("{stem}/{name}"),
            name,
        })
    }

    /// Has every statement logged, or none.
    pub(crate) async fn log_statements(&self, on: bool) -> anyhow::Result<()> {
        let which = if on { "all" } else { "none" };
        self.run(&format!("ALTER SYSTEM SET log_statement = '{which}'"))
            .await?;
        self.run("SELECT pg_reload_conf()").await?;
        // The postmaster tells the sessions within moments.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    /// Writes out what is dirty, so that no run pays for the one before.
    pub(crate) async fn checkpoint(&self) -> anyhow::Result<()> {
        self.run("CHECKPOINT").await
    }

    /// Lets everybody begin anew with what is limited by the hour: each run of a change uses up a good part of it.
    pub(crate) async fn forget_throttles(&self, database: &BenchDatabase) -> anyhow::Result<()> {
        self.run_in(&database.url, "DELETE FROM throttles").await
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        self.run_in(&self.url, sql).await
    }

    async fn run_in(&self, url: &str, sql: &str) -> anyhow::Result<()> {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"])
            .arg(url)
            .arg("--command")
            .arg(sql)
            .output()
            .await
            .context("psql cannot be run: install PostgreSQL's client programs")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "PostgreSQL refused {sql}: {told}");
        Ok(())
    }
}

impl BenchDatabase {
    pub(crate) async fn drop(self, postgres: &Postgres) -> anyhow::Result<()> {
        postgres
            .run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
            .await
    }
}
