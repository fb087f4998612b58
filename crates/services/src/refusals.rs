//! Refused attempts to change something, on record.

use chrono::TimeDelta;
use resonance_authz::{Actor, Denied, ReadOrganization};
use resonance_domain::{ErrorCode, EventKind, InOrg, OrganizationId};
use resonance_persistence::{Repositories, StorageError, Throttle, UnitOfWork};

use crate::{Outcome, Request, ServiceError, changes::Changes};

/// Refusals of one user that are recorded; of more, only that many.
const RECORDED: Throttle = Throttle {
    limit: 60,
    per: TimeDelta::hours(1),
};

/// What somebody tries to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    operation: &'static str,
    organization: Option<OrganizationId>,
    target: Option<String>,
}

impl Attempt {
    /// An attempt on a thing of an organization; `operation` is the name of the mutation.
    pub(crate) fn on(operation: &'static str, organization: OrganizationId, target: String) -> Self {
        Self {
            operation,
            organization: Some(organization),
            target: Some(target),
        }
    }

    /// An attempt on an organization as a whole.
    pub(crate) fn in_organization(operation: &'static str, organization: OrganizationId) -> Self {
        Self::on(operation, organization, organization.type_id())
    }

    /// An attempt on a thing whose organization only the thing tells, such as an invitation. A secret that was
    /// presented is no target: it is not kept.
    pub(crate) const fn on_any(operation: &'static str, target: Option<String>) -> Self {
        Self {
            operation,
            organization: None,
            target,
        }
    }
}

impl Request {
    /// Changes something in one transaction, as [`resonance_persistence::Database::atomically`] does. If it is refused
    /// for want of a permission, that is recorded in the organization's log; if it was tried on what the actor must not
    /// know of, in the instance's.
    pub(crate) async fn attempt<T>(
        &self,
        attempt: Attempt,
        work: impl AsyncFnOnce(&UnitOfWork) -> Outcome<T> + Send,
    ) -> Outcome<T> {
        // In a box, as the types of what resolvers await would nest too deeply.
        let outcome = Box::pin(self.core().database.atomically(work)).await;
        self.noting(attempt, outcome).await
    }

    /// Records the refusal, if `outcome` is one that is recorded; returns the outcome as it is, whatever becomes of the
    /// record.
    pub(crate) async fn noting<T>(&self, attempt: Attempt, outcome: Outcome<T>) -> Outcome<T> {
        if let Err(error) = &outcome
            && let Some(refusal) = Refusal::of(error, &attempt)
        {
            // In a box, as its state would make that of every use case larger.
            if let Err(error) = Box::pin(self.note(attempt, refusal)).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "recording a refusal failed"
                );
            }
        }
        outcome
    }

    async fn note(&self, attempt: Attempt, refusal: Refusal) -> Outcome<()> {
        let me = match self.actor() {
            Actor::Anonymous => return Ok(()),
            Actor::User(signed_in) => signed_in.user.type_id(),
            Actor::ApiKey(holder) => InOrg::new(holder.organization, holder.key).global_id(),
        };
        let Attempt {
            operation,
            organization,
            target,
        } = attempt;
        let log = match refusal {
            // A member of the organization only did not find something in it.
            Refusal::Hidden => match organization {
                Some(organization) if self.is_member(organization).await? => return Ok(()),
                _ => None,
            },
            _ => organization,
        };
        let core = self.core();
        let key = format!("refusals:{me}");
        let now = core.clock.now();
        // Whoever tries on and on costs a look, and no transaction.
        if core
            .database
            .throttles()
            .check(&key, RECORDED, now)
            .await?
            .is_err()
        {
            return Ok(());
        }
        let mut payload = Changes::default()
            .with("operation", operation)
            .with("code", refusal.code());
        if let Refusal::Lacking(missing) = refusal {
            payload = payload.with("missing", missing);
        }
        if let (None, Some(organization)) = (log, organization) {
            payload = payload.with("organization", organization.type_id());
        }
        let event = self.event(EventKind::AccessRefused, log, target, payload);
        core.database
            .atomically(async |uow| {
                if uow.throttles().take(&key, RECORDED, 1, now).await?.is_ok() {
                    uow.record(event);
                }
                Ok::<_, StorageError>(())
            })
            .await?;
        Ok(())
    }

    async fn is_member(&self, organization: OrganizationId) -> Outcome<bool> {
        match self.grant::<ReadOrganization>(organization).await {
            Ok(_) => Ok(true),
            Err(ServiceError::Denied(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A refusal that is recorded.
enum Refusal {
    /// For want of this permission.
    Lacking(&'static str),
    /// For want of a permission of the role that was to be given.
    Exceeding,
    /// As somebody else must decide about it.
    Own,
    /// It is not there, or must not be known to be.
    Hidden,
}

impl Refusal {
    fn of(error: &ServiceError, attempt: &Attempt) -> Option<Self> {
        match error {
            ServiceError::Denied(Denied::Forbidden { missing }) => Some(Self::Lacking(missing.key())),
            ServiceError::Denied(Denied::NotVisible) => Some(Self::Hidden),
            ServiceError::Refused(errors) => {
                let holds = |code| errors.iter().any(|error| error.code == code);
                if holds(ErrorCode::RoleExceedsOwn) {
                    Some(Self::Exceeding)
                } else if holds(ErrorCode::OwnRequest) {
                    Some(Self::Own)
                } else if attempt.organization.is_none() && holds(ErrorCode::NotFound) {
                    Some(Self::Hidden)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Lacking(_) => "FORBIDDEN",
            Self::Exceeding => "ROLE_EXCEEDS_OWN",
            Self::Own => "OWN_REQUEST",
            Self::Hidden => "NOT_FOUND",
        }
    }
}
