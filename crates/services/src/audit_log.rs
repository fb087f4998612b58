//! The audit log: reading it, handing it out, verifying it.

use chrono::{DateTime, Utc};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use resonance_authz::{Grant, ReadAudit, SystemGrant, system::Audit};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, OrganizationId, Page, PageRequest, Slug,
};
use resonance_persistence::{AuditFilter, IdCursor, LoggedEvent, OpenLog, Repositories};
use uuid::Uuid;

use crate::{
    AuditVerification, KnownLink, Outcome, Request, ServiceError, Services, audit_verification::verify,
    limits::AUDIT_VERIFICATIONS, refusals::Attempt,
};

/// Entries that are handed out at a time.
const BATCH: u32 = 500;

/// Which entries are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// What happened, such as `voice.created`; nothing in it means anything.
    pub kinds: Vec<String>,
    /// Who acted, as an id.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

impl AuditQuery {
    pub(crate) fn filter(&self) -> Outcome<AuditFilter> {
        let mut errors = FieldErrors::default();
        let mut kinds = Vec::new();
        for kind in &self.kinds {
            let known = EventKind::from_stored(kind)
                .ok_or_else(|| FieldError::new(ErrorCode::Invalid, "must be a kind such as voice.created"));
            if let Some(kind) = errors.take("kinds", known)
                && !kinds.contains(&kind)
            {
                kinds.push(kind);
            }
        }
        errors.finish()?;
        // PostgreSQL takes no NUL; nothing is named by one.
        let id = |id: &Option<String>| id.as_ref().map(|id| id.replace('\0', "\u{fffd}"));
        Ok(AuditFilter {
            kinds,
            actor: id(&self.actor),
            subject: id(&self.subject),
            from: self.from,
            to: self.to,
        })
    }
}

/// The use cases of the audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditLogs<'a>(&'a Request);

impl Request {
    /// The use cases of the audit log.
    #[must_use]
    pub const fn audit_log(&self) -> AuditLogs<'_> {
        AuditLogs(self)
    }
}

impl AuditLogs<'_> {
    /// A page of an organization's log, newest first. Requires `org:sys_audit:read`. One statement.
    ///
    /// # Errors
    /// Denials. Refusals: `INVALID` for `kinds`.
    pub async fn list(
        self,
        organization: OrganizationId,
        query: &AuditQuery,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<LoggedEvent>> {
        let grant = self.0.grant::<ReadAudit>(organization).await?;
        let logs = self.0.core().database.audit_logs();
        let rows = logs.page(OpenLog::of(&grant), &query.filter()?, page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many entries those are. Requires `org:sys_audit:read`. One statement.
    ///
    /// # Errors
    /// As [`AuditLogs::list`].
    pub async fn count(self, organization: OrganizationId, query: &AuditQuery) -> Outcome<u64> {
        let grant = self.0.grant::<ReadAudit>(organization).await?;
        let logs = self.0.core().database.audit_logs();
        Ok(logs.count(OpenLog::of(&grant), &query.filter()?).await?)
    }

    /// Verifies an organization's log from its beginning to its end: every signature, every link, and that the link
    /// which the caller knows is among them. Requires `org:sys_audit:read`.
    ///
    /// # Errors
    /// Denials; `RateLimited` (60 an hour for an organization).
    pub async fn verify(
        self,
        organization: Option<OrganizationId>,
        known: Option<&KnownLink>,
    ) -> Outcome<AuditVerification> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(organization)?;
        let grant = request.grant::<ReadAudit>(organization).await;
        let attempt = Attempt::in_organization("verifyAuditLog", organization);
        let grant = request.noting(attempt, grant).await?;
        let key = format!("audit-verification:{}", organization.type_id());
        core.throttle(&[(key, AUDIT_VERIFICATIONS)]).await?;
        verify(core, OpenLog::of(&grant), known).await
    }

    /// The organization's log in the order in which it happened, some entries at a time. Requires
    /// `org:sys_audit:read`, which is asked for anew before each read: the stream ends with the membership, the session
    /// and the permission that it rests on.
    ///
    /// # Errors
    /// Denials. The stream's items: denials, and the database's.
    pub async fn export(
        self,
        organization: OrganizationId,
        query: &AuditQuery,
    ) -> Outcome<BoxStream<'static, Outcome<Vec<LoggedEvent>>>> {
        let export = Export {
            request: self.0.clone(),
            organization,
            filter: query.filter()?,
            after: None,
            ended: false,
        };
        // Whoever may not read at all is told so before the first byte.
        let _ = export.grant().await?;
        Ok(stream::try_unfold(export, Export::next).boxed())
    }
}

/// An export under way.
struct Export {
    request: Request,
    organization: OrganizationId,
    filter: AuditFilter,
    after: Option<Uuid>,
    ended: bool,
}

impl Export {
    async fn grant(&self) -> Outcome<Grant<ReadAudit>> {
        let core = self.request.core();
        let (me, now) = (self.request.signed_in()?, core.clock.now());
        let standings = core.database.standings();
        Ok(standings.of_session(me, self.organization, now).await?.grant()?)
    }

    async fn next(mut self) -> Outcome<Option<(Vec<LoggedEvent>, Self)>> {
        if self.ended {
            return Ok(None);
        }
        let grant = self.grant().await?;
        let logs = self.request.core().database.audit_logs();
        let rows = logs.onward(&grant, &self.filter, self.after, BATCH).await?;
        self.after = rows.last().map(|row| row.id.as_uuid());
        self.ended = rows.len() < BATCH as usize;
        Ok((!rows.is_empty()).then_some((rows, self)))
    }
}

impl Services {
    /// Verifies any log, or the instance's own: for the command line, where whoever runs it has the database anyway.
    ///
    /// # Errors
    /// The database's.
    pub async fn verify_audit_log(
        &self,
        log: Option<OrganizationId>,
        known: Option<&KnownLink>,
    ) -> Outcome<AuditVerification> {
        let grant = SystemGrant::<Audit>::for_job();
        verify(self.core(), OpenLog::any(&grant, log), known).await
    }

    /// The organizations that have logs, some at a time, behind `after`: for the command line.
    ///
    /// # Errors
    /// The database's.
    pub async fn audited_organizations(&self, after: Option<OrganizationId>) -> Outcome<Vec<OrganizationId>> {
        let grant = SystemGrant::<Audit>::for_job();
        let logs = self.core().database.audit_logs();
        Ok(logs.organizations(&grant, after, BATCH).await?)
    }

    /// The organization with this id or slug: for the command line.
    ///
    /// # Errors
    /// `NOT_FOUND`, or the database's.
    pub async fn audited_organization(&self, name: &str) -> Outcome<OrganizationId> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let grant = SystemGrant::<Audit>::for_job();
        let found = match Slug::parse(name) {
            Ok(slug) => {
                let logs = self.core().database.audit_logs();
                logs.organization_by_slug(&grant, &slug).await?
            }
            Err(_) => None,
        };
        found.ok_or_else(|| {
            let message = "there is no organization with this id or slug";
            ServiceError::from(FieldError::new(ErrorCode::NotFound, message).at("organization"))
        })
    }
}
