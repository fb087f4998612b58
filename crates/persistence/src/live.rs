//! Telling other parts of the system, on this node and on others, that something changed.
//!
//! A note is a hint, not a message: it says where to look. Whoever hears [`Heard::Missed`] looks everywhere.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use resonance_domain::OrganizationId;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, broadcast};

use crate::JobQueue;

const CHANNEL: &str = "resonance";
/// Notes that a slow subscriber may be behind before it is told that it missed some.
const CAPACITY: usize = 1024;

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveNote {
    /// Whose; `None` for what is nobody's.
    pub organization: Option<OrganizationId>,
    /// What happened: an event's kind, or `generation.progressed`.
    pub kind: String,
    /// What it happened to.
    pub subject: Option<String>,
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This changed.
    Note(LiveNote),
    /// Notes were lost (a slow subscriber, a broken connection): look again.
    Missed,
}

/// Notes and wake-up calls.
#[derive(Debug, Clone)]
pub struct Live {
    notes: broadcast::Sender<Heard>,
    relay: Arc<Notify>,
    queues: Arc<[Notify; JobQueue::ALL.len()]>,
    webhooks: Arc<Notify>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            notes: broadcast::channel(CAPACITY).0,
            relay: Arc::default(),
            queues: Arc::default(),
            webhooks: Arc::default(),
        }
    }
}

/// What a unit of work asks for once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) relay: bool,
    pub(crate) queues: BTreeSet<JobQueue>,
    pub(crate) webhooks: bool,
    pub(crate) notes: Vec<LiveNote>,
    /// For this node alone.
    pub(crate) notes_here: Vec<LiveNote>,
}

impl Live {
    /// Everything that is told from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.notes.subscribe()
    }

    /// Waits until events may be waiting for the relay; returns at once if that was so since the last call.
    pub async fn events_to_relay(&self) {
        self.relay.notified().await;
    }

    /// Waits until jobs may be waiting in `queue`, likewise.
    pub async fn jobs_in(&self, queue: JobQueue) {
        self.queues[queue as usize].notified().await;
    }

    /// Waits until deliveries may be waiting for their senders, likewise.
    pub async fn webhooks_to_send(&self) {
        self.webhooks.notified().await;
    }

    /// Wakes the senders of webhooks on this node.
    pub fn wake_webhooks(&self) {
        self.webhooks.notify_one();
    }

    /// Wakes the workers of `queue` on this node.
    pub fn wake_queue(&self, queue: JobQueue) {
        self.queues[queue as usize].notify_one();
    }

    pub(crate) fn wake(&self, wakes: Wakes) {
        if wakes.relay {
            self.relay.notify_one();
        }
        for queue in wakes.queues {
            self.wake_queue(queue);
        }
        if wakes.webhooks {
            self.wake_webhooks();
        }
        for note in wakes.notes_here.into_iter().chain(wakes.notes) {
            self.tell(Heard::Note(note));
        }
    }

    fn tell(&self, heard: Heard) {
        // A queue that another node filled is announced by the event that came with the job.
        match &heard {
            Heard::Note(note) if note.kind == "generation.created" => {
                self.wake_queue(JobQueue::Speak);
            }
            Heard::Note(_) => {}
            Heard::Missed => self.queues.iter().for_each(Notify::notify_one),
        }
        // Nobody listening is fine.
        let _ = self.notes.send(heard);
    }

    pub(crate) async fn listen(&self, pool: &PgPool) {
        loop {
            if let Err(error) = self.listen_until_broken(pool).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "listening to other nodes failed; trying again"
                );
            }
            self.tell(Heard::Missed);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn listen_until_broken(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        // A connection of its own: one from the pool would be missing there for good.
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        self.tell(Heard::Missed);
        // `None` means that the connection broke and notes may be lost.
        while let Some(notification) = listener.try_recv().await? {
            for note in decode(notification.payload()) {
                self.tell(Heard::Note(note));
            }
        }
        Ok(())
    }
}

/// The payloads that carry `notes`, each within PostgreSQL's limit of 8,000 bytes.
pub(crate) fn encode(notes: &[LiveNote]) -> Vec<String> {
    notes
        .chunks(30)
        .map(|notes| {
            let notes = notes
                .iter()
                .map(|note| json!([note.organization, note.kind, note.subject]));
            Value::Array(notes.collect()).to_string()
        })
        .collect()
}

fn decode(payload: &str) -> Vec<LiveNote> {
    let notes: Vec<(Option<OrganizationId>, String, Option<String>)> =
        serde_json::from_str(payload).unwrap_or_default();
    notes
        .into_iter()
        .map(|(organization, kind, subject)| LiveNote {
            organization,
            kind,
            subject,
        })
        .collect()
}

pub(crate) const NOTIFY: &str = "SELECT pg_notify('resonance', payload) FROM unnest($1::text[]) AS payload";

#[cfg(test)]
mod tests {
    use resonance_domain::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn notes_survive_the_wire_and_fit_into_it() {
        let note = |n| LiveNote {
            organization: Some(Id::from_uuid(Uuid::from_u128(n))),
            kind: "membership.role_changed".into(),
            subject: Some("mem_".repeat(20)),
        };
        let notes: Vec<_> = (0..100)
            .map(note)
            .chain([LiveNote {
                organization: None,
                kind: "x".into(),
                subject: None,
            }])
            .collect();
        let payloads = encode(&notes);
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        assert_eq!(
            payloads
                .iter()
                .flat_map(|payload| decode(payload))
                .collect::<Vec<_>>(),
            notes
        );
    }
}
