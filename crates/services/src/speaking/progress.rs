//! Telling how far a running generation is.

use resonance_persistence::{LiveNote, Repositories};
use tokio::sync::watch;

use super::{TELL_EVERY, Take};
use crate::relay::PROGRESSED;

impl Take<'_> {
    /// Writes down and tells what `fractions` says, now and then, for as long as it is polled.
    pub(super) async fn tell_progress(&self, mut fractions: watch::Receiver<f64>) -> ! {
        loop {
            if fractions.changed().await.is_err() {
                // The engine is done; whoever polls this has other things to wait for.
                std::future::pending::<()>().await;
            }
            let fraction = *fractions.borrow_and_update();
            let told = self
                .core
                .database
                .atomically(async |uow| {
                    if uow
                        .speaking()
                        .progress(&self.grant, self.generation, fraction)
                        .await?
                    {
                        uow.tell(LiveNote {
                            organization: Some(self.generation.organization),
                            kind: PROGRESSED.to_owned(),
                            subject: Some(self.generation.global_id()),
                        });
                    }
                    Ok::<_, resonance_persistence::StorageError>(())
                })
                .await;
            if let Err(error) = told {
                // Progress is a courtesy: the work goes on without.
                tracing::warn!(
                    generation = ?self.generation,
                    error = &error as &dyn std::error::Error,
                    "progress was not written"
                );
            }
            tokio::time::sleep(TELL_EVERY).await;
        }
    }
}
