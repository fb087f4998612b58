//! The load benchmark: four requests over HTTP at several numbers of connections, and beside them the same SQL straight
//! through pgbench, against one PostgreSQL.
//!
//! `bench/load.sh` builds what is measured, starts a PostgreSQL server of its own and runs this. It knows the server as
//! a client does (its command line, its HTTP, its metrics), and the database's log.

mod capture;
mod connection;
mod deep;
mod load;
mod pgbench;
mod postgres;
mod process;
mod question;
mod report;
mod server;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Parser;

use crate::{
    postgres::Postgres,
    question::Question,
    report::Report,
    server::{Population, Server},
};

/// Measures a Resonance server on PostgreSQL, against pgbench with the same SQL.
#[derive(Debug, Parser)]
struct Options {
    /// The server's binary
    #[arg(long)]
    resonance: PathBuf,
    /// The PostgreSQL server, as a superuser; databases are made in it and dropped
    #[arg(long)]
    postgres: String,
    /// The PostgreSQL server's log, with lines that begin as `log_line_prefix = '%p|'` makes them
    #[arg(long)]
    postgres_log: PathBuf,
    /// The process id of the PostgreSQL server
    #[arg(long)]
    postgres_pid: u32,
    /// The folder with the queries and the scripts for pgbench
    #[arg(long, default_value = "bench")]
    folder: PathBuf,
    /// Write the scripts for pgbench anew from what the server sends, instead of failing when they differ
    #[arg(long)]
    update_scripts: bool,
    /// Questions to ask, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "q1,q2,q3,m1")]
    questions: Vec<Question>,
    /// Numbers of connections, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before each measurement, so that caches are warm
    #[arg(long, default_value_t = 3)]
    warm_up: u64,
    #[arg(long, default_value_t = 2000)]
    users: u64,
    #[arg(long, default_value_t = 500)]
    organizations: u64,
    #[arg(long, default_value_t = 20)]
    members_per_organization: u64,
    #[arg(long, default_value_t = 20)]
    voices_per_organization: u64,
    #[arg(long, default_value_t = 200)]
    generations_per_organization: u64,
    /// Also compare the second with the thousandth page of a history of this many generations; 0 for not
    #[arg(long, default_value_t = 0)]
    deep_pages: u64,
    /// Do not run pgbench
    #[arg(long)]
    no_pgbench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // One thread, so that the generator takes no more than one core from what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let postgres = Postgres::new(&options.postgres, options.postgres_pid);
    let database = postgres.make_database().await?;
    let population = Population {
        users: options.users,
        organizations: options.organizations,
        members_per_organization: options.members_per_organization,
        voices_per_organization: options.voices_per_organization,
        generations_per_organization: options.generations_per_organization,
        seed: 1,
    };
    let folder = tempfile::tempdir()?;
    let tokens = server::seed(&options.resonance, folder.path(), &database.url, &population).await?;
    report::say(&format!("{} tokens", tokens.len()));
    let server = Server::start(&options.resonance, folder.path(), &database.url).await?;
    let mut report = Report::new(&population, options)?;
    report.memory("idle", server.process());

    for question in &options.questions {
        let text = question.text(&options.folder)?;
        let asker = std::sync::Arc::new(question.asker(&text, &tokens)?);
        asker
            .check(server.address)
            .await
            .with_context(|| format!("{question} fails"))?;
        let script = capture::script(&postgres, &options.postgres_log, &server, &asker, *question)
            .await
            .with_context(|| format!("the SQL of {question} cannot be captured"))?;
        script.compare(&options.folder, *question, options.update_scripts)?;
        for connections in &options.connections {
            postgres.forget_throttles(&database).await?;
            let measured = load::run(
                &server,
                &postgres,
                &asker,
                *connections,
                Duration::from_secs(options.warm_up),
                Duration::from_secs(options.seconds),
            )
            .await
            .with_context(|| format!("{question} at {connections} connections"))?;
            let reference = if options.no_pgbench {
                None
            } else {
                let run = pgbench::run(&postgres, &database, &script, *connections, options).await;
                Some(run.with_context(|| format!("pgbench for {question}"))?)
            };
            report.row(*question, *connections, &measured, reference.as_ref());
        }
    }
    report.memory("after load", server.process());
    if options.deep_pages > 0 {
        deep::compare(folder.path(), &database.url, &server, options, &mut report).await?;
    }
    server.stop().await?;
    report.print();
    database.drop(&postgres).await
}
