//! Doing what was left for later.
//!
//! Every node runs the same loops. A job's handler does its work and completes the job in the transaction that stores
//! the result; the loop claims, keeps the lease alive meanwhile, and puts the job back when the handler fails.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::TimeDelta;
use resonance_persistence::{ClaimedJob, JobQueue, Repositories, StorageError};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Outcome, Services, billing, mailing, previews, purge, speaking, sweep};

/// How often to look without having been woken.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long running jobs may take to finish once the node stops, before they are handed back.
const GRACE: Duration = Duration::from_secs(10);

/// How a queue is worked.
struct Way {
    /// Jobs of a lane at a time on this node.
    concurrency: usize,
    /// Tries before a job is given up. Handlers that must not be given up so (speaking) end their jobs themselves.
    attempts: u32,
    /// The wait after the first failed try; it doubles with each, up to an hour.
    wait: TimeDelta,
}

fn way(services: &Services, queue: JobQueue, lane: &str) -> Way {
    match queue {
        JobQueue::Speak => Way {
            concurrency: speaking::concurrency(services.core(), lane),
            attempts: u32::MAX,
            wait: TimeDelta::seconds(1),
        },
        // Twelve tries with doubling waits span about four hours: longer than most outages of a mail server.
        JobQueue::Mail => Way {
            concurrency: 8,
            attempts: 12,
            wait: TimeDelta::seconds(5),
        },
        // These span a day, as long as generations wait for an engine. Whoever wants to hear it then has it made.
        JobQueue::Preview => Way {
            concurrency: 2,
            attempts: 35,
            wait: TimeDelta::seconds(2),
        },
        JobQueue::Sweep | JobQueue::Purge | JobQueue::Bill => Way {
            concurrency: 2,
            attempts: u32::MAX,
            wait: TimeDelta::seconds(2),
        },
    }
}

/// A claimed job, and what is known of it since.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) job: ClaimedJob,
    /// For speech.
    pub(crate) order: speaking::Order,
}

/// Does one job. The handler completes it.
async fn work(services: &Services, queue: JobQueue, Task { job, order }: Task) -> Outcome<()> {
    let job = &job;
    match queue {
        JobQueue::Mail => mailing::send(services.core(), job).await,
        JobQueue::Sweep => sweep::sweep(services.core(), job).await,
        JobQueue::Speak => speaking::speak(services, job, order).await,
        JobQueue::Purge => purge::purge(services.core(), job).await,
        JobQueue::Bill => billing::work(services.core(), job).await,
        JobQueue::Preview => previews::work(services.core(), job).await,
    }
}

/// Works on `queue` until `stop`; then lets running jobs finish for a while and hands the rest back.
pub(crate) async fn run(services: &Services, queue: JobQueue, stop: &CancellationToken) {
    let core = services.core();
    let owner = core.ids.uuid();
    let mut running = JoinSet::new();
    let mut jobs: HashMap<Id, ClaimedJob> = HashMap::new();
    while !stop.is_cancelled() {
        let mut at_work = BTreeMap::new();
        for job in jobs.values() {
            *at_work.entry(job.lane.as_str()).or_default() += 1;
        }
        let room = |lane: &str| {
            let at_work: usize = at_work.get(lane).copied().unwrap_or_default();
            way(services, queue, lane).concurrency.saturating_sub(at_work)
        };
        let claimed = claim(services, queue, owner, room).await;
        match claimed {
            Ok(claimed) => {
                for task in claimed {
                    let (services, job) = (services.clone(), task.job.clone());
                    let task = running.spawn(async move { attempt(&services, queue, task).await });
                    jobs.insert(task.id(), job);
                }
            }
            Err(error) => {
                tracing::error!(
                    queue = queue.as_str(),
                    error = &error as &dyn std::error::Error,
                    "claiming jobs failed"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(done) = running.join_next_with_id() => forget(&mut jobs, done),
            () = core.database.live().jobs_in(queue) => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        // What is done at the same time is followed by what is claimed at the same time.
        while let Some(done) = running.try_join_next_with_id() {
            forget(&mut jobs, done);
        }
    }
    let finish = async {
        while let Some(done) = running.join_next_with_id().await {
            forget(&mut jobs, done);
        }
    };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        running.shutdown().await;
        for job in jobs.values() {
            let handed = core
                .database
                .atomically(async |uow| {
                    let handed = uow.jobs().hand_back(job).await?;
                    if handed && queue == JobQueue::Speak {
                        speaking::hand_back(uow, job).await?;
                    }
                    Ok::<_, StorageError>(handed)
                })
                .await;
            if let Err(error) = handed {
                tracing::warn!(job = ?job.id, error = &error as &dyn std::error::Error, "handing a job back failed; its lease will run out");
            }
        }
    }
}

fn forget(jobs: &mut HashMap<Id, ClaimedJob>, done: Result<(Id, ()), tokio::task::JoinError>) {
    let id = match done {
        Ok((id, ())) => id,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a job's task failed; its lease will run out"
            );
            error.id()
        }
    };
    jobs.remove(&id);
}

async fn claim(
    services: &Services,
    queue: JobQueue,
    owner: Uuid,
    room: impl Fn(&str) -> usize + Send,
) -> Result<Vec<Task>, StorageError> {
    let core = services.core();
    // Looking is free; claiming writes.
    let mut lanes: Vec<(String, u32)> = Vec::new();
    for lane in core.database.jobs().lanes(queue).await? {
        let room = u32::try_from(room(&lane)).unwrap_or(u32::MAX);
        if room > 0 {
            lanes.push((lane, room));
        }
    }
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let until = core.clock.now() + services.settings().job_lease;
    // A claim that is lost leaves the job where it was.
    core.database
        .provisionally(async |uow| {
            let mut jobs = Vec::new();
            for (lane, room) in &lanes {
                jobs.append(&mut uow.jobs().claim(queue, lane, owner, until, *room).await?);
            }
            if queue == JobQueue::Speak {
                return speaking::begin(core, uow, jobs).await;
            }
            Ok(jobs.into_iter().map(|job| Task { job, order: None }).collect())
        })
        .await
}

/// Does a claimed job, keeping its lease alive; a job that was lost meanwhile is dropped where it stands.
pub(crate) async fn attempt(services: &Services, queue: JobQueue, task: Task) {
    let job = &task.job.clone();
    // A try that returns ends the job at the limit. What goes beyond it took the whole worker down each time.
    if job.attempt > way(services, queue, &job.lane).attempts {
        put_back(services, queue, job, "every worker that tried died of it").await;
        return;
    }
    let worked = tokio::select! {
        worked = work(services, queue, task) => worked,
        () = keep_alive(services, job) => {
            tracing::info!(job = ?job.id, queue = queue.as_str(), "the job was cancelled or taken over");
            return;
        }
    };
    if let Err(error) = worked {
        put_back(services, queue, job, &causes(&error)).await;
    }
}

/// Extends the lease until it is lost.
async fn keep_alive(services: &Services, job: &ClaimedJob) {
    let core = services.core();
    let lease = services.settings().job_lease;
    let pause = (lease / 3).to_std().unwrap_or(PATIENCE);
    loop {
        tokio::time::sleep(pause).await;
        let until = core.clock.now() + lease;
        match core
            .database
            .provisionally(async |uow| uow.jobs().extend(job, until).await)
            .await
        {
            Ok(true) => {}
            Ok(false) => return,
            // The lease may outlive a short outage; if it does not, completing the job will fail.
            Err(error) => {
                tracing::warn!(job = ?job.id, error = &error as &dyn std::error::Error, "extending a lease failed");
            }
        }
    }
}

async fn put_back(services: &Services, queue: JobQueue, job: &ClaimedJob, reason: &str) {
    let core = services.core();
    let Way { attempts, wait, .. } = way(services, queue, &job.lane);
    tracing::warn!(job = ?job.id, queue = queue.as_str(), attempt = job.attempt, reason, "a job failed");
    let doubled = wait * (1 << job.attempt.saturating_sub(1).min(12));
    let run_at = core.clock.now() + doubled.min(TimeDelta::hours(1));
    let put = core
        .database
        .atomically(async |uow| {
            if job.attempt >= attempts {
                uow.jobs().bury(job, reason).await
            } else {
                uow.jobs().retry(job, run_at, reason).await
            }
        })
        .await;
    if let Err(error) = put {
        tracing::warn!(job = ?job.id, error = &error as &dyn std::error::Error, "putting a job back failed; its lease will run out");
    }
}

/// An error with its causes, for the log and for operators.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Claims and does the jobs of `queue` that are waiting now, one after the other, without waiting for more: for tests
/// and for commands that end.
pub(crate) async fn drain(services: &Services, queue: JobQueue) -> Outcome<usize> {
    let core = services.core();
    let owner = core.ids.uuid();
    let mut done = 0;
    let now = core.clock.now();
    core.database
        .atomically(async |uow| uow.jobs().tend(now).await)
        .await?;
    loop {
        let claimed = claim(services, queue, owner, |_| 1).await?;
        if claimed.is_empty() {
            return Ok(done);
        }
        for task in claimed {
            attempt(services, queue, task).await;
            done += 1;
        }
    }
}
