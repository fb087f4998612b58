//! Proving that the ledger, the generations, the jobs, the sums, what was spent and what was exported agree.
//!
//! Each check is one statement, so that it sees one state of everything it compares, and gives back differences alone:
//! the database reads the ledger as it sorts, and no more than a few rows of it are ever here.

use resonance_authz::{SystemGrant, system::Reconcile};
use resonance_domain::{Id, OrganizationId};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql, usage_totals};

/// Looks through the usage of organizations.
#[derive(Debug, Clone, Copy)]
pub struct UsageVerification<'a>(pub(crate) Executor<'a>);

/// Two things that should agree and do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDifference {
    /// What is wrong.
    pub what: &'static str,
    /// What it is about: a generation, a line of the ledger, or whose sum it is.
    pub subject: Uuid,
    /// What else says which one; may be empty.
    pub detail: String,
    /// The number that should be there.
    pub expected: Option<i64>,
    /// The number that is there.
    pub found: Option<i64>,
}

/// A check: what is wrong where it finds something, and a statement that finds it in the organization `$1`. Its columns: the
/// subject, a detail, the expected and the found number.
type Check = (&'static str, &'static str);

// Lines without an hour are from a time in which each told its own day.
const CHECKS: &[Check] = &[
    (
        "a generation's characters are not held on the ledger",
        "SELECT g.id, g.state, g.characters, h.quantity FROM generations g
            LEFT JOIN usage_entries h ON h.organization_id = g.organization_id AND h.metric = 'characters'
                AND h.reference_id = g.id AND h.kind = 'hold'
            WHERE g.organization_id = $1 AND (h.quantity IS NULL OR h.quantity <> g.characters)",
    ),
    (
        "a generation succeeded and is not settled as it was held",
        "SELECT g.id, g.state, g.characters, e.quantity FROM generations g
            LEFT JOIN usage_entries e ON e.organization_id = g.organization_id AND e.metric = 'characters'
                AND e.reference_id = g.id AND e.kind = 'settle'
            WHERE g.organization_id = $1 AND g.state = 'succeeded'
                AND (e.quantity IS NULL OR e.quantity <> g.characters)",
    ),
    (
        "a generation failed or was cancelled and its characters are not released",
        "SELECT g.id, g.state, g.characters, e.quantity FROM generations g
            LEFT JOIN usage_entries e ON e.organization_id = g.organization_id AND e.metric = 'characters'
                AND e.reference_id = g.id AND e.kind = 'release'
            WHERE g.organization_id = $1 AND g.state IN ('failed', 'cancelled')
                AND (e.quantity IS NULL OR e.quantity <> g.characters)",
    ),
    (
        "a generation is not finished and its characters are settled or released",
        "SELECT g.id, e.kind, 0, e.quantity FROM generations g
            JOIN usage_entries e ON e.organization_id = g.organization_id AND e.metric = 'characters'
                AND e.reference_id = g.id AND e.kind IN ('settle', 'release')
            WHERE g.organization_id = $1 AND g.state IN ('queued', 'running')",
    ),
    (
        "a generation is not finished and no job is there to finish it",
        "SELECT g.id, g.state, 1, 0 FROM generations g
            WHERE g.organization_id = $1 AND g.state IN ('queued', 'running') AND NOT EXISTS (
                SELECT 1 FROM jobs j WHERE j.queue = 'speak' AND j.subject_id = g.id AND j.organization_id = $1)",
    ),
    (
        "characters are held for a generation that is no more",
        "SELECT h.reference_id, '', 0, h.quantity FROM usage_entries h
            WHERE h.organization_id = $1 AND h.metric = 'characters' AND h.kind = 'hold'
                AND NOT EXISTS (SELECT 1 FROM usage_entries e WHERE e.organization_id = $1 AND e.metric = h.metric
                    AND e.reference_id = h.reference_id AND e.kind IN ('settle', 'release'))
                AND NOT EXISTS (SELECT 1 FROM generations g WHERE g.organization_id = $1 AND g.id = h.reference_id)",
    ),
    (
        "a line settles or releases what is not held so",
        "SELECT e.reference_id, e.kind, h.quantity, e.quantity FROM usage_entries e
            LEFT JOIN usage_entries h ON h.organization_id = e.organization_id AND h.metric = e.metric
                AND h.reference_id = e.reference_id AND h.kind = 'hold'
            WHERE e.organization_id = $1 AND e.metric = 'characters' AND e.kind IN ('settle', 'release')
                AND (h.quantity IS NULL OR h.quantity <> e.quantity
                    OR (e.hour IS NOT NULL AND h.day <> e.day)
                    OR COALESCE(h.period, '') <> COALESCE(e.period, ''))",
    ),
    (
        "what is spent is not what is held and settled",
        "SELECT id, period, SUM(expected), SUM(found) FROM (
                SELECT id, period, 0 AS expected, characters AS found FROM spending WHERE organization_id = $1
                UNION ALL SELECT CASE who.rank WHEN 1 THEN e.organization_id ELSE COALESCE(e.api_key_id, e.user_id) END,
                    COALESCE(e.period, substr(e.day, 1, 7) || '-01T00:00:00Z'),
                    CASE e.kind WHEN 'hold' THEN e.quantity ELSE -e.quantity END, 0
                FROM usage_entries e CROSS JOIN (SELECT 1 AS rank UNION ALL SELECT 2) AS who
                WHERE e.organization_id = $1 AND e.metric = 'characters' AND e.kind IN ('hold', 'release')
            ) AS sides WHERE id IS NOT NULL GROUP BY id, period HAVING SUM(expected) <> SUM(found)",
    ),
    (
        "a sum of an hour is not that of its lines",
        "SELECT id, metric || ' ' || dimension || ' ' || engine || ' ' || slot, SUM(expected), SUM(found) FROM (
                SELECT metric, dimension, slot, id, engine, 0 AS expected, quantity AS found FROM usage_totals
                WHERE organization_id = $1 AND grain = 'hour'
                UNION ALL SELECT e.metric, d.dimension, COALESCE(e.hour, e.day || 'T00'),
                    CASE d.dimension WHEN 'member' THEN CASE WHEN e.api_key_id IS NULL THEN e.user_id END
                        WHEN 'key' THEN e.api_key_id WHEN 'voice' THEN e.voice_id
                        WHEN 'engine' THEN CASE WHEN e.engine IS NOT NULL THEN e.organization_id END
                        ELSE e.organization_id END,
                    CASE d.dimension WHEN 'engine' THEN e.engine ELSE '' END, e.quantity, 0
                FROM usage_entries e CROSS JOIN (SELECT 'total' AS dimension UNION ALL SELECT 'member'
                    UNION ALL SELECT 'key' UNION ALL SELECT 'voice' UNION ALL SELECT 'engine') AS d
                WHERE e.organization_id = $1 AND e.kind = 'settle'
            ) AS sides WHERE id IS NOT NULL
            GROUP BY metric, dimension, slot, id, engine HAVING SUM(expected) <> SUM(found)",
    ),
    (
        "a sum of a day or a month is not that of its hours",
        "SELECT id, metric || ' ' || dimension || ' ' || engine || ' ' || slot, SUM(expected), SUM(found) FROM (
                SELECT metric, dimension, grain, slot, id, engine, 0 AS expected, quantity AS found FROM usage_totals
                WHERE organization_id = $1 AND grain <> 'hour'
                UNION ALL SELECT t.metric, t.dimension, g.grain, substr(t.slot, 1, g.length), t.id, t.engine,
                    t.quantity, 0
                FROM usage_totals t CROSS JOIN (SELECT 'day' AS grain, 10 AS length UNION ALL SELECT 'month', 7) AS g
                WHERE t.organization_id = $1 AND t.grain = 'hour'
            ) AS sides
            GROUP BY metric, dimension, grain, slot, id, engine HAVING SUM(expected) <> SUM(found)",
    ),
    (
        "the provider was told, or is to be told, of a line that settles nothing",
        "SELECT e.id, e.kind, 0, e.quantity FROM usage_exports x
            JOIN usage_entries e ON e.organization_id = x.organization_id AND e.id = x.id
            WHERE x.organization_id = $1 AND e.kind <> 'settle'",
    ),
    (
        "the provider refused a line for good",
        "SELECT x.id, x.refused, NULL, NULL FROM usage_exports x
            WHERE x.organization_id = $1 AND x.refused IS NOT NULL",
    ),
];

/// Where a provider is to be told of everything: what it will never be told of, though an earlier line was for it.
const UNTOLD: Check = (
    "a settled line is not on its way to the provider",
    "SELECT e.id, e.metric, e.quantity, NULL FROM usage_entries e
        WHERE e.organization_id = $1 AND e.kind = 'settle'
            AND e.id > (SELECT x.id FROM usage_exports x WHERE x.organization_id = $1 ORDER BY x.id LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM usage_exports x WHERE x.organization_id = $1 AND x.id = e.id)",
);

impl UsageVerification<'_> {
    /// Up to `limit` organizations that are not deleted, by id, those after `after`.
    ///
    /// # Errors
    /// The database's.
    pub async fn organizations(
        self,
        _grant: &SystemGrant<Reconcile>,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationId>, StorageError> {
        const PAGE: &str =
            "SELECT id FROM organizations WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or(Uuid::nil(), |after| after.as_uuid());
        let values = [after.into(), i64::from(limit).into()];
        self.0
            .rows(Sql::new(PAGE, values), |row| Ok(Id::from_uuid(at(row, 0)?)))
            .await
    }

    /// Makes the sums of an organization anew from its ledger. Nobody settles anything until the unit of work ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn mend_sums(
        self,
        _grant: &SystemGrant<Reconcile>,
        organization: OrganizationId,
    ) -> Result<(), StorageError> {
        // Whoever settles adds to the sums and waits for them, and so for this; SQLite lets in one writer at a time.
        if self.0.is_postgres() {
            self.0
                .execute("LOCK TABLE usage_totals IN SHARE ROW EXCLUSIVE MODE", [])
                .await?;
        }
        usage_totals::remake(self.0, organization).await
    }

    /// What does not agree in an organization: of each kind of difference at most `limit`. With `exported`, every line since
    /// the first that was for the provider must be for it. One statement for each kind.
    ///
    /// # Errors
    /// The database's.
    pub async fn differences(
        self,
        _grant: &SystemGrant<Reconcile>,
        organization: OrganizationId,
        exported: bool,
        limit: u32,
    ) -> Result<Vec<UsageDifference>, StorageError> {
        let mut differences = Vec::new();
        for (what, sql) in CHECKS.iter().chain(exported.then_some(&UNTOLD)) {
            let sql = format!(
                "WITH differences (subject, detail, expected, found) AS ({sql} LIMIT $2)
                 SELECT subject, detail, CAST(expected AS bigint), CAST(found AS bigint) FROM differences"
            );
            let values = [organization.as_uuid().into(), i64::from(limit).into()];
            let found = self.0.rows(Sql::new(sql, values), |row| {
                Ok(UsageDifference {
                    what,
                    subject: at(row, 0)?,
                    detail: at(row, 1)?,
                    expected: at(row, 2)?,
                    found: at(row, 3)?,
                })
            });
            differences.extend(found.await?);
        }
        Ok(differences)
    }
}
