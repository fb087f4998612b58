//! What tests share: databases of both kinds, a clock to turn, whole instances with people in them.
//!
//! For tests only; nothing else may depend on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "test support"
)]

mod clock;
mod database;
mod dns;
mod engine;
mod instance;
mod organizations;
mod outcome;
mod people;
mod population;
mod race;
mod receiver;
mod recording;
mod sql;
mod studio;

pub use clock::{TestClock, TestIds};
pub use database::{Backend, TestDatabase};
pub use dns::TestDns;
pub use engine::TestEngine;
pub use instance::{Instance, SECRET, builtin_engine};
pub use outcome::verdict;
pub use people::{PASSWORD, Person};
pub use race::at_once;
pub use receiver::{Answers, Received, Receiver};
pub use recording::recording;
pub use resonance_persistence::count_statements;
pub use sql::sql_at;

/// Runs an `async fn name(backend: Backend)` as two tests, `name::on_sqlite` and `name::on_postgres`.
///
/// ```text
/// on_both! {
///     async fn a_stranger_sees_nothing(backend: Backend) { … }
/// }
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($backend:ident: Backend) $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports, clippy::allow_attributes, clippy::wildcard_imports, reason = "what the test uses")]
                use super::*;

                async fn run($backend: $crate::Backend) $body

                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    run($crate::Backend::Sqlite).await;
                }

                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    run($crate::Backend::Postgres).await;
                }
            }
        )*
    };
}
