//! Speaking what was asked for: the worker of generations.
//!
//! A job of the queue stands for one generation until that is final. The worker speaks, encodes and uploads outside
//! any transaction, under a key that every try shares; then one transaction ends the job, the generation and the hold
//! on the ledger together. A worker that lost its job in the meantime stores nothing: whoever took the job goes on, or
//! whoever cancelled the generation has ended it.
//!
//! The job is also what keeps uploaded objects from being forgotten: as long as there is one, the object will either
//! be named by the generation or be swept by whoever ends it otherwise.

mod progress;
mod studio;

use std::time::Duration;

use chrono::TimeDelta;
use resonance_authz::{SystemGrant, system::Speak};
use resonance_blobs::BlobKey;
use resonance_domain::{EventKind, GenerationFailure, GenerationId, GenerationState, Id, IdsExt, InOrg};
use resonance_persistence::{
    ClaimedJob, NewEvent, NewJob, Repositories, SpeechOrder, SpokenAudio, UnitOfWork,
};

use self::studio::{Failure, Recording};
use crate::{Outcome, ServiceError, changes::Changes, core::Core, sweep};

/// Tries before a generation fails.
const MAX_TRIES: u32 = 3;
/// Times that a job may be taken up before it is given up as what kills its workers. More than [`MAX_TRIES`], as a
/// node may die for reasons that are not the text's.
const MAX_CLAIMS: u32 = 10;

/// Where the objects of a generation lie.
pub(crate) fn folder(generation: InOrg<GenerationId>) -> Outcome<BlobKey> {
    let key = format!(
        "organizations/{}/generations/{}",
        generation.organization.as_uuid(),
        generation.id.as_uuid()
    );
    BlobKey::parse(&key).map_err(|error| ServiceError::internal("naming an object", error))
}

/// A job that removes what a generation without audio left in the object store, once no upload that began before now
/// can be under way any more.
pub(crate) fn late_removal(core: &Core, generation: InOrg<GenerationId>) -> Outcome<NewJob> {
    let removal = sweep::removal(core, &folder(generation)?, sweep::Owner::Generation(generation));
    Ok(NewJob {
        run_at: removal.created_at + core.settings.upload_grace,
        ..removal
    })
}

/// Does one job of the queue.
pub(crate) async fn speak(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    let Some(generation) = subject(job) else {
        return Err(ServiceError::internal("reading a speech job", "no generation"));
    };
    let take = Take {
        core,
        job,
        generation,
        grant: SystemGrant::<Speak>::for_job(),
    };
    take.run().await
}

/// What a job is about.
fn subject(job: &ClaimedJob) -> Option<InOrg<GenerationId>> {
    Some(InOrg::new(job.organization?, Id::from_uuid(job.subject?)))
}

/// Marks the generation of a job that its node hands back as waiting again, in the same unit of work.
pub(crate) async fn hand_back(
    uow: &UnitOfWork,
    job: &ClaimedJob,
) -> Result<(), resonance_persistence::StorageError> {
    if let Some(generation) = subject(job) {
        let grant = SystemGrant::<Speak>::for_job();
        uow.speaking().put_back(&grant, generation).await?;
    }
    Ok(())
}

/// One try to speak one generation.
struct Take<'a> {
    core: &'a Core,
    job: &'a ClaimedJob,
    generation: InOrg<GenerationId>,
    grant: SystemGrant<Speak>,
}

impl Take<'_> {
    async fn run(&self) -> Outcome<()> {
        let Some(order) = self.begin().await? else {
            // Deleted or cancelled by hands that did not see this job; there is nothing to do.
            let database = &self.core.database;
            database
                .atomically(async |uow| uow.jobs().complete(self.job).await)
                .await?;
            return Ok(());
        };
        let characters = order.text.chars().count() as u64;
        let spoken = if self.job.attempt > MAX_CLAIMS {
            Err(Failure::interrupted())
        } else {
            self.perform(order).await
        };
        match spoken {
            Ok(Some(audio)) => self.succeed(&audio, characters).await,
            Ok(None) => Ok(()),
            Err(failure) if failure.retryable && self.job.attempt < MAX_TRIES => {
                self.put_back(&failure).await
            }
            Err(failure) => self.fail(&failure).await,
        }
    }

    async fn begin(&self) -> Outcome<Option<SpeechOrder>> {
        let core = self.core;
        core.database
            .atomically(async |uow| {
                let order = uow
                    .speaking()
                    .begin(&self.grant, self.generation, core.clock.now())
                    .await?;
                if order.is_some() {
                    let payload = moved(GenerationState::Queued, GenerationState::Running)
                        .with("attempt", self.job.attempt);
                    uow.record(self.event(EventKind::GenerationStarted, payload));
                }
                Ok(order)
            })
            .await
    }

    /// Everything outside transactions. `None` if the job was lost on the way.
    async fn perform(&self, order: SpeechOrder) -> Result<Option<SpokenAudio>, Failure> {
        let format = order.format;
        let recording = self.synthesize(order).await?;
        // INVARIANT: no upload begins after the job has ended; see `late_removal`.
        if !self.still_mine().await? {
            return Ok(None);
        }
        let Recording {
            encoded,
            sample_rate,
            peaks,
        } = recording;
        let key = folder(self.generation)
            .and_then(|folder| {
                let name = format!("audio.{}", format.extension());
                folder
                    .join(&name)
                    .map_err(|error| ServiceError::internal("naming an object", error))
            })
            .map_err(Failure::of_service)?;
        let audio = SpokenAudio {
            key: key.as_str().to_owned(),
            bytes: encoded.bytes.len() as u64,
            duration_ms: u64::try_from(encoded.duration.as_millis()).unwrap_or(u64::MAX),
            sample_rate,
            peaks,
        };
        let stored = self
            .core
            .blobs
            .put(&key, encoded.bytes, encoded.content_type)
            .await;
        stored.map_err(Failure::of_store)?;
        Ok(Some(audio))
    }

    async fn still_mine(&self) -> Result<bool, Failure> {
        let until = self.core.clock.now() + self.core.settings.job_lease;
        self.core
            .database
            .atomically(async |uow| uow.jobs().extend(self.job, until).await)
            .await
            .map_err(|error| Failure::of_service(ServiceError::Storage(error)))
    }

    async fn succeed(&self, audio: &SpokenAudio, characters: u64) -> Outcome<()> {
        let core = self.core;
        let now = core.clock.now();
        let stored = core
            .database
            .atomically(async |uow| {
                let stored = uow.jobs().complete(self.job).await?
                    && uow
                        .speaking()
                        .succeed(&self.grant, self.generation, audio, now)
                        .await?;
                if stored {
                    let InOrg { organization, id } = self.generation;
                    let settled = uow
                        .usage()
                        .settle(&self.grant, organization, core.ids.next(), id, now)
                        .await?;
                    if !settled {
                        return Err(ServiceError::internal("settling usage", "nothing is held"));
                    }
                    let payload = moved(GenerationState::Running, GenerationState::Succeeded)
                        .with("durationMs", audio.duration_ms)
                        .with("bytes", audio.bytes)
                        .with("characters", characters);
                    uow.record(self.event(EventKind::GenerationSucceeded, payload));
                }
                Ok(stored)
            })
            .await?;
        if stored {
            metrics::counter!("resonance_generations_total", "state" => "succeeded").increment(1);
            Ok(())
        } else {
            self.clean_up().await
        }
    }

    /// Removes what was uploaded for a generation that ended otherwise meanwhile. While another worker is at it, the
    /// object is that worker's.
    async fn clean_up(&self) -> Outcome<()> {
        let core = self.core;
        let state = core
            .database
            .speaking()
            .state(&self.grant, self.generation)
            .await?;
        if matches!(
            state,
            None | Some(GenerationState::Failed | GenerationState::Cancelled)
        ) {
            let owner = sweep::Owner::Generation(self.generation);
            let removal = sweep::removal(core, &folder(self.generation)?, owner);
            core.database
                .atomically(async |uow| uow.jobs().add(removal).await)
                .await?;
        }
        Ok(())
    }

    async fn put_back(&self, failure: &Failure) -> Outcome<()> {
        failure.log(self.generation, self.job.attempt);
        let core = self.core;
        let run_at = core.clock.now() + pause(self.job.attempt);
        core.database
            .atomically(async |uow| {
                if uow.jobs().retry(self.job, run_at, &failure.reason()).await? {
                    uow.speaking().put_back(&self.grant, self.generation).await?;
                }
                Ok(())
            })
            .await
    }

    async fn fail(&self, failure: &Failure) -> Outcome<()> {
        failure.log(self.generation, self.job.attempt);
        let core = self.core;
        let now = core.clock.now();
        let InOrg { organization, id } = self.generation;
        let shown = GenerationFailure {
            code: failure.code.to_owned(),
            message: failure.message.clone(),
        };
        let ended = core
            .database
            .atomically(async |uow| {
                let ended = uow.jobs().complete(self.job).await?
                    && uow
                        .speaking()
                        .fail(&self.grant, self.generation, &shown, now)
                        .await?;
                if ended {
                    uow.usage()
                        .release_failed(&self.grant, organization, core.ids.next(), id, now)
                        .await?;
                    uow.api_keys().give_back(organization, id).await?;
                    uow.jobs().add(late_removal(core, self.generation)?).await?;
                    let payload = moved(GenerationState::Running, GenerationState::Failed)
                        .with("code", shown.code)
                        .with("message", shown.message);
                    uow.record(self.event(EventKind::GenerationFailed, payload));
                }
                Ok::<_, ServiceError>(ended)
            })
            .await?;
        if ended {
            metrics::counter!("resonance_generations_total", "state" => "failed").increment(1);
        }
        Ok(())
    }

    /// An event of the system's own doing, happening now.
    fn event(&self, kind: EventKind, payload: Changes) -> NewEvent {
        let InOrg { organization, .. } = self.generation;
        self.core
            .event(kind, Some(organization), self.generation.global_id(), payload)
    }
}

fn moved(from: GenerationState, to: GenerationState) -> Changes {
    Changes::default().field("state", from.as_str(), to.as_str())
}

/// The wait after a failed try: 2 s, then 10 s.
fn pause(attempt: u32) -> TimeDelta {
    TimeDelta::seconds(if attempt <= 1 { 2 } else { 10 })
}

/// How often at most a running generation tells how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);
