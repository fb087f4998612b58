//! From events to what follows from them.

use std::time::Duration;

use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{EventKind, IdsExt};
use resonance_persistence::{JobQueue, LiveNote, NewJob, Repositories};
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome, ServiceError, Services, activity,
    audit_chain::{self, is_genuine},
    letters, webhooks,
};

/// Events that one transaction passes on.
const BATCH: u32 = 200;
/// How often to look without having been woken: for events of nodes that died before waking anybody.
const PATIENCE: Duration = Duration::from_secs(1);

/// Passes events on until `stop`: each gets its place in the chain of its log, and becomes mail jobs,
/// webhook deliveries and a live note, in the transaction that marks it as passed on. Several nodes may do this at once.
pub(crate) async fn run(services: &Services, stop: &CancellationToken) {
    let live = services.core().database.live();
    while !stop.is_cancelled() {
        match pass_on(services).await {
            Ok(passed) if passed == BATCH as usize => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "passing events on failed"
            ),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = live.events_to_relay() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
}

/// Passes on one batch; how many events it held.
pub(crate) async fn pass_on(services: &Services) -> Outcome<usize> {
    let core = services.core();
    if !core.database.events().any_unrelayed().await? {
        return Ok(0);
    }
    core.database
        .atomically(async |uow| {
            let now = core.clock.now();
            let grant = SystemGrant::<Relay>::for_job();
            let mut events = uow.events().claim(&grant, BATCH).await?;
            // What only a newer node understands is left for one.
            events.retain(|event| event.event().is_some() || !is_genuine(&core.audit, event));
            audit_chain::seal(&grant, uow, &core.audit, &events, now).await?;
            let mut passed_on = Vec::with_capacity(events.len());
            for logged in &events {
                let Some(event) = logged.event().filter(|_| is_genuine(&core.audit, logged)) else {
                    // It has its place, where verification finds it. Nothing follows from it.
                    tracing::error!(event = %logged.id.type_id(), "an event was made up or changed in the database");
                    continue;
                };
                if event.copy_of.is_some() {
                    continue;
                }
                for payload in letters::jobs_for(uow, &event).await? {
                    let job = NewJob {
                        id: core.ids.next(),
                        queue: JobQueue::Mail,
                        lane: String::new(),
                        organization: event.organization,
                        subject: None,
                        payload,
                        run_at: now,
                        created_at: now,
                    };
                    uow.jobs().add(job).await?;
                }
                uow.tell(LiveNote {
                    organization: event.organization,
                    kind: event.kind.as_str().to_owned(),
                    subject: event.subject.clone(),
                });
                passed_on.push(event);
            }
            activity::note(uow, &passed_on).await?;
            webhooks::enqueue(core, uow, &passed_on).await?;
            Ok::<_, ServiceError>(events.len())
        })
        .await
}

/// The kind of the note by which running generations tell how far they are; no event stands behind it.
pub(crate) const PROGRESSED: &str = "generation.progressed";

// A queue that other nodes must hear of is woken by this very event; see `resonance_persistence::Live`.
const _: () = assert!(matches!(
    EventKind::GenerationCreated.as_str().as_bytes(),
    b"generation.created"
));
