//! A made-up population for load tests.

use std::{io::Write as _, path::Path, path::PathBuf, time::Instant};

use anyhow::Context as _;
use clap::Args;
use resonance_authz::{SystemGrant, system};
use resonance_domain::{Clock as _, IdsExt as _, SESSION_IDLE_LIFETIME, Session};
use resonance_identity::SecretToken;
use resonance_persistence::{Population, PopulationProgress, PopulationSize};
use resonance_services::{SESSION_TOKEN, SystemClock, SystemIds};
use tempfile::NamedTempFile;

use crate::{configuration::Configuration, instance};

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
    /// A file for session tokens: user id, organization id, role and token of the first users who are members, admins
    /// first, tab-separated. Unlike the rest, tokens are new each time
    #[arg(long)]
    pub(crate) tokens: Option<PathBuf>,
    /// How many tokens to write
    #[arg(long, default_value_t = 1000)]
    pub(crate) tokens_for: u64,
}

pub(crate) async fn run(configuration: &Configuration, seed: Seed) -> anyhow::Result<()> {
    let size = PopulationSize {
        users: seed.users,
        organizations: seed.organizations,
        members_per_organization: seed.members_per_organization,
        voices_per_organization: seed.voices_per_organization,
        generations_per_organization: seed.generations_per_organization,
    };
    let population = Population::new(size, seed.seed)?;
    let database = instance::database(configuration).await?;

    // The file is there, unreadable to others, before anything is stored, and takes its name once all is stored.
    let file = seed
        .tokens
        .as_deref()
        .map(|path| private_file_beside(path).map(|file| (file, path)))
        .transpose()?;
    let mut sessions = Vec::new();
    if let Some((file, _)) = &file {
        let mut out = std::io::BufWriter::new(file);
        let wanted = usize::try_from(seed.tokens_for).unwrap_or(usize::MAX);
        for member in population.members().take(wanted) {
            let now = SystemClock.now();
            // INVARIANT: never drawn from the seed, which is no secret.
            let token = SecretToken::random(SESSION_TOKEN, &mut rand::rng());
            writeln!(
                out,
                "{}\t{}\t{}\t{}",
                member.user.type_id(),
                member.organization.type_id(),
                member.role.as_str(),
                token.expose()
            )?;
            let session = Session {
                id: SystemIds.next(),
                user: member.user,
                active_organization: Some(member.organization),
                user_agent: Some("resonance seed".to_owned()),
                ip_address: None,
                created_at: now,
                last_used_at: now,
                expires_at: now + SESSION_IDLE_LIFETIME,
            };
            sessions.push((session, *token.hash().as_bytes()));
        }
        out.flush().context("tokens: the file cannot be written")?;
    }

    let rows = population.rows() + sessions.len() as u64;
    let began = Instant::now();
    let populated = database
        .populate(
            &SystemGrant::<system::Seed>::for_job(),
            &population,
            sessions,
            tell,
        )
        .await;
    if let Err(error) = populated {
        return Err(if error.is_unique() {
            anyhow::anyhow!(
                "the database holds a population of seed {} already, and nothing was changed; take another --seed",
                seed.seed
            )
        } else {
            anyhow::Error::new(error).context("nothing was stored")
        });
    }
    if let Some((file, path)) = file {
        file.persist(path)
            .with_context(|| format!("tokens: {} cannot be written", path.display()))?;
    }
    database.close().await;
    let seconds = began.elapsed().as_secs_f64();
    super::print(&format!(
        "{rows} rows in {seconds:.1} s: {:.0} rows/s\n",
        rows as f64 / seconds
    ))
}

/// Readable to its owner alone.
fn private_file_beside(path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    NamedTempFile::new_in(folder).with_context(|| format!("tokens: {} cannot be written", path.display()))
}

#[expect(clippy::print_stderr, reason = "progress of a command line")]
fn tell(progress: PopulationProgress) {
    let PopulationProgress {
        table,
        done,
        of,
        elapsed,
    } = progress;
    eprintln!("{table}: {done} of {of} rows, {:.1} s", elapsed.as_secs_f64());
}
