//! Telling the billing provider what was used.

use std::time::Duration;

use chrono::TimeDelta;
use resonance_authz::{SystemGrant, system::Bill};
use resonance_billing::{BillingError, BillingProvider, UsageEvent};
use resonance_persistence::{ClaimedJob, Repositories, UsageLine};

use crate::{Outcome, core::Core};

/// The shortest and the longest wait before a provider that is not available is asked again.
const WAITS: [TimeDelta; 2] = [TimeDelta::seconds(1), TimeDelta::minutes(5)];

/// Tells of everything that waits, and completes the job. A provider that is not available is waited for, however long
/// that takes.
pub(super) async fn export(core: &Core, provider: &dyn BillingProvider, job: &ClaimedJob) -> Outcome<()> {
    let grant = SystemGrant::<Bill>::for_job();
    loop {
        let exports = core.database.usage_exports();
        let lines = exports.waiting(&grant, provider.batch()).await?;
        if lines.is_empty() {
            core.database
                .atomically(async |uow| uow.jobs().complete(job).await)
                .await?;
            return Ok(());
        }
        if let Err((reason, hint)) = tell(core, provider, &grant, &lines).await? {
            return wait(core, job, &reason, hint).await;
        }
    }
}

/// Puts a job off until the provider may be available again.
pub(super) async fn wait(core: &Core, job: &ClaimedJob, reason: &str, hint: Option<Duration>) -> Outcome<()> {
    let [shortest, longest] = WAITS;
    let now = core.clock.now();
    let hint = hint.and_then(|hint| TimeDelta::from_std(hint).ok());
    let wait = hint
        .unwrap_or((now - job.created_at) / 4)
        .clamp(shortest, longest);
    tracing::warn!(
        reason,
        wait_seconds = wait.num_seconds(),
        "the billing provider is not available"
    );
    core.database
        .atomically(async |uow| uow.jobs().postpone(job, now + wait, reason).await)
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
        let events: Vec<_> = heap.iter().map(event).collect();
        match provider.tell(&events).await {
            Ok(()) => {
                let now = core.clock.now();
                core.database
                    .atomically(async |uow| uow.usage_exports().exported(grant, heap, now).await)
                    .await?;
                metrics::counter!("resonance_usage_exported_total").increment(heap.len() as u64);
            }
            Err(BillingError::Unavailable { reason, retry_after }) => return Ok(Err((reason, retry_after))),
            Err(BillingError::NoCustomer) => return Ok(Err(("the customer is not known".to_owned(), None))),
            Err(BillingError::Refused { reason, index }) => match heap {
                [] => {}
                [line] => refuse(core, grant, line, &reason).await?,
                // The one that it names by itself, or else by halves.
                many => match index.filter(|index| *index < many.len()) {
                    Some(index) => {
                        let (before, rest) = many.split_at(index);
                        let (one, after) = rest.split_at(1);
                        heaps.extend([after, before, one].into_iter().filter(|heap| !heap.is_empty()));
                    }
                    None => {
                        let (first, second) = many.split_at(many.len() / 2);
                        heaps.extend([second, first]);
                    }
                },
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

fn event(line: &UsageLine) -> UsageEvent {
    UsageEvent {
        id: line.id,
        organization: line.organization,
        metric: line.metric,
        quantity: line.quantity,
        used_at: line.used_at,
        engine: line.engine.clone(),
    }
}
