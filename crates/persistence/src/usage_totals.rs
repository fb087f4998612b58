//! Sums of the usage ledger, by the hour, the day and the month.
//!
//! They grow in the transactions that settle lines, so that what a year of heavy use amounts to is read from a few
//! rows. [`crate::UsageVerification`] proves that they agree with the lines.

mod views;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use resonance_authz::{Action, Grant};
use resonance_domain::{
    ApiKeyId, OrganizationId, UsageEntryId, UsageGrain, UsageMetric, UsageSubject, UserId, VoiceId,
    VoiceScope,
};
use sea_orm::Value;

use crate::{StorageError, executor::Executor, raw::Sql, read_rows::known};

/// Days (UTC) from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePeriod {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
}

/// Settled usage of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUsage {
    /// Whose doing it was; the account may be gone.
    pub user: Option<UserId>,
    /// How much.
    pub quantity: u64,
}

/// Settled usage by one API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// The key.
    pub key: ApiKeyId,
    /// Its name now.
    pub name: String,
    /// How much.
    pub quantity: u64,
}

/// Settled usage of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceUsage {
    /// The voice; it may be gone.
    pub voice: Option<VoiceId>,
    /// Whose it is or was; `None` if it is gone and nothing of it is left in the history.
    pub scope: Option<VoiceScope>,
    /// Its name, or the last one that it had in the history; `None` likewise.
    pub name: Option<String>,
    /// How much.
    pub quantity: u64,
}

/// Settled usage of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineUsage {
    /// Its name.
    pub engine: String,
    /// How much.
    pub quantity: u64,
}

/// One line of a table of usage: a time, somebody or something, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCell {
    /// When the hour, day or month begins.
    pub start: DateTime<Utc>,
    /// Who or what.
    pub subject: UsageSubject,
    /// The name of a member, a key or a voice that there is still.
    pub name: Option<String>,
    /// How much.
    pub quantity: u64,
}

/// The parts into which usage is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageDimension {
    /// Nothing is divided.
    Total,
    /// By members; what keys used is no member's.
    Member,
    /// By API keys.
    ApiKey,
    /// By voices.
    Voice,
    /// By engines.
    Engine,
}

impl UsageDimension {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Member => "member",
            Self::ApiKey => "key",
            Self::Voice => "voice",
            Self::Engine => "engine",
        }
    }
}

/// The sums.
#[derive(Debug, Clone, Copy)]
pub struct UsageTotals<'a>(pub(crate) Executor<'a>);

/// Lines divided into what the sums are of; followed by what `e` is, [`PARTS`], what restricts it and [`GROUPED`].
const DIVIDED: &str = "INSERT INTO usage_totals
        (organization_id, metric, dimension, grain, slot, id, engine, quantity)
    SELECT organization_id, metric, dimension, grain, slot, id, engine, CAST(SUM(quantity) AS bigint) FROM (
        SELECT e.organization_id, e.metric, d.dimension, d.rank, g.grain, g.length, e.quantity,
            substr(COALESCE(e.hour, e.day || 'T00'), 1, g.length) AS slot,
            CASE d.dimension WHEN 'member' THEN CASE WHEN e.api_key_id IS NULL THEN e.user_id END
                WHEN 'key' THEN e.api_key_id WHEN 'voice' THEN e.voice_id
                WHEN 'engine' THEN CASE WHEN e.engine IS NOT NULL THEN e.organization_id END
                ELSE e.organization_id END AS id,
            CASE d.dimension WHEN 'engine' THEN e.engine ELSE '' END AS engine
        FROM ";
const PARTS: &str = " CROSS JOIN (SELECT 1 AS rank, 'total' AS dimension UNION ALL SELECT 2, 'member' UNION ALL SELECT 3, 'key'
            UNION ALL SELECT 4, 'voice' UNION ALL SELECT 5, 'engine') AS d
        CROSS JOIN (SELECT 'hour' AS grain, 13 AS length UNION ALL SELECT 'day', 10 UNION ALL SELECT 'month', 7) AS g
        WHERE e.kind = 'settle'";
/// Whoever adds to the sums takes organizations in the same order and begins with the same row of each, so that none
/// waits for the other in a circle.
const GROUPED: &str = ") AS lines WHERE id IS NOT NULL
    GROUP BY organization_id, metric, dimension, rank, grain, length, slot, id, engine
    ORDER BY organization_id, rank, length
    ON CONFLICT (organization_id, metric, dimension, grain, slot, id, engine)
        DO UPDATE SET quantity = usage_totals.quantity + excluded.quantity";

/// Adds settled lines to the sums.
pub(crate) async fn add(
    executor: Executor<'_>,
    lines: &[(OrganizationId, UsageEntryId)],
) -> Result<(), StorageError> {
    if lines.is_empty() {
        return Ok(());
    }
    let lines = lines.iter().copied().map(line).collect();
    let mut sql = Sql::new(DIVIDED, []);
    if executor.is_postgres() {
        // Each line is looked for by itself, whatever PostgreSQL believes of the size of the table.
        sql.push("(SELECT DISTINCT column1, column2 FROM (")
            .values(lines)
            .push(
                ") AS v) AS v CROSS JOIN LATERAL (SELECT * FROM usage_entries
                    WHERE organization_id = v.column1 AND id = v.column2 LIMIT 1) AS e",
            )
            .push(PARTS);
    } else {
        sql.push("usage_entries e")
            .push(PARTS)
            .push(" AND (e.organization_id, e.id) IN (")
            .values(lines)
            .push(")");
    }
    sql.push(GROUPED);
    executor.run_along(sql).await
}

/// Where a line lies.
pub(crate) fn line((organization, line): (OrganizationId, UsageEntryId)) -> [Value; 2] {
    [organization.as_uuid().into(), line.as_uuid().into()]
}

/// Makes the sums of an organization anew.
pub(crate) async fn remake(executor: Executor<'_>, organization: OrganizationId) -> Result<(), StorageError> {
    const FORGET: &str = "DELETE FROM usage_totals WHERE organization_id = $1";
    executor.execute(FORGET, [organization.as_uuid().into()]).await?;
    let sql = format!("{DIVIDED} usage_entries e {PARTS} AND e.organization_id = $1 {GROUPED}");
    executor.execute(&sql, [organization.as_uuid().into()]).await?;
    Ok(())
}

/// Makes the sums of all lines of organizations that have none, and what they spent.
pub(crate) async fn add_all(executor: Executor<'_>) -> Result<(), StorageError> {
    const SPENT: &str = "INSERT INTO spending (organization_id, id, period, characters, alerted)
        SELECT organization_id, id, period, CAST(SUM(quantity) AS bigint), 0 FROM (
            SELECT e.organization_id, COALESCE(e.period, substr(e.day, 1, 7) || '-01T00:00:00Z') AS period,
                CASE who.rank WHEN 1 THEN e.organization_id ELSE COALESCE(e.api_key_id, e.user_id) END AS id,
                CASE e.kind WHEN 'hold' THEN e.quantity ELSE -e.quantity END AS quantity
            FROM usage_entries e CROSS JOIN (SELECT 1 AS rank UNION ALL SELECT 2) AS who
            WHERE e.metric = 'characters' AND e.kind IN ('hold', 'release')
                AND NOT EXISTS (SELECT 1 FROM spending s WHERE s.organization_id = e.organization_id)
        ) AS lines WHERE id IS NOT NULL GROUP BY organization_id, id, period";
    const WITHOUT: &str =
        "AND NOT EXISTS (SELECT 1 FROM usage_totals t WHERE t.organization_id = e.organization_id)";
    executor.execute(SPENT, []).await?;
    executor
        .execute(
            &format!("{DIVIDED} usage_entries e {PARTS} {WITHOUT} {GROUPED}"),
            [],
        )
        .await?;
    Ok(())
}

/// An hour as it is stored, which sorts as it reads.
pub(crate) fn hour(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H").to_string()
}

/// When an hour, a day or a month, as it is stored, begins.
fn start(slot: &str) -> Option<DateTime<Utc>> {
    const REST: &str = "0000-01-01T00:00:00Z";
    let whole = format!("{slot}{}", REST.get(slot.len()..)?);
    Some(DateTime::parse_from_rfc3339(&whole).ok()?.to_utc())
}

/// The sums of a period in one dimension, as `u`: those of its whole months, and of the days before and after them.
const WITHIN: &str = "(
    SELECT id, engine, quantity FROM usage_totals WHERE organization_id = $1 AND metric = $2 AND dimension = $3
        AND grain = 'month' AND slot BETWEEN $4 AND $5
    UNION ALL SELECT id, engine, quantity FROM usage_totals WHERE organization_id = $1 AND metric = $2
        AND dimension = $3 AND grain = 'day' AND slot BETWEEN $6 AND $7
    UNION ALL SELECT id, engine, quantity FROM usage_totals WHERE organization_id = $1 AND metric = $2
        AND dimension = $3 AND grain = 'day' AND slot BETWEEN $8 AND $9) AS u";

/// The values of [`WITHIN`].
fn within(
    grant: &Grant<impl Action>,
    metric: UsageMetric,
    dimension: UsageDimension,
    period: UsagePeriod,
) -> [Value; 9] {
    let [months, before, after] = ranges(period);
    [
        grant.organization().as_uuid().into(),
        metric.as_str().into(),
        dimension.as_str().into(),
        months.0.into(),
        months.1.into(),
        before.0.into(),
        before.1.into(),
        after.0.into(),
        after.1.into(),
    ]
}

/// First and last slot, both included.
type Range = (String, String);

/// The whole months of a period, and the days before and after them. Nothing lies in an empty range.
fn ranges(period: UsagePeriod) -> [Range; 3] {
    let day = |day: NaiveDate| day.to_string();
    let month = |day: NaiveDate| day.format("%Y-%m").to_string();
    let first_of = |day: NaiveDate| day.with_day(1).unwrap_or(day);
    let next = |day: NaiveDate| first_of(first_of(day) + TimeDelta::days(31));
    let nothing = || ("9".to_owned(), "0".to_owned());
    // The first day of the first whole month, and of the month after the last.
    let begin = if period.from.day() == 1 {
        period.from
    } else {
        next(period.from)
    };
    let end = first_of(period.until + TimeDelta::days(1));
    if begin >= end {
        return [nothing(), (day(period.from), day(period.until)), nothing()];
    }
    [
        (month(begin), month(end - TimeDelta::days(1))),
        (day(period.from), day(begin - TimeDelta::days(1))),
        (day(end), day(period.until)),
    ]
}

/// Begins a statement on the sums `t` from which a grain is told.
fn by_slot(columns: &str, grant: &Grant<impl Action>, metric: UsageMetric) -> Sql {
    Sql::new(
        format!("SELECT {columns} FROM usage_totals t WHERE t.organization_id = $1 AND t.metric = $2"),
        [grant.organization().as_uuid().into(), metric.as_str().into()],
    )
}

/// Restricts such a statement. What is told by months is read from whole months, and from days before and after them.
fn restrict(sql: &mut Sql, dimension: UsageDimension, grain: UsageGrain, period: UsagePeriod) {
    sql.push(" AND t.dimension = ").bind(dimension.as_str());
    let between = |sql: &mut Sql, grain: UsageGrain, (first, last): Range| {
        sql.push("(t.grain = ").bind(grain.as_str());
        sql.push(" AND t.slot BETWEEN ")
            .bind(first)
            .push(" AND ")
            .bind(last)
            .push(")");
    };
    let UsagePeriod { from, until } = period;
    sql.push(" AND (");
    match grain {
        UsageGrain::Hour => between(sql, grain, (format!("{from}T00"), format!("{until}T23"))),
        UsageGrain::Day => between(sql, grain, (from.to_string(), until.to_string())),
        UsageGrain::Month => {
            let [months, before, after] = ranges(period);
            between(sql, UsageGrain::Month, months);
            sql.push(" OR ");
            between(sql, UsageGrain::Day, before);
            sql.push(" OR ");
            between(sql, UsageGrain::Day, after);
        }
    }
    sql.push(")");
}

/// When the hour, day or month begins in which a slot lies.
fn begins(slot: &str, grain: UsageGrain) -> Result<DateTime<Utc>, StorageError> {
    let slot = match grain {
        UsageGrain::Month => slot.get(..7).unwrap_or(slot),
        UsageGrain::Hour | UsageGrain::Day => slot,
    };
    known(start(slot), "usage_totals.slot")
}

/// Cells of one time and one subject as one, in the order in which they first came.
fn merged(cells: Vec<UsageCell>) -> Vec<UsageCell> {
    let mut places = std::collections::HashMap::new();
    let mut merged: Vec<UsageCell> = Vec::new();
    for cell in cells {
        let place = *places
            .entry((cell.start, cell.subject.clone()))
            .or_insert(merged.len());
        match merged.get_mut(place) {
            Some(there) => there.quantity += cell.quantity,
            None => merged.push(cell),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: &str, until: &str) -> [String; 3] {
        let period = UsagePeriod {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        };
        ranges(period).map(|(first, last)| {
            if first > last {
                String::new()
            } else {
                format!("{first}..{last}")
            }
        })
    }

    #[test]
    fn a_period_is_read_from_its_whole_months_and_the_days_around_them() {
        assert_eq!(of("2026-11-01", "2026-11-30"), ["2026-11..2026-11", "", ""]);
        assert_eq!(of("2026-11-01", "2026-11-29"), ["", "2026-11-01..2026-11-29", ""]);
        assert_eq!(of("2026-11-02", "2026-11-02"), ["", "2026-11-02..2026-11-02", ""]);
        assert_eq!(
            of("2026-01-31", "2027-02-01"),
            [
                "2026-02..2027-01",
                "2026-01-31..2026-01-31",
                "2027-02-01..2027-02-01"
            ]
        );
        assert_eq!(
            of("2026-11-30", "2026-12-31"),
            ["2026-12..2026-12", "2026-11-30..2026-11-30", ""]
        );
        assert_eq!(of("2026-10-31", "2026-11-01"), ["", "2026-10-31..2026-11-01", ""]);
    }

    #[test]
    fn slots_say_when_they_begin() {
        let times = ["2026-11-28T07", "2026-11-28", "2026-11"].map(|slot| start(slot).unwrap().to_rfc3339());
        assert_eq!(
            times,
            [
                "2026-11-28T07:00:00+00:00",
                "2026-11-28T00:00:00+00:00",
                "2026-11-01T00:00:00+00:00"
            ]
        );
        assert_eq!(start("2026-11-28T7"), None);
    }
}
