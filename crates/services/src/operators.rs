//! What operators of the instance do.
//!
//! Whoever is no operator gets the same answer everywhere here: there is no such thing. Every act has a reason. An act in
//! an organization is recorded twice in its transaction, in the organization's log and in the instance's.

mod audit;
mod directory;
mod engines;
mod instance;
mod members;
mod organizations;
mod plans;
mod roles;
mod staff;
mod users;

use resonance_authz::{Denied, OperatorGrant};
use resonance_domain::{EventKind, FieldErrors, OrganizationId, Reason};
use resonance_persistence::{Repositories, UnitOfWork};

use crate::{Outcome, Request, ServiceError, changes::Changes};

pub use audit::AuditLog;
pub use directory::DirectoryQuery;
pub use engines::QueueDepth;
pub use instance::UpdateInstance;
pub use organizations::{OperatorCreateOrganization, OperatorUpdateOrganization};
pub use plans::PlanTerms;

/// The use cases of operators.
#[derive(Debug, Clone, Copy)]
pub struct Operators<'a>(&'a Request);

impl Request {
    /// The use cases of operators.
    #[must_use]
    pub const fn operators(&self) -> Operators<'_> {
        Operators(self)
    }
}

impl Operators<'_> {
    /// Whether who asks is an operator at all; front ends hide everything from others. One statement in a request.
    ///
    /// # Errors
    /// `NotVisible` for everybody else, signed in or not.
    pub async fn admit(self) -> Outcome<()> {
        self.0.operator().await.map(|_| ())
    }

    /// Authority to read.
    async fn reading(self) -> Outcome<OperatorGrant> {
        Ok(OperatorGrant::of(self.0.operator().await?, ""))
    }

    /// Authority to act, from the state that the unit of work sees.
    async fn acting(self, uow: &UnitOfWork, reason: &Reason) -> Outcome<OperatorGrant> {
        let user = self.0.signed_in().map_err(|_| Denied::NotVisible)?.user;
        let record = uow.operators().record(user).await?;
        let record = record.ok_or(Denied::NotVisible)?;
        Ok(OperatorGrant::of(record, reason.as_str()))
    }

    /// Authority to act on an organization, which is held until the unit of work ends. Without a reason nothing may come
    /// of it but the list of what is wrong.
    async fn acting_in<'r>(
        self,
        uow: &UnitOfWork,
        reason: impl Into<Option<&'r Reason>>,
        organization: OrganizationId,
    ) -> Outcome<OperatorGrant> {
        let operator = match reason.into() {
            Some(reason) => self.acting(uow, reason).await?,
            None => self.reading().await?,
        };
        if uow.operators().hold(&operator, organization).await? {
            Ok(operator)
        } else {
            Err(Denied::NotVisible.into())
        }
    }

    /// Records an act; `organization` is the one in which it happened.
    fn record(
        self,
        uow: &UnitOfWork,
        operator: &OperatorGrant,
        act: (EventKind, Option<OrganizationId>, String, Changes),
    ) {
        let (kind, organization, subject, changes) = act;
        let changes = changes.with("reason", operator.reason());
        let request = self.0;
        uow.record(request.event_of_operator(operator.user(), kind, organization, subject, changes));
    }
}

/// Checks the reason of an act together with its other fields.
fn reason(errors: &mut FieldErrors, text: &str) -> Option<Reason> {
    errors.take("reason", Reason::parse(text))
}

/// Checks the reason of an act that has no other field to check.
fn only_reason(text: &str) -> Outcome<Reason> {
    Reason::parse(text).map_err(|error| ServiceError::from(error.at("reason")))
}
