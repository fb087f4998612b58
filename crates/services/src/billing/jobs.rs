//! What is done about billing without being asked.

use chrono::TimeDelta;
use resonance_domain::{IdsExt as _, OrganizationId};
use resonance_persistence::{ClaimedJob, JobQueue, NewJob, Repositories as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{export, mirror};
use crate::{Outcome, ServiceError, Services, core::Core, usage_verification};

/// What a job around billing is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(super) enum Task {
    /// Telling the provider what was used.
    Export,
    /// Asking the provider for all subscriptions.
    Poll,
    /// Having the provider end what a deleted organization has.
    End {
        organization: OrganizationId,
        /// How often to look again afterwards: a purchase may have been under way.
        again: u32,
    },
    /// Proving that everything agrees.
    Verify,
}

/// How long an ending waits for a node that knows of a provider.
const FORGOTTEN: TimeDelta = TimeDelta::days(30);
/// Names the one job of each task that there may be at a time.
const EXPORT: Uuid = Uuid::from_u128(0x0190_0000_0000_8000_8000_0000_0000_0001);
pub(super) const POLL: Uuid = Uuid::from_u128(0x0190_0000_0000_8000_8000_0000_0000_0002);
const VERIFY: Uuid = Uuid::from_u128(0x0190_0000_0000_8000_8000_0000_0000_0003);

pub(super) fn job(core: &Core, task: &Task, subject: Uuid, wait: TimeDelta) -> Outcome<NewJob> {
    let now = core.clock.now();
    Ok(NewJob {
        id: core.ids.next(),
        queue: JobQueue::Bill,
        lane: String::new(),
        organization: None,
        subject: Some(subject),
        payload: serde_json::to_value(task)
            .map_err(|error| ServiceError::internal("writing a job", error))?,
        run_at: now + wait,
        created_at: now,
    })
}

/// Does one job of the queue.
pub(crate) async fn work(core: &Core, claimed: &ClaimedJob) -> Outcome<()> {
    let task: Task = serde_json::from_value(claimed.payload.clone())
        .map_err(|error| ServiceError::internal("reading a job", error))?;
    match (task, core.billing.as_deref()) {
        (Task::Export, Some(provider)) => export::export(core, provider, claimed).await,
        (Task::Poll, Some(provider)) => mirror::poll(core, provider, claimed).await,
        (Task::End { organization, again }, Some(provider)) => {
            mirror::end(core, provider, claimed, organization, again).await
        }
        (Task::Verify, _) => usage_verification::daily(core, claimed).await,
        // This node knows of no provider; another one may. What must not be forgotten waits for it.
        (Task::End { .. }, None) if core.clock.now() - claimed.created_at < FORGOTTEN => {
            export::wait(core, claimed, "no provider", None, TimeDelta::minutes(5)).await
        }
        // The others come round again where there is one.
        (_, None) => {
            core.database
                .atomically(async |uow| uow.jobs().complete(claimed).await)
                .await?;
            Ok(())
        }
    }
}

impl Services {
    /// Has the billing provider asked for all subscriptions soon, without waiting for the time to come.
    ///
    /// # Errors
    /// The database's.
    pub async fn poll_subscriptions(&self) -> Outcome<()> {
        add(
            self.core(),
            job(self.core(), &Task::Poll, POLL, TimeDelta::zero())?,
        )
        .await
    }

    /// Has usage verified soon, without waiting for the day to be over.
    ///
    /// # Errors
    /// The database's.
    pub async fn verify_usage_soon(&self) -> Outcome<()> {
        add(
            self.core(),
            job(self.core(), &Task::Verify, VERIFY, TimeDelta::zero())?,
        )
        .await
    }
}

/// Makes the jobs that come round by themselves, unless there are some; the sooner one looks, the sooner the provider is
/// told.
pub(crate) async fn tend(core: &Core) -> Outcome<()> {
    if core.billing.is_some()
        && core.database.usage_exports().any_waiting().await?
        && !core.database.jobs().any_about(JobQueue::Bill, EXPORT).await?
    {
        add(core, job(core, &Task::Export, EXPORT, TimeDelta::zero())?).await?;
    }
    Ok(())
}

/// The same for those that come round slowly.
pub(crate) async fn tend_slowly(core: &Core) -> Outcome<()> {
    let mut jobs = vec![(Task::Verify, VERIFY)];
    if core.billing.is_some() {
        jobs.push((Task::Poll, POLL));
    }
    for (task, subject) in jobs {
        if !core.database.jobs().any_about(JobQueue::Bill, subject).await? {
            add(core, job(core, &task, subject, TimeDelta::zero())?).await?;
        }
    }
    Ok(())
}

async fn add(core: &Core, job: NewJob) -> Outcome<()> {
    core.database
        .atomically(async |uow| uow.jobs().add(job).await)
        .await?;
    Ok(())
}

/// The job that ends what a deleted organization has with the provider, if there is one.
pub(crate) fn ending(core: &Core, organization: OrganizationId) -> Outcome<Option<NewJob>> {
    if core.billing.is_none() {
        return Ok(None);
    }
    let task = Task::End {
        organization,
        again: mirror::LOOKS,
    };
    job(core, &task, organization.as_uuid(), TimeDelta::zero()).map(Some)
}

/// The next daily proof.
pub(crate) fn next_verification(core: &Core) -> Outcome<NewJob> {
    job(core, &Task::Verify, VERIFY, TimeDelta::days(1))
}
