//! Usage, with a ledger of many lines: `cargo bench -p resonance-services --bench usage`.
//!
//! On SQLite, and on PostgreSQL too if `TEST_POSTGRES_URL` names a server. `USAGE_LINES` says how many lines, 10,000,000 if
//! nothing is said. Prints a table in Markdown.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{Datelike as _, TimeDelta};
use resonance_billing::polar::{Polar, PolarConfig};
use resonance_domain::{UsageGrain, UsageMetric, UsageSubject};
use resonance_persistence::Repositories as _;
use resonance_polar_sandbox::{Options, Sandbox};
use resonance_services::{UsageDimension, UsagePeriod};
use resonance_testkit::{Backend, Instance, TestEngine};

const MEMBERS: u64 = 50;
const VOICES: u64 = 20;
/// Events that are told.
const TOLD: u64 = 20_000;

/// The middle one of twenty.
async fn median(mut work: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        work().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[10]
}

fn row(backend: &str, what: &str, value: &str) {
    println!("| {backend} | {what} | {value} |");
}

/// The most memory that this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    kib / 1024
}

/// Lines of an organization over the year before now: holds, and what settles them.
fn lines(postgres: bool, organization: &str, count: u64) -> [String; 2] {
    let pairs = count / 2;
    let id = |mark: &str, number: &str| {
        if postgres {
            format!("('{mark}' || lpad(to_hex({number}), 24, '0'))::uuid")
        } else {
            format!("unhex('{mark}' || printf('%024x', {number}))")
        }
    };
    let (series, text) = if postgres {
        let at = format!("now() at time zone 'UTC' - interval '1 second' * (n * 31536000.0 / {pairs})");
        let text = format!("to_char({at}, 'YYYY-MM-DD\"T\"HH24:MI:SS')");
        (format!("generate_series(1, {pairs}) AS n"), text)
    } else {
        let numbers = format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s LIMIT {pairs}) SELECT n FROM s)"
        );
        let at = format!("'now', '-' || CAST(n * 31536000.0 / {pairs} AS integer) || ' seconds'");
        (numbers, format!("strftime('%Y-%m-%dT%H:%M:%S', {at})"))
    };
    let stamp = if postgres {
        "(t || 'Z')::timestamptz"
    } else {
        "t || '+00:00'"
    };
    let insert = |kind: &str, mark: &str| {
        format!(
            "INSERT INTO usage_entries (organization_id, id, metric, kind, reference_id, quantity, voice_id, engine, user_id,
                period, hour, day, created_at)
             SELECT {organization}, {}, 'characters', '{kind}', {}, 1 + n % 500, {},
                CASE n % 3 WHEN 0 THEN 'other' ELSE 'builtin' END, {},
                substr(t, 1, 7) || '-01T00:00:00Z', substr(t, 1, 13), substr(t, 1, 10), {stamp}
             FROM (SELECT n, {text} AS t FROM {series}) AS lines",
            id(mark, "n"),
            id("01900003", "n"),
            id("01900004", &format!("n % {VOICES}")),
            id("01900005", &format!("n % {MEMBERS}")),
        )
    };
    [insert("hold", "01900001"), insert("settle", "01900002")]
}

async fn ledger(backend: Backend, name: &str, count: u64) {
    let engine = TestEngine::new();
    let instance = Instance::with_engines(backend, engine.alone(), |_| ()).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    let postgres = instance.test_database.database.is_postgres();
    let organization = instance.sql_id(acme.as_uuid());
    let began = Instant::now();
    for sql in lines(postgres, &organization, count) {
        instance.sql(&sql).await;
    }
    instance.services.mend_usage_sums(acme).await.unwrap();
    instance.sql("ANALYZE").await;
    row(name, "lines of the ledger", &count.to_string());
    row(
        name,
        "filling it and making its sums",
        &format!("{:.0} s", began.elapsed().as_secs_f64()),
    );
    let request = instance.request_in(&ada, acme).await;
    let today = instance.clock_now().date_naive();
    let month = UsagePeriod {
        from: today.with_day(1).unwrap(),
        until: today,
    };
    let year = UsagePeriod {
        from: today - TimeDelta::days(364),
        until: today,
    };
    let metric = UsageMetric::Characters;
    let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let usage = request.usage();
    let by_day_and_member = median(async || {
        let table = usage
            .table(acme, metric, UsageGrain::Day, UsageDimension::Member, month)
            .await
            .unwrap();
        assert!(table.len() as u64 >= MEMBERS);
    });
    row(
        name,
        "this month by day and member",
        &shown(by_day_and_member.await),
    );
    let of_a_year = median(async || drop(usage.by_member(acme, metric, year).await.unwrap()));
    row(name, "a year by member", &shown(of_a_year.await));
    let series = median(async || {
        drop(
            usage
                .series(acme, metric, UsageGrain::Month, &UsageSubject::Organization, year)
                .await
                .unwrap(),
        );
    });
    row(name, "a year by month", &shown(series.await));
    let one_day = UsagePeriod {
        from: today,
        until: today,
    };
    let day = median(async || drop(usage.by_member(acme, metric, one_day).await.unwrap()));
    row(name, "a day by member", &shown(day.await));
    let (before, began) = (peak(), Instant::now());
    let mut tell = |_| ();
    instance
        .services
        .verify_usage(Some(acme), &mut tell)
        .await
        .unwrap();
    row(
        name,
        "verification",
        &format!(
            "{:.0} s, peak memory {before} -> {} MiB",
            began.elapsed().as_secs_f64(),
            peak()
        ),
    );
}

async fn telling(backend: Backend, name: &str) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let polar = Polar::new(PolarConfig {
        url: sandbox.base_url().to_owned(),
        token: "polar_sandbox".to_owned().into(),
        webhook_secret: None,
        product: None,
    });
    let engine = TestEngine::new();
    let instance = Instance::with_billing(backend, engine.alone(), Arc::new(polar.unwrap()), |_| ()).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    let organization = instance.sql_id(acme.as_uuid());
    for sql in lines(
        instance.test_database.database.is_postgres(),
        &organization,
        TOLD * 2,
    ) {
        instance.sql(&sql).await;
    }
    instance
        .sql("INSERT INTO usage_exports (organization_id, id) SELECT organization_id, id FROM usage_entries WHERE kind = 'settle'")
        .await;
    let began = Instant::now();
    instance.services.settle().await.unwrap();
    let rate = TOLD as f64 / began.elapsed().as_secs_f64();
    assert!(
        !instance
            .test_database
            .database
            .usage_exports()
            .any_waiting()
            .await
            .unwrap()
    );
    row(name, "events told in a second", &format!("{rate:.0}"));
}

fn main() {
    let count = std::env::var("USAGE_LINES")
        .ok()
        .and_then(|count| count.parse().ok());
    let count = count.unwrap_or(10_000_000);
    println!("| database | what | measured |\n|---|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if std::env::var_os("TEST_POSTGRES_URL").is_some() {
            telling(Backend::Postgres, "PostgreSQL").await;
            ledger(Backend::Postgres, "PostgreSQL", count).await;
        }
        telling(Backend::Sqlite, "SQLite").await;
        ledger(Backend::Sqlite, "SQLite", count).await;
    });
}
