//! Removing what is left of deleted organizations.

use resonance_authz::{SystemGrant, system::Purge};
use resonance_domain::OrganizationId;

use crate::{
    StorageError,
    executor::Executor,
    tenant::{JobOn, Opens as _},
};

/// The condition that a line of the ledger is not on its way to the billing provider.
const NOT_ON_ITS_WAY: &str = "NOT EXISTS (SELECT 1 FROM usage_exports x
    WHERE x.organization_id = usage_entries.organization_id AND x.id = usage_entries.id)";

/// Tables of rows that belong to organizations, children before parents, with a column of which the rows have many values,
/// and the condition under which a row may go.
///
/// INVARIANT: every table with an `organization_id` is here; a test reads the database's catalogue.
const TABLES: [(&str, &str, &str); 23] = [
    ("webhook_deliveries", "id", "TRUE"),
    ("webhook_endpoints", "id", "TRUE"),
    ("membership_requests", "id", "TRUE"),
    ("closed_enrolments", "id", "TRUE"),
    ("organization_domains", "id", "TRUE"),
    ("invitations", "id", "TRUE"),
    ("memberships", "id", "TRUE"),
    ("roles", "id", "TRUE"),
    ("generation_search", "id", "TRUE"),
    ("idempotency_keys", "key_hash", "TRUE"),
    ("generations", "id", "TRUE"),
    ("api_keys", "id", "TRUE"),
    ("voices", "id", "TRUE"),
    // What was used is told to the billing provider first.
    (
        "usage_exports",
        "id",
        "exported_at IS NOT NULL OR refused IS NOT NULL",
    ),
    ("usage_entries", "id", NOT_ON_ITS_WAY),
    ("usage_totals", "slot", "TRUE"),
    ("spending", "id", "TRUE"),
    ("budgets", "id", "TRUE"),
    ("subscriptions", "id", "TRUE"),
    ("member_months", "id", "TRUE"),
    // What happened is passed on first.
    ("events", "id", "relayed_at IS NOT NULL"),
    ("audit_chains", "id", "TRUE"),
    // A job that sweeps, or is at work, guards an upload which may still be under way; the job that purges is at work.
    (
        "jobs",
        "id",
        "queue NOT IN ('sweep', 'purge') AND state <> 'running'",
    ),
];

/// Deleted organizations, for the job that purges them. Touches none that is not deleted.
#[derive(Debug, Clone, Copy)]
pub struct Purges<'a>(pub(crate) Executor<'a>);

impl Purges<'_> {
    /// Deletes up to `limit` rows; how many those were. Nothing is left to delete when the answer is 0.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_some(
        self,
        grant: &SystemGrant<Purge>,
        organization: OrganizationId,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let organization = JobOn(grant, organization).opened().as_uuid();
        for (table, column, may_go) in TABLES {
            let sql = format!(
                "DELETE FROM {table} WHERE organization_id = $1 AND {column} IN
                    (SELECT {column} FROM {table} WHERE organization_id = $1 AND ({may_go}) LIMIT $2)
                 AND EXISTS (SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NOT NULL)"
            );
            let values = [organization.into(), i64::from(limit).into()];
            let deleted = self.0.execute(&sql, values).await?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        Ok(0)
    }

    /// Whether no row belongs to the organization any more, but its own and the job that purges it.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_bare(
        self,
        grant: &SystemGrant<Purge>,
        organization: OrganizationId,
    ) -> Result<bool, StorageError> {
        let organization = JobOn(grant, organization).opened().as_uuid();
        let sql = format!("SELECT 1 WHERE {}", bare());
        Ok(self
            .0
            .one(&sql, [organization.into()], |_| Ok(()))
            .await?
            .is_some())
    }

    /// Deletes the organization's own row, if nothing else is left; whether there is no such row now.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(
        self,
        grant: &SystemGrant<Purge>,
        organization: OrganizationId,
    ) -> Result<bool, StorageError> {
        let organization = JobOn(grant, organization).opened().as_uuid();
        let delete = format!(
            "DELETE FROM organizations WHERE id = $1 AND deleted_at IS NOT NULL AND {}",
            bare()
        );
        self.0.execute(&delete, [organization.into()]).await?;
        const LEFT: &str = "SELECT 1 FROM organizations WHERE id = $1";
        Ok(self
            .0
            .one(LEFT, [organization.into()], |_| Ok(()))
            .await?
            .is_none())
    }
}

/// The condition that no table holds a row of the organization `$1`.
fn bare() -> String {
    let left = TABLES.map(|(table, ..)| {
        let but = if table == "jobs" {
            " AND queue <> 'purge'"
        } else {
            ""
        };
        format!("NOT EXISTS (SELECT 1 FROM {table} WHERE organization_id = $1{but})")
    });
    left.join(" AND ")
}
