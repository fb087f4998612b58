//! Removing what is left of deleted organizations.

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use resonance_authz::{SystemGrant, system::Purge};
use resonance_persistence::{ClaimedJob, Repositories};

use crate::{Outcome, ServiceError, core::Core, logo};

/// Rows that one transaction deletes.
const BATCH: u32 = 500;
/// How long to wait for what others still have to do.
const PATIENCE: TimeDelta = TimeDelta::seconds(2);

/// Does such a job: deletes rows and objects in small steps, any number of times, and completes the job in the
/// transaction that finds no row left, after no object was left.
///
/// Uploads under way and events that nobody has passed on yet are waited for: an upload holds a sweep job until it is
/// stored (which fails, as the organization is closed) or swept, and the upload of a generation holds the job that speaks
/// it, which ends by itself now that its generation is gone. So once no such job is left, no object can appear.
pub(crate) async fn purge(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    let Some(organization) = job.organization else {
        let reason = "no organization";
        return Err(ServiceError::internal("reading a purge job", reason));
    };
    let grant = SystemGrant::<Purge>::for_job();
    if core.billing.is_none() {
        // Else what was used while somebody was paid would be waited for, for ever.
        core.database
            .atomically(async |uow| uow.usage_exports().give_up(&grant, organization).await)
            .await?;
    }
    while core
        .database
        .atomically(async |uow| uow.purges().delete_some(&grant, organization, BATCH).await)
        .await?
        > 0
    {}
    let prefix =
        logo::prefix(organization).map_err(|error| ServiceError::internal("naming objects", error))?;
    let bare = core.database.purges().is_bare(&grant, organization).await?;
    while core.blobs.delete_prefix(&prefix).await? > 0 {}
    let empty = core.blobs.list(Some(&prefix)).try_next().await?.is_none();
    let run_at = core.clock.now() + PATIENCE;
    core.database
        .atomically(async |uow| {
            if bare && empty && uow.purges().finish(&grant, organization).await? {
                uow.jobs().complete(job).await
            } else {
                uow.jobs().retry(job, run_at, "waiting for others").await
            }
        })
        .await?;
    Ok(())
}
