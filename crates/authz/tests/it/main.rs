//! What the policy says, and what a decision costs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod decisions;
mod matrix;
mod one_member;
