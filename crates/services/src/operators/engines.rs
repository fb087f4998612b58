//! Engines and queues, as operators see them.

use resonance_persistence::{JobQueue, Repositories};

use super::Operators;
use crate::{EngineReport, Outcome};

/// How many jobs a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// The queue's name.
    pub name: &'static str,
    /// Jobs that wait for a time that is still to come: tries after a failure, and for what is down.
    pub waiting: u64,
    /// Jobs that could be done now.
    pub queued: u64,
    /// Jobs at work.
    pub running: u64,
    /// Jobs that were given up.
    pub dead: u64,
}

impl Operators<'_> {
    /// The engines of this node, by name, and how they are.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn engines(self) -> Outcome<Vec<EngineReport>> {
        let _may_read = self.reading().await?;
        Ok(self.0.services().engines())
    }

    /// How many jobs there are in each queue. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn queues(self) -> Outcome<Vec<QueueDepth>> {
        let _may_read = self.reading().await?;
        let depths = self.0.core().database.jobs().depths().await?;
        let queues = JobQueue::ALL.into_iter().map(|queue| {
            let of = |state: &str| {
                let found = depths
                    .iter()
                    .find(|(name, s, _)| name == queue.as_str() && s == state);
                found.map_or(0, |(_, _, count)| *count)
            };
            QueueDepth {
                name: queue.as_str(),
                waiting: of("waiting"),
                queued: of("queued"),
                running: of("running"),
                dead: of("dead"),
            }
        });
        Ok(queues.collect())
    }
}
