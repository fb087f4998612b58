//! What happened, in the instance's log and in organizations' logs.

use resonance_domain::{OrganizationId, Page, PageRequest};
use resonance_persistence::{IdCursor, LoggedEvent, OpenLog, Repositories};

use super::Operators;
use crate::{AuditQuery, Outcome};

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditLog {
    /// What concerns accounts and the instance, and every act of an operator.
    Instance,
    /// What happened in an organization.
    Organization(OrganizationId),
}

impl AuditLog {
    const fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Instance => None,
            Self::Organization(organization) => Some(organization),
        }
    }
}

impl Operators<'_> {
    /// A page of a log, newest first. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: `INVALID` for `kinds`.
    pub async fn events(
        self,
        log: AuditLog,
        query: &AuditQuery,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<LoggedEvent>> {
        let operator = self.reading().await?;
        let logs = self.0.core().database.audit_logs();
        let log = OpenLog::for_operator(&operator, log.organization());
        let rows = logs.page(log, &query.filter()?, page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many events there are under the same filter. One statement.
    ///
    /// # Errors
    /// As [`Operators::events`].
    pub async fn count_events(self, log: AuditLog, query: &AuditQuery) -> Outcome<u64> {
        let operator = self.reading().await?;
        let logs = self.0.core().database.audit_logs();
        let log = OpenLog::for_operator(&operator, log.organization());
        Ok(logs.count(log, &query.filter()?).await?)
    }
}
