//! A clock to turn, and identifiers that follow it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use resonance_domain::{Clock, Ids};
use uuid::{ContextV7, Timestamp, Uuid};

/// Stands still until a test turns it.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows the real time of its making.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicI64::new(
            resonance_services::SystemClock.now().timestamp_micros(),
        ))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Clock::now(self)
    }

    /// Turns the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// UUIDv7 of the time that a [`TestClock`] shows: identifiers tell the same time as everything else.
#[derive(Debug)]
pub struct TestIds {
    clock: Arc<TestClock>,
    /// Keeps those of one moment in order.
    context: Mutex<ContextV7>,
}

impl TestIds {
    /// Identifiers that follow `clock`.
    #[must_use]
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self {
            clock,
            context: Mutex::default(),
        }
    }
}

impl Ids for TestIds {
    fn uuid(&self) -> Uuid {
        let now = Clock::now(&*self.clock);
        let seconds = now.timestamp().unsigned_abs();
        Uuid::new_v7(Timestamp::from_unix(
            &self.context,
            seconds,
            now.timestamp_subsec_nanos(),
        ))
    }
}
