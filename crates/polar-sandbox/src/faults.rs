//! What a sandbox does wrong on request.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::state::State;

/// What to do wrong. Without any, all is well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Answer every call with 503, and do nothing.
    pub down: bool,
    /// Let every call wait for so many milliseconds, do nothing, and answer 504. Off, if 0.
    pub hang_ms: u64,
    /// Do what is asked at once, but answer so many milliseconds later.
    pub slow_ms: u64,
    /// Answer every call with 429 and `Retry-After: 1`, and do nothing.
    pub too_many: bool,
    /// The part of calls, from 0 to 1, that are answered with 500 and not done.
    pub error_rate: f64,
    /// The part of calls, from 0 to 1, that are done, but whose answer is lost: it is a 502, or the connection breaks.
    pub lost_answer_rate: f64,
    /// Send each webhook twice.
    pub webhooks_duplicate: bool,
    /// Hold webhooks back for a moment, and send them in another order.
    pub webhooks_reorder: bool,
    /// Wait so many milliseconds before each webhook.
    pub webhooks_delay_ms: u64,
    /// Do not send webhooks at all, not later either.
    pub webhooks_drop: bool,
    /// Where the dice begin; the same seed makes the same faults.
    pub seed: u64,
}

impl State {
    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.kept.faults = faults;
        self.kept.dice = StdRng::seed_from_u64(faults.seed);
    }

    /// Whether something of that likelihood happens.
    pub(crate) fn happens(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.kept.dice.random::<f64>() < rate
    }
}
