//! How far an engine is, and how it is stopped.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::EngineError;

/// Asks an engine to stop; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks to stop. The engine does so after the sentence or the chunk that it is at.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What an engine tells while it works, and asks.
#[derive(Clone, Default)]
pub struct Progress {
    listener: Option<Arc<dyn Fn(f64) + Send + Sync>>,
    cancellation: Cancellation,
}

impl Progress {
    /// Calls `listener` with the fraction done, from 0 to 1 and never falling, on whatever thread the engine works:
    /// it must return quickly.
    pub fn new(listener: impl Fn(f64) + Send + Sync + 'static) -> Self {
        Self {
            listener: Some(Arc::new(listener)),
            cancellation: Cancellation::default(),
        }
    }

    /// The same, but stopped through `cancellation`.
    #[must_use]
    pub fn cancelled_by(self, cancellation: Cancellation) -> Self {
        Self { cancellation, ..self }
    }

    /// The means to stop the work.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }

    /// For engines: tells the fraction done, and learns whether to go on.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] if somebody asked to stop.
    pub fn report(&self, fraction: f64) -> Result<(), EngineError> {
        if self.cancellation.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        if let Some(listener) = &self.listener {
            listener(fraction.clamp(0.0, 1.0));
        }
        Ok(())
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("cancellation", &self.cancellation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn progress_is_told_until_somebody_asks_to_stop() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let progress = Progress::new(move |fraction| list.lock().unwrap().push(fraction));
        progress.report(0.5).unwrap();
        progress.report(1.5).unwrap();
        progress.cancellation().cancel();
        assert!(matches!(progress.report(0.7), Err(EngineError::Cancelled)));
        assert_eq!(*told.lock().unwrap(), [0.5, 1.0]);
    }

    #[test]
    fn one_cancellation_can_stop_several_works() {
        let cancellation = Cancellation::default();
        let works = [Progress::default(), Progress::default()].map(|p| p.cancelled_by(cancellation.clone()));
        cancellation.cancel();
        assert!(works.iter().all(|work| work.report(0.1).is_err()));
        assert!(Progress::default().report(0.1).is_ok());
    }
}
