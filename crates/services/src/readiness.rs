//! Whether the instance can do its work.

use std::{future::Future, time::Duration};

use resonance_persistence::{JobQueue, Repositories as _};
use resonance_speech::engine::{Capabilities, EngineStatus};

use crate::Services;

/// How long a part may take to answer before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether one part that the instance needs answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The part.
    pub name: &'static str,
    /// Whether it answered.
    pub healthy: bool,
}

impl Services {
    /// Asks every part that the instance needs, all at once.
    pub async fn check(&self) -> Vec<Check> {
        let core = self.core();
        let (database, objects) = tokio::join!(
            ask("database", core.database.ping()),
            ask("objects", core.blobs.check())
        );
        vec![database, objects]
    }
}

impl Services {
    /// How many jobs each queue holds that are still to be done, running ones included; `None` if the database does not tell.
    pub async fn queue_depths(&self) -> Option<Vec<(&'static str, u64)>> {
        let counted = tokio::time::timeout(PATIENCE, self.core().database.jobs().depths()).await;
        let depths = counted.ok()?.ok()?;
        let of = |queue: JobQueue| {
            let mine = depths
                .iter()
                .filter(|(name, state, _)| name == queue.as_str() && state != "dead");
            (queue.as_str(), mine.map(|(_, _, depth)| depth).sum())
        };
        Some(JobQueue::ALL.map(of).to_vec())
    }
}

/// An engine of this node, and how it is.
#[derive(Debug, Clone)]
pub struct EngineReport {
    /// Its name, as voices refer to it.
    pub name: String,
    /// How it is at this moment.
    pub status: EngineStatus,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl Services {
    /// The engines of this node, by name.
    #[must_use]
    pub fn engines(&self) -> Vec<EngineReport> {
        let engines = self.core().engines.iter();
        engines
            .map(|engine| EngineReport {
                name: engine.id().to_owned(),
                status: engine.status(),
                capabilities: engine.capabilities().clone(),
            })
            .collect()
    }

    /// Sets the gauges: how many jobs each queue holds, by state, which is read from the database and stays as it was if
    /// that does not answer; and how this node's engines are.
    pub async fn set_gauges(&self) {
        for engine in self.engines() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^53 requests")]
            let at_work = engine.status.at_work as f64;
            metrics::gauge!("resonance_engine_requests", "engine" => engine.name.clone()).set(at_work);
            metrics::gauge!("resonance_engine_available", "engine" => engine.name)
                .set(if engine.status.available { 1.0 } else { 0.0 });
        }
        match self.core().database.jobs().depths().await {
            Ok(depths) => {
                for queue in JobQueue::ALL {
                    for state in ["waiting", "queued", "running", "dead"] {
                        let depth = depths.iter().find(|(q, s, _)| q == queue.as_str() && s == state);
                        #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^53 jobs")]
                        metrics::gauge!("resonance_jobs", "queue" => queue.as_str(), "state" => state)
                            .set(depth.map_or(0.0, |(_, _, depth)| *depth as f64));
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "counting jobs failed");
            }
        }
        if self.core().billing.is_none() {
            return;
        }
        match self.core().database.usage_exports().state().await {
            Ok(state) => {
                for (name, lines) in [("waiting", state.waiting), ("refused", state.refused)] {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^53 lines")]
                    metrics::gauge!("resonance_usage_exports", "state" => name).set(lines as f64);
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "counting exports failed"
                );
            }
        }
    }
}

async fn ask<E: std::error::Error + 'static>(
    name: &'static str,
    answer: impl Future<Output = Result<(), E>>,
) -> Check {
    let healthy = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(
                part = name,
                error = &error as &dyn std::error::Error,
                "a part does not answer"
            );
            false
        }
        Err(_) => {
            tracing::warn!(part = name, "a part does not answer in time");
            false
        }
    };
    Check { name, healthy }
}
