//! What was found, as tables in Markdown.

use std::time::Duration;

use crate::{
    Options,
    load::Measured,
    pgbench::Reference,
    process::{Process, load_average},
    question::Question,
    server::Population,
};

#[derive(Debug)]
pub(crate) struct Report {
    conditions: String,
    rows: String,
    notes: String,
}

const HEAD: &str = "\
| | connections | requests/s | p50 ms | p95 ms | p99 ms | server µs | PostgreSQL µs | client µs | SQL statements | pgbench/s | PostgreSQL µs under pgbench | of pgbench |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

impl Report {
    pub(crate) fn new(population: &Population, options: &Options) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism()?;
        let processor = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = processor
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, model)| model);
        let conditions = format!(
            "{cores} cores ({model}) shared by server, PostgreSQL and client; load average before: {}. {} users, \
             {} organizations with {} members, {} voices and {} generations each. {} s a run after {} s of warming up. \
             Times in µs are processor time per request.",
            load_average(),
            population.users,
            population.organizations,
            population.members_per_organization,
            population.voices_per_organization,
            population.generations_per_organization,
            options.seconds,
            options.warm_up,
        );
        Ok(Self {
            conditions,
            rows: String::new(),
            notes: String::new(),
        })
    }

    pub(crate) fn row(
        &mut self,
        question: Question,
        connections: usize,
        measured: &Measured,
        reference: Option<&Reference>,
    ) {
        let costs = &measured.costs;
        let reached = format!(
            "| {question} | {connections} | {:.0} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.1} |",
            measured.per_second,
            millis(measured.p50),
            millis(measured.p95),
            millis(measured.p99),
            micros(costs.server),
            micros(costs.postgres),
            micros(costs.client),
            costs.statements,
        );
        let beside = reference.map_or_else(
            || " | | |".to_owned(),
            |reference| {
                format!(
                    " {:.0} | {:.0} | {:.2} |",
                    reference.per_second,
                    micros(reference.postgres),
                    measured.per_second / reference.per_second,
                )
            },
        );
        let row = reached + &beside;
        say(&row);
        self.rows.push_str(&row);
        self.rows.push('\n');
    }

    pub(crate) fn memory(&mut self, when: &str, process: Process) {
        if let Ok((now, most)) = process.memory() {
            self.note(&format!(
                "Resident memory {when}: {now} MiB, at most {most} MiB so far."
            ));
        }
    }

    pub(crate) fn note(&mut self, text: &str) {
        say(text);
        self.notes.push_str("- ");
        self.notes.push_str(text);
        self.notes.push('\n');
    }

    #[expect(clippy::print_stdout, reason = "the report of a command line")]
    pub(crate) fn print(&self) {
        println!("\n{}\n\n{HEAD}{}\n{}", self.conditions, self.rows, self.notes);
    }
}

/// Tells how far it has come.
#[expect(clippy::print_stderr, reason = "progress of a command line")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
