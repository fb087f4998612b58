//! The server that is measured, and its population.

use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tokio::process::{Child, Command};

use crate::{connection, process::Process, question::Token};

/// How large the population is; see `resonance seed --help`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Population {
    pub(crate) users: u64,
    pub(crate) organizations: u64,
    pub(crate) members_per_organization: u64,
    pub(crate) voices_per_organization: u64,
    pub(crate) generations_per_organization: u64,
    pub(crate) seed: u64,
}

/// Seeds the database; the tokens of all who are members.
pub(crate) async fn seed(
    binary: &Path,
    folder: &Path,
    database: &str,
    population: &Population,
) -> anyhow::Result<Vec<Token>> {
    let file = folder.join(format!("tokens-{}", population.seed));
    let numbers = [
        ("--users", population.users),
        ("--organizations", population.organizations),
        ("--members-per-organization", population.members_per_organization),
        ("--voices-per-organization", population.voices_per_organization),
        (
            "--generations-per-organization",
            population.generations_per_organization,
        ),
        ("--seed", population.seed),
        ("--tokens-for", population.users),
    ];
    let seeded = command(binary, folder, database)
        .arg("seed")
        .args(
            numbers
                .iter()
                .flat_map(|(flag, number)| [(*flag).to_owned(), number.to_string()]),
        )
        .arg("--tokens")
        .arg(&file)
        .stderr(Stdio::null())
        .status()
        .await?;
    ensure!(seeded.success(), "resonance seed failed");
    let text = std::fs::read_to_string(&file)?;
    text.lines().map(token).collect()
}

/// Reads `user id <tab> organization id <tab> role <tab> token`.
fn token(line: &str) -> anyhow::Result<Token> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [_, organization, role, secret] = parts.as_slice() else {
        bail!("a line of the tokens has {} parts", parts.len());
    };
    Ok(Token {
        organization: (*organization).to_owned(),
        is_admin: *role == "org:admin",
        secret: (*secret).to_owned(),
    })
}

/// As an operator would run it: nothing is set but where things are.
fn command(binary: &Path, folder: &Path, database: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("RESONANCE_DATA_DIR", folder)
        .env("RESONANCE_DATABASE_URL", database)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    id: u32,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub(crate) async fn start(binary: &Path, folder: &Path, database: &str) -> anyhow::Result<Self> {
        // A port that was free a moment ago.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = std::fs::File::create(folder.join("server.log"))?;
        let child = command(binary, folder, database)
            .env("RESONANCE_LISTEN", address.to_string())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let id = child.id().context("the server ended")?;
        let server = Self { child, id, address };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let answer = connection::get(address, "/readyz").await;
            if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(folder.join("server.log"))?;
        bail!("the server does not come up:\n{log}")
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.id)
    }

    /// SQL statements that it has sent so far.
    pub(crate) async fn statements(&self) -> anyhow::Result<f64> {
        let metrics = connection::get(self.address, "/metrics").await?;
        metrics
            .lines()
            .find_map(|line| line.strip_prefix("resonance_sql_statements_total "))
            .and_then(|count| count.trim().parse().ok())
            .context("the server does not count its statements")
    }

    /// Has it finish what is open, and end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.id.to_string()).status().await?;
        ensure!(told.success(), "the server is gone");
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??;
        ensure!(ended.success(), "the server did not end well: {ended}");
        Ok(())
    }
}
