//! Ending generations with their audio, those together that are ready at the same time.

use std::collections::HashSet;

use resonance_authz::{SystemGrant, system::Speak};
use resonance_blobs::Unsettled;
use resonance_domain::{EventKind, GenerationId, GenerationState, IdsExt, InOrg};
use resonance_persistence::{ClaimedJob, LiveNote, Repositories, SpokenAudio};

use super::{event, moved, pieces_removal};
use crate::{
    Outcome, ServiceError,
    core::Core,
    together::{Joint, Together},
};

/// The end of a generation that was spoken.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(super) job: ClaimedJob,
    pub(super) generation: InOrg<GenerationId>,
    pub(super) audio: SpokenAudio,
    /// When the audio was put into the object store.
    pub(super) put: Unsettled,
    /// The length of the text.
    pub(super) characters: usize,
    /// Whether pieces of it lie in the object store.
    pub(super) in_pieces: bool,
}

/// What became of an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was stored.
    Stored,
    /// The job was lost, or the generation ended otherwise.
    Gone,
    /// The disk may not have the audio.
    Unsettled,
}

impl Joint for Ending {
    type Group = ();
    type Done = Ended;

    fn group(&self, _core: &Core) {}

    fn together(core: &Core) -> &Together<Self> {
        &core.endings
    }

    async fn all(core: &Core, endings: &[Self]) -> Outcome<Vec<Ended>> {
        // What is charged must be there, whatever happens: one flush for all of them.
        let puts: Vec<_> = endings.iter().map(|ending| ending.put).collect();
        let settled = core.blobs.settle(&puts).await?;
        let mut ordered: Vec<_> = endings
            .iter()
            .zip(&settled)
            .filter_map(|(ending, settled)| settled.then_some(ending))
            .collect();
        // In one order everywhere, so that no two nodes wait for each other in a circle.
        ordered.sort_unstable_by_key(|ending| (ending.generation.organization, ending.generation.id));
        let stored = store(core, &ordered).await?;
        let ended = endings
            .iter()
            .zip(settled)
            .map(|(ending, settled)| match settled {
                true if stored.contains(&ending.generation) => Ended::Stored,
                true => Ended::Gone,
                false => Ended::Unsettled,
            });
        Ok(ended.collect())
    }
}

/// Ends jobs, generations and holds on the ledger: all that can be ended or none; which generations those are.
async fn store(core: &Core, endings: &[&Ending]) -> Outcome<HashSet<InOrg<GenerationId>>> {
    if endings.is_empty() {
        return Ok(HashSet::new());
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
            Ok(ended)
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
