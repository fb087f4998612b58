//! A second opinion on the policy of `resonance-authz`.
//!
//! This crate holds nothing but tests. `policies.cedar` says in the language of [Cedar](https://www.cedarpolicy.com)
//! what the product's rules say, written by hand and independently of the engine; the tests put the same questions to
//! both and accept no disagreement. They also break the Cedar policies, line by line, to show that a difference would
//! be noticed.
//!
//! `ORACLE_SEED=<number> cargo test -p resonance-authz-oracle` repeats a run; each run prints its seed.
