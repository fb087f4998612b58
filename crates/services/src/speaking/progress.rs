//! Telling how far a running generation is.

use std::sync::{Arc, Mutex, PoisonError};

use resonance_persistence::{LiveNote, Repositories, StorageError};
use resonance_speech::engine::Progress;
use tokio::sync::watch;

use super::{TELL_EVERY, Take};
use crate::relay::PROGRESSED;

/// How much of a text is spoken, of whose pieces several are spoken at the same time.
#[derive(Debug, Clone)]
pub(super) struct Done(Arc<Sum>);

#[derive(Debug)]
struct Sum {
    /// Characters, in all and done.
    total: f64,
    done: Mutex<f64>,
    told: watch::Sender<f64>,
}

impl Done {
    /// Nothing of so many characters; tells the fraction through `told`.
    pub(super) fn new(characters: usize, told: watch::Sender<f64>) -> Self {
        Self(Arc::new(Sum {
            total: real(characters.max(1)),
            done: Mutex::new(0.0),
            told,
        }))
    }

    /// What is told of a piece of so many characters counts as a part of the whole.
    pub(super) fn part(&self, characters: usize) -> Progress {
        let (sum, characters, before) = (Arc::clone(&self.0), real(characters), Mutex::new(0.0));
        Progress::new(move |fraction| {
            let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
            let more: f64 = (fraction - *before).max(0.0);
            *before += more;
            let mut done = sum.done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += more * characters;
            sum.told.send_replace((*done / sum.total).min(1.0));
        })
    }

    /// The fraction that is done.
    pub(super) fn fraction(&self) -> f64 {
        *self.0.told.borrow()
    }
}

#[expect(clippy::cast_precision_loss, reason = "texts are short")]
const fn real(characters: usize) -> f64 {
    characters as f64
}

impl Take<'_> {
    /// Writes down and tells what `fractions` says, now and then, for as long as it is polled.
    pub(super) async fn tell_progress(&self, mut fractions: watch::Receiver<f64>) {
        loop {
            if fractions.changed().await.is_err() {
                // The engine is done; whoever polls this has other things to wait for.
                std::future::pending::<()>().await;
            }
            let fraction = *fractions.borrow_and_update();
            self.announce(fraction).await;
            tokio::time::sleep(TELL_EVERY).await;
        }
    }

    /// Writes down and tells that so much is done.
    pub(super) async fn announce(&self, fraction: f64) {
        let told = self
            .core
            .database
            .provisionally(async |uow| {
                let speaking = uow.speaking();
                if speaking.progress(&self.grant, self.generation, fraction).await? {
                    uow.tell(LiveNote {
                        organization: Some(self.generation.organization),
                        kind: PROGRESSED.to_owned(),
                        subject: Some(self.generation.global_id()),
                    });
                }
                Ok::<_, StorageError>(())
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_spoken_at_the_same_time_add_up() {
        let (told, fractions) = watch::channel(0.0);
        let done = Done::new(10, told);
        let (short, long) = (done.part(2), done.part(8));
        long.report(0.5).unwrap();
        short.report(1.0).unwrap();
        assert!((*fractions.borrow() - 0.6).abs() < 1e-9);
        long.report(0.25).unwrap();
        long.report(1.0).unwrap();
        assert!((done.fraction() - 1.0).abs() < 1e-9);
    }
}
