//! The `resonance` binary: configuration, wiring, command line.

mod commands;
mod configuration;
mod engines;
mod instance;
mod options;
mod serve;
#[cfg(feature = "engine-espeak")]
mod speech_data;
mod telemetry;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{configuration::Configuration, options::Options};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted backend for teams that make speech.
///
/// Without a command, serves. Every key of the configuration is a flag, an environment variable and a line of the
/// configuration file; flags win over variables, variables over the file.
#[derive(Debug, Parser)]
#[command(version, subcommand_required = false)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    /// A TOML file with the keys below (in the spelling of the flags, with underscores) [default: resonance.toml, if it is there]
    #[arg(long, env = "RESONANCE_CONFIG", global = true, help_heading = "Configuration")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what happens without a command, too)
    Serve,
    /// Bring the database up to date and end
    Migrate,
    /// Print the GraphQL schema
    Schema {
        /// The operators' schema instead of everybody's
        #[arg(long)]
        operators: bool,
    },
    /// Fill the database with a made-up population, the same for the same numbers: the ground for load tests
    Seed(commands::seed::Seed),
    /// Look after the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look after the object store
    #[command(subcommand)]
    Blobs(BlobsCommand),
    /// Look after the usage ledger
    #[command(subcommand)]
    Usage(UsageCommand),
    /// Manage operators
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Make the user with this verified address an operator
    Add {
        /// The address
        email: String,
    },
    /// Take an operator's powers away; the last one keeps them
    Remove {
        /// The address
        email: String,
    },
    /// List the operators
    List,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Verify logs, name what is not as the instance wrote it, and fail if there is anything
    Verify(commands::audit::Verify),
}

#[derive(Debug, Subcommand)]
enum BlobsCommand {
    /// Compare the object store with the database, name orphans and missing objects, and fail if there are any
    Verify {
        /// Remove the orphans
        #[arg(long)]
        delete_orphans: bool,
    },
}

#[derive(Debug, Subcommand)]
enum UsageCommand {
    /// Prove that ledger, jobs, sums, budgets and exports agree, name what does not, and fail if there is anything
    Verify {
        /// Only the organization with this id or slug
        #[arg(long)]
        organization: Option<String>,
    },
    /// Make the sums of an organization anew from its ledger, after something outside wrote to them
    MendSums {
        /// The organization with this id or slug
        #[arg(long)]
        organization: String,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check every key, and that database, object store and mail folder can be used
    Check,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    match run(line) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command line")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    if let Some(Command::Schema { operators }) = line.command {
        let sdl = if operators {
            resonance_gateway::operators_sdl()
        } else {
            resonance_gateway::sdl()
        };
        return commands::print(&sdl).map(|()| ExitCode::SUCCESS);
    }
    let options = line.options.or(commands::config::file(line.config.as_deref())?);
    let (filter, format) = configuration::logging(&options)?;
    let configuration = Configuration::resolve(options)?;
    telemetry::log(filter, format);
    #[cfg(feature = "engine-espeak")]
    if matches!(line.command, None | Some(Command::Serve)) {
        speech_data::install(&configuration)?;
    }
    // One provider of cryptography for all clients; nothing may open a connection before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let done = match line.command.unwrap_or(Command::Serve) {
            Command::Audit(AuditCommand::Verify(verify)) => {
                return commands::audit::verify(&configuration, verify).await;
            }
            Command::Blobs(BlobsCommand::Verify { delete_orphans }) => {
                return commands::blobs::verify(&configuration, delete_orphans).await;
            }
            Command::Usage(UsageCommand::Verify { organization }) => {
                return commands::usage::verify(&configuration, organization.as_deref()).await;
            }
            Command::Usage(UsageCommand::MendSums { organization }) => {
                commands::usage::mend_sums(&configuration, &organization).await
            }
            Command::Serve => serve::serve(configuration).await,
            Command::Migrate => commands::migrate(&configuration).await,
            Command::Seed(seed) => commands::seed::run(&configuration, seed).await,
            Command::Operator(OperatorCommand::Add { email }) => {
                commands::operator_add(&configuration, &email).await
            }
            Command::Operator(OperatorCommand::Remove { email }) => {
                commands::operator_remove(&configuration, &email).await
            }
            Command::Operator(OperatorCommand::List) => commands::operator_list(&configuration).await,
            Command::Config(ConfigCommand::Check) => commands::config::check(&configuration).await,
            Command::Schema { .. } => Ok(()),
        };
        done.map(|()| ExitCode::SUCCESS)
    })
}
