//! Ending generations with their audio, those together that are ready at the same time.
//!
//! A transaction waits for the disk, and all of an organization's wait for the rows that hold its sums. What is ready
//! while one is being stored is therefore stored by the next one, all of it at once.

use std::sync::{Mutex, PoisonError};

use resonance_authz::{SystemGrant, system::Speak};
use resonance_domain::{EventKind, GenerationId, GenerationState, IdsExt, InOrg};
use resonance_persistence::{ClaimedJob, LiveNote, Repositories, SpokenAudio};
use tokio::sync::oneshot;

use super::{event, moved, pieces_removal};
use crate::{Outcome, ServiceError, Services, core::Core};

/// The end of a generation that was spoken.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) job: ClaimedJob,
    pub(super) generation: InOrg<GenerationId>,
    pub(super) audio: SpokenAudio,
    /// The length of the text.
    pub(super) characters: usize,
    /// Whether pieces of it lie in the object store.
    pub(super) in_pieces: bool,
}

/// An ending, and whom to tell whether it was stored.
type Waiting = (Ending, oneshot::Sender<Outcome<bool>>);

/// The endings that are ready on this node.
#[derive(Debug, Default)]
pub(crate) struct Endings {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

impl Endings {
    /// Ends the job, the generation and the hold on the ledger. `false` if the job was lost, or the generation ended
    /// otherwise: then nothing is stored.
    pub(super) async fn store(services: &Services, ending: Ending) -> Outcome<bool> {
        let endings = &services.core().endings;
        let (told, heard) = oneshot::channel();
        endings.with_waiting(|waiting| waiting.push((ending, told)));
        // Others' endings may be among those that are stored here, so it goes on if this one's worker goes.
        let services = services.clone();
        tokio::spawn(async move { store_waiting(services.core()).await });
        heard
            .await
            .map_err(|error| ServiceError::internal("ending a generation", error))?
    }

    fn with_waiting<T>(&self, f: impl FnOnce(&mut Vec<Waiting>) -> T) -> T {
        f(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn store_waiting(core: &Core) {
    let _turn = core.endings.turn.lock().await;
    let mut waiting = core.endings.with_waiting(std::mem::take);
    // In one order everywhere, so that no two nodes wait for each other in a circle.
    waiting.sort_unstable_by_key(|(ending, _)| (ending.generation.organization, ending.generation.id));
    let (endings, told): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    match store_all(core, &endings).await {
        Ok(stored) => {
            for (told, stored) in told.into_iter().zip(stored) {
                let _ = told.send(Ok(stored));
            }
        }
        // One may be at fault. The others are not to pay for it.
        Err(_) if endings.len() > 1 => {
            for (ending, told) in endings.into_iter().zip(told) {
                let stored = store_all(core, &[ending]).await;
                let _ = told.send(stored.map(|stored| stored.contains(&true)));
            }
        }
        Err(error) => {
            if let Some(told) = told.into_iter().next() {
                let _ = told.send(Err(error));
            }
        }
    }
}

/// Stores endings, all that can be or none; which of them could be.
async fn store_all(core: &Core, endings: &[Ending]) -> Outcome<Vec<bool>> {
    if endings.is_empty() {
        return Ok(Vec::new());
    }
    let grant = SystemGrant::<Speak>::for_job();
    let now = core.clock.now();
    core.database
        .atomically(async |uow| {
            let jobs: Vec<_> = endings.iter().map(|ending| &ending.job).collect();
            let held = uow.jobs().complete_all(&jobs).await?;
            let spoken: Vec<_> = endings
                .iter()
                .filter(|ending| held.contains(&ending.job.id))
                .map(|ending| (ending.generation, &ending.audio))
                .collect();
            let ended = uow.speaking().succeed(&grant, &spoken, now).await?;
            let lines: Vec<_> = ended
                .iter()
                .map(|generation| (*generation, core.ids.next()))
                .collect();
            let exported = core.billing.is_some();
            if !uow.usage().settle(&grant, &lines, exported, now).await? {
                return Err(ServiceError::internal("settling usage", "nothing is held"));
            }
            for ending in endings.iter().filter(|ending| ended.contains(&ending.generation)) {
                tell(core, uow, ending).await?;
            }
            Ok(endings
                .iter()
                .map(|ending| ended.contains(&ending.generation))
                .collect())
        })
        .await
}

/// What follows from an ending.
async fn tell(core: &Core, uow: &resonance_persistence::UnitOfWork, ending: &Ending) -> Outcome<()> {
    if ending.in_pieces {
        uow.jobs().add(pieces_removal(core, ending.generation)?).await?;
    }
    let kind = EventKind::GenerationSucceeded;
    let payload = moved(GenerationState::Running, GenerationState::Succeeded)
        .with("durationMs", ending.audio.duration_ms)
        .with("bytes", ending.audio.bytes)
        .with("characters", ending.characters);
    uow.record(event(core, ending.generation, kind, payload));
    // Whoever waits for it here need not wait for the event to be passed on.
    uow.tell_here(LiveNote {
        organization: Some(ending.generation.organization),
        kind: kind.as_str().to_owned(),
        subject: Some(ending.generation.global_id()),
    });
    Ok(())
}
