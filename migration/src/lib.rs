//! The database schema and its history.
//!
//! Every change is a file of its own, written once as plain SQL in the common subset of SQLite and PostgreSQL;
//! [`Dialect`] fills in the few words that differ. Names are frozen text: this crate depends on none of ours, so an
//! old migration compiles and means the same for ever.
//!
//! Tables of a tenant have the primary key `(organization_id, id)`, and children reference parents by that pair:
//! the database cannot store a reference across organizations.

use sea_orm_migration::{MigrationTrait, async_trait};

mod dialect;
mod m20261122_000001_accounts;
mod m20261122_000002_organizations;
mod m20261122_000003_voices;
mod m20261122_000004_generations;
mod m20261122_000005_usage;
mod m20261122_000006_events_and_jobs;
mod m20261122_000007_roles;
mod m20261122_000008_domains;
mod m20261122_000009_audit;
mod m20261122_000010_webhooks;
mod m20261122_000011_instance;
mod m20261128_000012_api_keys;
mod m20261128_000013_history_search;
mod m20261128_000014_finished_sound;
mod m20261128_000015_billing;
mod m20261128_000016_idempotency_keys;
mod m20261128_000017_job_lanes;

pub use dialect::Dialect;
pub use sea_orm_migration::MigratorTrait;

/// Brings a database up to date.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_accounts::Migration),
            Box::new(m20261122_000002_organizations::Migration),
            Box::new(m20261122_000003_voices::Migration),
            Box::new(m20261122_000004_generations::Migration),
            Box::new(m20261122_000005_usage::Migration),
            Box::new(m20261122_000006_events_and_jobs::Migration),
            Box::new(m20261122_000007_roles::Migration),
            Box::new(m20261122_000008_domains::Migration),
            Box::new(m20261122_000009_audit::Migration),
            Box::new(m20261122_000010_webhooks::Migration),
            Box::new(m20261122_000011_instance::Migration),
            Box::new(m20261128_000012_api_keys::Migration),
            Box::new(m20261128_000013_history_search::Migration),
            Box::new(m20261128_000014_finished_sound::Migration),
            Box::new(m20261128_000015_billing::Migration),
            Box::new(m20261128_000016_idempotency_keys::Migration),
            Box::new(m20261128_000017_job_lanes::Migration),
        ]
    }
}

/// Declares a migration whose steps up and down are lists of SQL statements.
macro_rules! migration {
    ($(#[$doc:meta])* up: [$($up:expr),+ $(,)?], down: [$($down:expr),+ $(,)?] $(,)?) => {
        use sea_orm_migration::prelude::*;

        $(#[$doc])*
        #[derive(Debug, DeriveMigrationName)]
        pub(crate) struct Migration;

        #[async_trait::async_trait]
        impl MigrationTrait for Migration {
            // SQLite's migrations are not transactional by default; half a schema would be left after a crash.
            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }

            async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                crate::Dialect::run(manager, &[$($up),+]).await
            }

            async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                crate::Dialect::run(manager, &[$($down),+]).await
            }
        }
    };
}
pub(crate) use migration;
