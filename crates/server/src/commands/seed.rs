//! A made-up population for load tests.

use std::path::PathBuf;

use clap::Args;

use crate::configuration::Configuration;

/// How large the population is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Seed {
    /// Users
    #[arg(long, default_value_t = 1000)]
    pub(crate) users: u64,
    /// Organizations
    #[arg(long, default_value_t = 100)]
    pub(crate) organizations: u64,
    /// Members of each organization; the first is an admin
    #[arg(long, default_value_t = 10)]
    pub(crate) members_per_organization: u64,
    /// Custom voices of each organization
    #[arg(long, default_value_t = 5)]
    pub(crate) voices_per_organization: u64,
    /// Generations in the history of each organization
    #[arg(long, default_value_t = 100)]
    pub(crate) generations_per_organization: u64,
    /// What the population is drawn from: the same number gives the same one
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A file for session tokens: user id, organization id, role and token of the first users, tab-separated
    #[arg(long)]
    pub(crate) tokens: Option<PathBuf>,
    /// How many tokens to write
    #[arg(long, default_value_t = 1000)]
    pub(crate) tokens_for: u64,
}

pub(crate) async fn run(_configuration: &Configuration, _seed: Seed) -> anyhow::Result<()> {
    anyhow::bail!("seeding is being written")
}
