//! Speaking what was asked for: the worker of generations.
//!
//! A job of the queue stands for one generation until that is final. The worker speaks, encodes and uploads outside
//! any transaction, under a key that every try shares, and has the audio brought to the disk; then one transaction ends
//! the job, the generation and the hold on the ledger together. A worker that lost its job in the meantime stores nothing: whoever took the job goes on, or
//! whoever cancelled the generation has ended it.
//!
//! The job is also what keeps uploaded objects from being forgotten: as long as there is one, the object will either
//! be named by the generation or be swept by whoever ends it otherwise.

mod endings;
mod failure;
mod mastering;
mod progress;
mod script;
mod studio;

use std::{collections::HashSet, time::Duration};

use chrono::TimeDelta;
use resonance_authz::{SystemGrant, system::Speak};
use resonance_blobs::{BlobKey, Unsettled};
use resonance_domain::{EventKind, GenerationFailure, GenerationId, GenerationState, Id, IdsExt, InOrg};
use resonance_persistence::{
    ClaimedJob, NewEvent, NewJob, Repositories, SpeechOrder, SpokenAudio, StorageError, UnitOfWork,
};
use serde_json::{Value, json};

use self::{
    endings::Ended,
    failure::{Failure, Remedy},
};
pub(crate) use self::{
    endings::Ending,
    mastering::{Assembly, Surveyed},
    script::{Script, decoded, is_whole, key as piece_key},
};
use crate::{Outcome, ServiceError, Services, changes::Changes, core::Core, sweep, together, worker::Task};

/// Tries before a generation fails; of a long text, without getting any further.
const MAX_TRIES: u32 = 3;
/// Times that a job may be taken up without getting any further before it is given up as what kills its workers. More
/// than [`MAX_TRIES`], as a node may die for reasons that are not the text's.
const MAX_CLAIMS: u32 = 10;
/// How long a generation waits for an engine or an object store that is down.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// The shortest and the longest wait before the next look whether it is back.
const WAITS: [TimeDelta; 2] = [TimeDelta::seconds(2), TimeDelta::minutes(5)];

/// In the payload of a job that was put off: the try that began then, and goes on when the job is taken up again.
const BEGUN: &str = "begun";

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

/// A job that removes the pieces of a generation that is final, once nobody listens to them any more.
fn pieces_removal(core: &Core, generation: InOrg<GenerationId>) -> Outcome<NewJob> {
    let removal = sweep::removal(
        core,
        &script::folder(generation)?,
        sweep::Owner::Pieces(generation),
    );
    Ok(NewJob {
        run_at: removal.created_at + core.settings.upload_grace,
        ..removal
    })
}

/// How many texts this node speaks at a time by an engine: as many as that takes at once.
pub(crate) fn concurrency(core: &Core, engine: &str) -> usize {
    let Some(engine) = core.engines.get(engine) else {
        // Nothing here speaks them, which is soon found out.
        return 1;
    };
    engine.status().limit.unwrap_or(core.settings.speech_concurrency)
}

/// What is to be spoken, or why that cannot be read; `None` if nothing is any more.
pub(crate) type Order = Option<Result<SpeechOrder, StorageError>>;

/// Marks the generations of claimed jobs as running, in the same unit of work, and finds what is to be spoken.
pub(crate) async fn begin(
    core: &Core,
    uow: &UnitOfWork,
    jobs: Vec<ClaimedJob>,
) -> Result<Vec<Task>, StorageError> {
    let grant = SystemGrant::<Speak>::for_job();
    let generations: Vec<_> = jobs.iter().filter_map(subject).collect();
    let now = core.clock.now();
    let mut orders = uow.speaking().begin(&grant, &generations, now).await?;
    let begun = jobs.into_iter().map(|job| {
        let order = subject(&job).and_then(|generation| {
            let order = orders.remove(&generation)?;
            if !is_on_record(&job) {
                let payload =
                    moved(GenerationState::Queued, GenerationState::Running).with("attempt", job.attempt);
                uow.record(event(core, generation, EventKind::GenerationStarted, payload));
            }
            Some(order)
        });
        Task { job, order }
    });
    Ok(begun.collect())
}

/// Whether it is known that this try began: then it was put off, and this is another look.
fn is_on_record(job: &ClaimedJob) -> bool {
    job.payload.get(BEGUN).and_then(Value::as_u64) == Some(job.attempt.into())
}

/// Does one job of the queue, whose generation was marked as running when it was claimed.
pub(crate) async fn speak(services: &Services, job: &ClaimedJob, order: Order) -> Outcome<()> {
    let core = services.core();
    let Some(generation) = subject(job) else {
        return Err(ServiceError::internal("reading a speech job", "no generation"));
    };
    let Some(order) = order else {
        // Deleted or cancelled by hands that did not see this job; there is nothing to do.
        core.database
            .atomically(async |uow| uow.jobs().complete(job).await)
            .await?;
        return Ok(());
    };
    let take = Take {
        services,
        core,
        job,
        generation,
        grant: SystemGrant::<Speak>::for_job(),
    };
    take.run(order?).await
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
    services: &'a Services,
    core: &'a Core,
    job: &'a ClaimedJob,
    generation: InOrg<GenerationId>,
    grant: SystemGrant<Speak>,
}

impl Take<'_> {
    async fn run(&self, order: SpeechOrder) -> Outcome<()> {
        let (script, kept) = match self.prepare(&order).await {
            Ok(prepared) => prepared,
            Err(failure) => return self.give_way(&failure, self.job.attempt).await,
        };
        // What was kept is work that was not in vain.
        let further = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        let tries = self.job.attempt.saturating_sub(further);
        let spoken = if tries > MAX_CLAIMS {
            Err(Failure::interrupted())
        } else {
            self.perform(&order, &script, &kept).await
        };
        match spoken {
            Ok(Some((audio, put))) => match self.succeed(audio, put, &order, &script).await {
                Ok(Ended::Stored) => {
                    metrics::counter!("resonance_generations_total", "state" => "succeeded").increment(1);
                    Ok(())
                }
                Ok(Ended::Gone) => self.clean_up().await,
                Ok(Ended::Unsettled) => self.give_way(&Failure::unsettled(), tries).await,
                Err(ServiceError::Store(error)) => self.give_way(&Failure::of_store(error), tries).await,
                Err(error) => Err(error),
            },
            Ok(None) => Ok(()),
            Err(failure) => self.give_way(&failure, tries).await,
        }
    }

    /// Does about a failure what is to be done.
    async fn give_way(&self, failure: &Failure, tries: u32) -> Outcome<()> {
        failure.log(self.generation, self.job.attempt);
        match failure.remedy {
            Remedy::Wait(hint) if self.waited() < PATIENCE => self.postpone(failure, hint).await,
            Remedy::Retry if tries < MAX_TRIES => self.put_back(failure).await,
            _ => self.fail(failure).await,
        }
    }

    /// What the text is spoken in, and the pieces of it that are there already.
    async fn prepare(&self, order: &SpeechOrder) -> Result<(Script, HashSet<BlobKey>), Failure> {
        let engine = self.engine(order)?;
        let script = Script::of(&order.text, engine.capabilities().max_characters);
        let kept = if script.is_long() {
            self.kept().await?
        } else {
            HashSet::new()
        };
        Ok((script, kept))
    }

    /// Whether the job is this worker's still, as far as that can be known without asking: it was, less than a third of a
    /// lease ago. Else it is asked for, and the lease extended.
    async fn still_mine(&self) -> Result<bool, Failure> {
        let (now, lease) = (self.core.clock.now(), self.core.settings.job_lease);
        if self.job.leased_until - now > lease * 2 / 3 {
            return Ok(true);
        }
        self.core
            .database
            .provisionally(async |uow| uow.jobs().extend(self.job, now + lease).await)
            .await
            .map_err(|error| Failure::of_service(ServiceError::Storage(error)))
    }

    async fn succeed(
        &self,
        audio: SpokenAudio,
        put: Unsettled,
        order: &SpeechOrder,
        script: &Script,
    ) -> Outcome<Ended> {
        let ending = Ending {
            job: self.job.clone(),
            generation: self.generation,
            audio,
            put,
            characters: order.text.chars().count(),
            in_pieces: script.is_long(),
        };
        together::done(self.services, ending).await
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

    /// How long ago the generation was asked for.
    fn waited(&self) -> TimeDelta {
        self.core.clock.now() - self.job.created_at
    }

    /// Waits for what is not there, without using up a try.
    async fn postpone(&self, failure: &Failure, hint: Option<Duration>) -> Outcome<()> {
        let core = self.core;
        let [shortest, longest] = WAITS;
        let hint = hint.and_then(|hint| TimeDelta::from_std(hint).ok());
        let wait = hint.unwrap_or(self.waited() / 4).clamp(shortest, longest);
        let run_at = core.clock.now() + wait;
        let payload = json!({ BEGUN: self.job.attempt });
        core.database
            .atomically(async |uow| {
                let jobs = uow.jobs();
                if jobs
                    .postpone(self.job, run_at, &failure.reason(), &payload)
                    .await?
                {
                    uow.speaking().put_back(&self.grant, self.generation).await?;
                }
                Ok(())
            })
            .await
    }

    async fn put_back(&self, failure: &Failure) -> Outcome<()> {
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
        let core = self.core;
        let now = core.clock.now();
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
                        .release_failed(&self.grant, self.generation, core.ids.next(), now)
                        .await?;
                    uow.jobs().add(late_removal(core, self.generation)?).await?;
                    let payload = moved(GenerationState::Running, GenerationState::Failed)
                        .with("code", shown.code)
                        .with("message", shown.message);
                    uow.record(event(core, self.generation, EventKind::GenerationFailed, payload));
                }
                Ok::<_, ServiceError>(ended)
            })
            .await?;
        if ended {
            metrics::counter!("resonance_generations_total", "state" => "failed").increment(1);
        }
        Ok(())
    }
}

/// An event of the system's own doing, happening now.
fn event(core: &Core, generation: InOrg<GenerationId>, kind: EventKind, payload: Changes) -> NewEvent {
    core.event(
        kind,
        Some(generation.organization),
        generation.global_id(),
        payload,
    )
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
