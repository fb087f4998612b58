//! Where an instance lives.

use std::{process::Stdio, sync::Arc};

use resonance_testkit::{Backend, TestDatabase};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    Ended, Server,
    binary::{command, run},
    rows::Connected,
};

/// What the nodes of an instance, and the commands beside them, share: a data folder and a database.
#[derive(Debug)]
pub struct Site {
    // Closed before the database is dropped.
    pub(crate) connection: tokio::sync::Mutex<Option<Connected>>,
    pub(crate) folder: TempDir,
    pub(crate) database: TestDatabase,
}

impl Site {
    /// An empty folder and an empty database, without any table.
    ///
    /// # Panics
    /// If they cannot be made.
    pub async fn new(backend: Backend) -> Arc<Self> {
        Arc::new(Self {
            connection: tokio::sync::Mutex::default(),
            folder: tempfile::tempdir().unwrap(),
            database: TestDatabase::empty(backend).await,
        })
    }

    /// Runs a command of the binary here to its end.
    ///
    /// # Panics
    /// If it cannot be started, or does not end within a minute.
    pub async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let all = [&self.variables(), variables].concat();
        run(self.folder.path(), arguments, &all).await
    }

    /// Starts a node here.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn serve(self: &Arc<Self>, variables: &[(&str, &str)]) -> Server {
        let variables = variables
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Server::spawn(Arc::clone(self), variables).await
    }

    /// A node that was not started yet.
    pub(crate) fn node(&self) -> Command {
        let mut node = command(self.folder.path(), &self.variables());
        node.env("RESONANCE_LOG_FORMAT", "json")
            // Tests come from one address, but are many clients.
            .env("RESONANCE_TRUSTED_PROXIES", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        node
    }

    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("RESONANCE_LISTEN", "127.0.0.1:0"),
            ("RESONANCE_DATA_DIR", self.folder.path().to_str().unwrap()),
            ("RESONANCE_DATABASE_URL", &self.database.url),
        ]
    }
}
