//! Leaving a server alone that fails again and again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Closed, it lets everything through; after failures in a row it opens; after a pause it lets one request try.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    failures: u32,
    pause: Duration,
}

#[derive(Debug, Default)]
struct State {
    failed: u32,
    open_until: Option<Instant>,
    trying: bool,
}

impl Breaker {
    pub(crate) fn new(failures: u32, pause: Duration) -> Self {
        Self {
            state: Mutex::default(),
            failures: failures.max(1),
            pause,
        }
    }

    /// Whether a request would be let through.
    pub(crate) fn is_open(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open_until.is_some_and(|until| Instant::now() < until)
    }

    /// Lets a request through, or says for how long not.
    pub(crate) fn admit(&self) -> Result<Pass<'_>, Duration> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.open_until {
            if now < until || state.trying {
                return Err(until.saturating_duration_since(now));
            }
            state.trying = true;
        }
        Ok(Pass {
            breaker: self,
            trial: state.trying,
        })
    }
}

/// Permission for one request. One that is dropped without a word was given up, and says nothing.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

impl Pass<'_> {
    /// The server did its part, or refused a request that deserved it.
    pub(crate) fn succeeded(self) {
        *self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// The server failed.
    pub(crate) fn failed(self) {
        let mut state = self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed = state.failed.saturating_add(1);
        if self.trial || state.failed >= self.breaker.failures {
            state.open_until = Some(Instant::now() + self.breaker.pause);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .trying = false;
        }
    }
}
