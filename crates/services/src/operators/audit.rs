//! What happened, in the instance's log and in organizations' logs.

use chrono::{DateTime, Utc};
use resonance_domain::{ErrorCode, Event, EventKind, FieldError, OrganizationId, Page, PageRequest};
use resonance_persistence::{EventFilter, IdCursor, Repositories};

use super::Operators;
use crate::Outcome;

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditLog {
    /// What concerns accounts and the instance, and every act of an operator.
    Instance,
    /// What happened in an organization.
    Organization(OrganizationId),
}

/// Which events are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Kinds, such as `user.suspended`.
    pub kinds: Vec<String>,
    /// Who acted, as an id.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// The first moment.
    pub from: Option<DateTime<Utc>>,
    /// The first moment that is too late.
    pub until: Option<DateTime<Utc>>,
}

impl Operators<'_> {
    /// A page of a log, newest first. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: `INVALID` for `kinds`.
    pub async fn events(
        self,
        log: AuditLog,
        filter: &AuditFilter,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<Event>> {
        let operator = self.reading().await?;
        let filter = stored(log, filter)?;
        let events = self.0.core().database.events();
        Ok(Page::from_rows(
            page,
            events.page(&operator, &filter, page).await?,
        ))
    }

    /// How many events there are under the same filter. One statement.
    ///
    /// # Errors
    /// As [`Operators::events`].
    pub async fn count_events(self, log: AuditLog, filter: &AuditFilter) -> Outcome<u64> {
        let operator = self.reading().await?;
        let filter = stored(log, filter)?;
        Ok(self.0.core().database.events().count(&operator, &filter).await?)
    }
}

fn stored(log: AuditLog, filter: &AuditFilter) -> Outcome<EventFilter> {
    let unknown = || FieldError::new(ErrorCode::Invalid, "must be kinds of events").at("kinds");
    let kinds = filter.kinds.iter().map(|kind| EventKind::from_stored(kind));
    Ok(EventFilter {
        organization: match log {
            AuditLog::Instance => None,
            AuditLog::Organization(organization) => Some(organization),
        },
        kinds: kinds.collect::<Option<_>>().ok_or_else(unknown)?,
        actor: filter.actor.clone(),
        subject: filter.subject.clone(),
        from: filter.from,
        until: filter.until,
    })
}
