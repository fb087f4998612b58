//! Removing what is left of deleted organizations.

use resonance_authz::{SystemGrant, system::Purge};
use resonance_domain::OrganizationId;

use crate::{
    StorageError,
    executor::Executor,
    tenant::{JobOn, Opens as _},
};

/// Tables of rows that belong to organizations, children before parents, with the condition under which a row may
/// go.
///
/// INVARIANT: every table with an `organization_id` is here; a test reads the database's catalogue.
const TABLES: [(&str, &str); 18] = [
    ("webhook_deliveries", "TRUE"),
    ("webhook_endpoints", "TRUE"),
    ("membership_requests", "TRUE"),
    ("closed_enrolments", "TRUE"),
    ("organization_domains", "TRUE"),
    ("invitations", "TRUE"),
    ("memberships", "TRUE"),
    ("roles", "TRUE"),
    ("generation_search", "TRUE"),
    ("generations", "TRUE"),
    ("api_key_months", "TRUE"),
    ("api_keys", "TRUE"),
    ("voices", "TRUE"),
    ("usage_entries", "TRUE"),
    ("member_months", "TRUE"),
    // What happened is passed on first.
    ("events", "relayed_at IS NOT NULL"),
    ("audit_chains", "TRUE"),
    // A job that sweeps, or is at work, guards an upload which may still be under way; the job that purges is at work.
    ("jobs", "queue NOT IN ('sweep', 'purge') AND state <> 'running'"),
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
        for (table, may_go) in TABLES {
            let sql = format!(
                "DELETE FROM {table} WHERE organization_id = $1 AND id IN
                    (SELECT id FROM {table} WHERE organization_id = $1 AND {may_go} LIMIT $2)
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
    let left = TABLES.map(|(table, _)| {
        let but = if table == "jobs" {
            " AND queue <> 'purge'"
        } else {
            ""
        };
        format!("NOT EXISTS (SELECT 1 FROM {table} WHERE organization_id = $1{but})")
    });
    left.join(" AND ")
}
