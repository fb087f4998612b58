//! Everything that a node does without being asked.

use std::time::Duration;

use resonance_persistence::{JobQueue, Repositories};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Outcome, ServiceError, Services, billing, relay, webhooks, worker};

/// How often jobs are looked through for due and abandoned ones.
const TEND: Duration = Duration::from_secs(1);
/// How often what has expired is forgotten.
const TIDY: Duration = Duration::from_secs(600);

impl Services {
    /// Runs this node's background work until `stop` is cancelled: passing events on, the job queues, webhooks,
    /// hearing other nodes, housekeeping. Returns when running jobs are finished or handed back.
    pub async fn run(&self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for queue in JobQueue::ALL {
            let (services, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move { worker::run(&services, queue, &stop).await });
        }
        let (services, stopped) = (self.clone(), stop.clone());
        tasks.spawn(async move { relay::run(&services, &stopped).await });
        let (services, stopped) = (self.clone(), stop.clone());
        tasks.spawn(async move { webhooks::run(&services, &stopped).await });
        let (services, stopped) = (self.clone(), stop.clone());
        tasks.spawn(async move { services.tend(&stopped).await });
        let (services, stopped) = (self.clone(), stop);
        tasks.spawn(async move {
            tokio::select! {
                () = services.core().database.listen() => {}
                () = stopped.cancelled() => {}
            }
        });
        while let Some(task) = tasks.join_next().await {
            if let Err(error) = task {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a background task failed"
                );
            }
        }
    }

    /// Does what waits now (events, then every queue, then webhooks, until nothing is left) and returns: for tests and for commands
    /// that end. Jobs whose time has not come stay.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(&self) -> Outcome<()> {
        loop {
            billing::tend(self.core()).await?;
            let mut done = relay::pass_on(self).await?;
            for queue in JobQueue::ALL {
                done += Box::pin(worker::drain(self, queue)).await?;
            }
            done += webhooks::drain(self).await?;
            if done == 0 {
                return Ok(());
            }
        }
    }

    async fn tend(&self, stop: &CancellationToken) {
        let core = self.core();
        let mut since_tidy = TIDY;
        while !stop.is_cancelled() {
            let now = core.clock.now();
            let tended = async {
                if core.database.jobs().any_to_tend(now).await? {
                    core.database
                        .atomically(async |uow| uow.jobs().tend(now).await)
                        .await?;
                    for queue in JobQueue::ALL {
                        core.database.live().wake_queue(queue);
                    }
                }
                billing::tend(core).await?;
                if since_tidy >= TIDY {
                    since_tidy = Duration::ZERO;
                    self.tidy_accounts().await?;
                    self.tidy_webhooks().await?;
                    self.tidy_idempotency_keys().await?;
                    billing::tend_slowly(core).await?;
                }
                Ok::<_, ServiceError>(())
            };
            if let Err(error) = tended.await {
                tracing::error!(error = &error as &dyn std::error::Error, "housekeeping failed");
            }
            since_tidy += TEND;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(TEND) => {}
            }
        }
    }
}
