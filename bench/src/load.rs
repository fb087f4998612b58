//! Asking as fast as answers come, on a number of connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{connection::Connection, postgres::Postgres, process::Process, question::Asker, server::Server};

/// What a run showed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// Of the time until the answer is there.
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    /// Per request.
    pub(crate) costs: Costs,
}

/// Processor time, and statements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    pub(crate) server: Duration,
    pub(crate) postgres: Duration,
    pub(crate) client: Duration,
    pub(crate) statements: f64,
}

impl Costs {
    async fn so_far(server: &Server, postgres: &Postgres) -> anyhow::Result<Self> {
        Ok(Self {
            server: server.process().time()?,
            postgres: postgres.process().time_of_family()?,
            client: Process::this().time()?,
            statements: server.statements().await?,
        })
    }

    fn of_each(self, before: Self, requests: usize) -> Self {
        let count = requests.max(1) as f64;
        let each = |after: Duration, before: Duration| after.saturating_sub(before).div_f64(count);
        Self {
            server: each(self.server, before.server),
            postgres: each(self.postgres, before.postgres),
            client: each(self.client, before.client),
            statements: (self.statements - before.statements) / count,
        }
    }
}

/// Measures for `length`, after warming up.
pub(crate) async fn run(
    server: &Server,
    postgres: &Postgres,
    asker: &Arc<Asker>,
    connections: usize,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for _ in 0..connections {
        let connection = Connection::open(server.address).await?;
        workers.push(tokio::spawn(work(
            connection,
            Arc::clone(asker),
            Arc::clone(&stop),
        )));
    }
    tokio::time::sleep(warm_up).await;
    let before = Costs::so_far(server, postgres).await?;
    let begun = Instant::now();
    tokio::time::sleep(length).await;
    let ended = Instant::now();
    let after = Costs::so_far(server, postgres).await?;
    stop.store(true, Ordering::Relaxed);

    let mut waits = Vec::new();
    for worker in workers {
        let answers = worker.await??;
        let counted = answers.into_iter().filter(|(at, _)| (begun..ended).contains(at));
        waits.extend(counted.map(|(_, wait)| wait));
    }
    ensure!(!waits.is_empty(), "no answer came within {length:?}");
    waits.sort_unstable();
    Ok(Measured {
        per_second: waits.len() as f64 / (ended - begun).as_secs_f64(),
        p50: quantile(&waits, 0.50),
        p95: quantile(&waits, 0.95),
        p99: quantile(&waits, 0.99),
        costs: after.of_each(before, waits.len()),
    })
}

/// Asks until it is told to stop: when each answer came, and how long it took.
async fn work(
    mut connection: Connection,
    asker: Arc<Asker>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Vec<(Instant, Duration)>> {
    let mut answers = Vec::new();
    let mut request = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        asker.next(&mut request);
        let asked = Instant::now();
        connection.exchange(&request).await?;
        let answered = Instant::now();
        answers.push((answered, answered - asked));
    }
    Ok(answers)
}

/// The smallest value that at least this share of the sorted values does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the number of values"
)]
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 0.5), Duration::from_millis(50));
        assert_eq!(quantile(&values, 0.99), Duration::from_millis(99));
        assert_eq!(quantile(&values[..1], 0.95), Duration::from_millis(1));
    }
}
