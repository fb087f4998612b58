//! Engines and queues.

use async_graphql::SimpleObject;
use resonance_services::{EngineReport, QueueDepth};

/// A speech engine of the node that answers.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct SpeechEngine {
    /// Its name, as voices refer to it.
    pub(crate) name: String,
    /// Whether it takes work; not while it is left alone because it failed too often. Its generations wait meanwhile.
    pub(crate) available: bool,
    /// How many requests it is at work on; 0 if nobody counts.
    pub(crate) requests: i32,
    /// How many it takes at the same time; null if it sets no limit.
    pub(crate) concurrency: Option<i32>,
    /// The longest text that it takes in one go, in characters. Longer ones are spoken in pieces.
    pub(crate) max_characters: i32,
    /// The settings that make a difference, of `temperature`, `top_p`, `top_k`, `repetition_penalty` and `speed`.
    pub(crate) settings: Vec<&'static str>,
    /// Whether it follows instructions in words.
    pub(crate) instructions: bool,
    /// Whether it makes voices that sound like the recorded speaker.
    pub(crate) clones: bool,
    /// The languages that it speaks, as BCP 47 tags; empty if only it knows.
    pub(crate) languages: Vec<String>,
}

impl From<EngineReport> for SpeechEngine {
    fn from(engine: EngineReport) -> Self {
        let EngineReport {
            name,
            status,
            capabilities,
        } = engine;
        let whole = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            name,
            available: status.available,
            requests: whole(status.at_work),
            concurrency: status.limit.map(whole),
            max_characters: whole(capabilities.max_characters),
            settings: capabilities
                .settings
                .iter()
                .map(|setting| setting.as_str())
                .collect(),
            instructions: capabilities.instructions,
            clones: capabilities.cloning.is_some(),
            languages: capabilities
                .languages
                .iter()
                .map(|language| language.as_str().to_owned())
                .collect(),
        }
    }
}

/// How many jobs a queue of the instance holds.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub(crate) struct JobQueue {
    /// The queue's name: `speak`, `mail`, `sweep`, `purge`, `bill` or `preview`.
    pub(crate) name: String,
    /// Jobs that wait for a time that is still to come: for another try, or for what is down.
    pub(crate) waiting: i32,
    /// Jobs that could be done now.
    pub(crate) queued: i32,
    /// Jobs at work.
    pub(crate) running: i32,
    /// Jobs that were given up.
    pub(crate) dead: i32,
}

impl From<QueueDepth> for JobQueue {
    fn from(queue: QueueDepth) -> Self {
        let whole = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            name: queue.name.to_owned(),
            waiting: whole(queue.waiting),
            queued: whole(queue.queued),
            running: whole(queue.running),
            dead: whole(queue.dead),
        }
    }
}
