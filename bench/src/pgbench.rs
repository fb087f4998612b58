//! The same SQL without the server: what PostgreSQL alone could give.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::{
    Options,
    capture::Script,
    postgres::{BenchDatabase, Postgres},
};

/// What pgbench reached.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) per_second: f64,
    /// Processor time of PostgreSQL per transaction.
    pub(crate) postgres: Duration,
}

/// Runs the script as long as the server was measured, after the same warm-up.
pub(crate) async fn run(
    postgres: &Postgres,
    database: &BenchDatabase,
    script: &Script,
    connections: usize,
    options: &Options,
) -> anyhow::Result<Reference> {
    postgres.checkpoint().await?;
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--progress=1"])
        .arg(format!("--client={connections}"))
        .arg(format!("--jobs={}", connections.min(2)))
        .arg(format!("--time={}", options.warm_up + options.seconds))
        .kill_on_drop(true);
    for (number, (text, values)) in script.variants().enumerate() {
        let path = folder.path().join(format!("{number}.sql"));
        std::fs::write(&path, text)?;
        command.arg("--file").arg(path);
        for (name, value) in values {
            command.arg(format!("--define={name}={value}"));
        }
    }
    let before = postgres.process().time_of_family()?;
    let output = command
        .arg(&database.url)
        .output()
        .await
        .context("pgbench cannot be run: install PostgreSQL's contributed programs")?;
    // The postmaster takes note of its children's ends, and of their times, within moments.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = postgres.process().time_of_family()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "pgbench failed: {told}");
    let rates = rates(&told);
    let measured = rates.get(usize::try_from(options.warm_up)?..).unwrap_or_default();
    ensure!(!measured.is_empty(), "pgbench told nothing: {told}");
    let all: f64 = rates.iter().sum();
    Ok(Reference {
        per_second: measured.iter().sum::<f64>() / measured.len() as f64,
        postgres: (after - before).div_f64(all.max(1.0)),
    })
}

/// Transactions in each second, from lines such as `progress: 3.0 s, 12345.6 tps, lat 0.080 ms stddev 0.021, 0 failed`.
fn rates(told: &str) -> Vec<f64> {
    told.lines()
        .filter_map(|line| {
            line.strip_prefix("progress: ")?
                .split(", ")
                .nth(1)?
                .strip_suffix(" tps")
        })
        .filter_map(|rate| rate.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_the_rate_of_each_second() {
        let told = "pgbench (15)\nprogress: 1.0 s, 900.5 tps, lat 1 ms stddev 0, 0 failed\nprogress: 2.0 s, 1000.0 tps, lat 1 ms\n";
        assert_eq!(rates(told), [900.5, 1000.0]);
    }
}
