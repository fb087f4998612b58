//! Telling the billing provider what was used.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{SystemGrant, system::Bill};
use resonance_billing::{BillingError, BillingProvider, UsageEvent};
use resonance_persistence::{ClaimedJob, Repositories, UsageLine};

use crate::{Outcome, core::Core};

/// The shortest and the longest wait before a provider that is not available is asked again.
const WAITS: [TimeDelta; 2] = [TimeDelta::seconds(1), TimeDelta::minutes(5)];
/// The longest time that a provider may ask to be left alone.
const MOST_PATIENCE: TimeDelta = TimeDelta::hours(1);

/// How many batches a job tells of; then it makes room for another, which knows of no failure.
const BATCHES: usize = 10;

/// Tells of what waits, and completes the job. A provider that is not available is waited for, however long that takes.
pub(super) async fn export(core: &Core, provider: &dyn BillingProvider, job: &ClaimedJob) -> Outcome<()> {
    let grant = SystemGrant::<Bill>::for_job();
    for _ in 0..BATCHES {
        let exports = core.database.usage_exports();
        let lines = exports.waiting(&grant, provider.batch()).await?;
        if lines.is_empty() {
            break;
        }
        if let Err((reason, hint)) = tell(core, provider, &grant, &lines).await? {
            let failing = core.clock.now() - job.created_at;
            return wait(core, job, &reason, hint, failing / 4).await;
        }
    }
    core.database
        .atomically(async |uow| uow.jobs().complete(job).await)
        .await?;
    Ok(())
}

/// Puts a job off until the provider may be available again: about `wait`, and not before the provider says so.
pub(super) async fn wait(
    core: &Core,
    job: &ClaimedJob,
    reason: &str,
    hint: Option<Duration>,
    wait: TimeDelta,
) -> Outcome<()> {
    let [shortest, longest] = WAITS;
    let hint = hint.and_then(|hint| TimeDelta::from_std(hint).ok());
    let asked = hint.unwrap_or_default().min(MOST_PATIENCE);
    let wait = wait.clamp(shortest, longest).max(asked);
    tracing::warn!(
        reason,
        wait_seconds = wait.num_seconds(),
        "the billing provider is not available"
    );
    let run_at = core.clock.now() + wait;
    core.database
        .atomically(async |uow| uow.jobs().postpone(job, run_at, reason, &job.payload).await)
        .await?;
    Ok(())
}

/// Why the provider is to be asked again, and when at the earliest.
type Later = (String, Option<Duration>);

/// Tells of all `lines` and notes it. If the provider refuses some of them, those are found out and noted as well, so that
/// nothing behind them waits for ever.
async fn tell(
    core: &Core,
    provider: &dyn BillingProvider,
    grant: &SystemGrant<Bill>,
    lines: &[UsageLine],
) -> Outcome<Result<(), Later>> {
    let mut heaps = vec![lines];
    while let Some(heap) = heaps.pop() {
        let now = core.clock.now();
        let events: Vec<_> = heap.iter().map(|line| event(line, now)).collect();
        match provider.tell(&events).await {
            Ok(()) => {
                core.database
                    .atomically(async |uow| uow.usage_exports().exported(grant, heap, now).await)
                    .await?;
                metrics::counter!("resonance_usage_exported_total").increment(heap.len() as u64);
            }
            Err(BillingError::Unavailable { reason, retry_after }) => return Ok(Err((reason, retry_after))),
            Err(BillingError::NoCustomer) => return Ok(Err(("the customer is not known".to_owned(), None))),
            // Only the line that it names; whatever else it does not like may be no line's fault.
            Err(BillingError::Refused { reason, index }) => match index.and_then(|index| heap.get(index)) {
                Some(line) => {
                    refuse(core, grant, line, &reason).await?;
                    let (before, rest) = heap.split_at(index.unwrap_or_default());
                    let after = rest.get(1..).unwrap_or_default();
                    heaps.extend([after, before].into_iter().filter(|heap| !heap.is_empty()));
                }
                None => return Ok(Err((reason, None))),
            },
        }
    }
    Ok(Ok(()))
}

async fn refuse(core: &Core, grant: &SystemGrant<Bill>, line: &UsageLine, reason: &str) -> Outcome<()> {
    tracing::error!(line = ?line.id, organization = ?line.organization, reason, "the billing provider refuses a line of the ledger for good");
    metrics::counter!("resonance_usage_refused_total").increment(1);
    core.database
        .atomically(async |uow| uow.usage_exports().refused(grant, line, reason).await)
        .await?;
    Ok(())
}

/// A clock that went ahead when the line was held must not have it told of as from the future.
fn event(line: &UsageLine, now: DateTime<Utc>) -> UsageEvent {
    UsageEvent {
        id: line.id,
        organization: line.organization,
        metric: line.metric,
        quantity: line.quantity,
        used_at: line.used_at.min(now),
        engine: line.engine.clone(),
    }
}
