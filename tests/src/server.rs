//! A running server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use resonance_testkit::Backend;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::{Client, Site, rows::Connected};

/// A node of an instance: a process with a data folder and a database of its own, or shared with other nodes.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    site: Arc<Site>,
    variables: Vec<(String, String)>,
}

impl Server {
    /// Starts a node on an empty database and an empty folder.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// The same, with further variables.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start_with(backend: Backend, variables: &[(&str, &str)]) -> Self {
        Site::new(backend).await.serve(variables).await
    }

    /// Starts another node of the same instance: the same database, objects and secret.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn another_node(&self) -> Self {
        Self::spawn(Arc::clone(&self.site), self.variables.clone()).await
    }

    pub(crate) async fn spawn(site: Arc<Site>, variables: Vec<(String, String)>) -> Self {
        let mut process = site
            .node()
            .envs(variables.iter().map(|(key, value)| (key, value)))
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                log.lock().unwrap().push(line.clone());
                let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else {
                    continue;
                };
                if line["message"] == "listening" {
                    return line["address"].as_str().unwrap().parse().unwrap();
                }
            }
            panic!("the server ended before it listened: {:#?}", log.lock().unwrap())
        };
        let address = tokio::time::timeout(Duration::from_secs(30), listening)
            .await
            .expect("the server comes up");
        let rest = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                rest.lock().unwrap().push(line);
            }
        });
        Self {
            process,
            address,
            log,
            site,
            variables,
        }
    }

    /// Kills the process as a power cut would, and starts it again on what it left.
    ///
    /// # Panics
    /// If it does not come up again.
    pub async fn kill_and_restart(mut self) -> Self {
        self.kill().await;
        self.restart().await
    }

    /// Starts a process that ended again on what it left.
    ///
    /// # Panics
    /// If it does not come up again.
    pub async fn restart(self) -> Self {
        Self::spawn(Arc::clone(&self.site), self.variables.clone()).await
    }

    /// Kills the process as a power cut would.
    ///
    /// # Panics
    /// If there is no process.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Asks the process to stop, and waits until it has.
    ///
    /// # Panics
    /// If it ends with an error, or not at all.
    pub async fn stop(&mut self) {
        let id = self.process.id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let status = tokio::time::timeout(Duration::from_secs(40), self.process.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success(), "{:#?}", self.log.lock().unwrap());
    }

    /// Where the instance lives.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nobody known, talking to this node.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(self.url(""), None)
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.site.folder.path()
    }

    /// The database, for looking at what is stored.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.site.database.url
    }

    pub(crate) fn own_connection(&self) -> &tokio::sync::Mutex<Option<Connected>> {
        &self.site.connection
    }

    /// What was logged so far.
    ///
    /// # Panics
    /// If the reader of the log panicked.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}
