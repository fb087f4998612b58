//! Events as they are made: signed, and in every log that they belong in.

use resonance_authz::Actor;
use resonance_domain::{
    ActorKind, AuditRecord, Event, EventKind, IdsExt, InOrg, OrganizationId, Origin, UserId,
};
use resonance_persistence::NewEvent;
use serde_json::Value;

use crate::{Request, core::Core};

impl Core {
    /// An event of the system's own doing, happening now.
    pub(crate) fn event(
        &self,
        kind: EventKind,
        organization: Option<OrganizationId>,
        subject: impl Into<Option<String>>,
        payload: impl Into<Value>,
    ) -> NewEvent {
        self.signed(Event {
            id: self.ids.next(),
            organization,
            copy_of: None,
            kind,
            actor_kind: ActorKind::System,
            actor: None,
            subject: subject.into(),
            payload: payload.into(),
            origin: Origin::default(),
            created_at: self.clock.now(),
        })
    }

    /// Signs an event. What an operator does to an organization is written to the instance's log, too, which outlives
    /// the organization's; the copy's payload names the organization.
    pub(crate) fn signed(&self, event: Event) -> NewEvent {
        let copy = event
            .organization
            .filter(|_| event.actor_kind == ActorKind::Operator)
            .map(|organization| {
                let mut payload = event.payload.clone();
                if let Some(fields) = payload.as_object_mut() {
                    fields.insert("organization".to_owned(), organization.type_id().into());
                }
                Box::new(self.signed(Event {
                    id: self.ids.next(),
                    organization: None,
                    copy_of: Some(event.id),
                    payload,
                    ..event.clone()
                }))
            });
        NewEvent {
            mac: self.audit.sign(&AuditRecord::from(&event).canonical()),
            event,
            copy,
        }
    }
}

impl Request {
    /// An event of this request's actor, happening now.
    pub(crate) fn event(
        &self,
        kind: EventKind,
        organization: Option<OrganizationId>,
        subject: impl Into<Option<String>>,
        payload: impl Into<Value>,
    ) -> NewEvent {
        let actor = match self.actor() {
            Actor::Anonymous => (ActorKind::Anonymous, None),
            Actor::User(signed_in) => (ActorKind::User, Some(signed_in.user.type_id())),
            Actor::ApiKey(holder) => {
                let key = InOrg::new(holder.organization, holder.key);
                (ActorKind::ApiKey, Some(key.global_id()))
            }
        };
        self.event_by(actor, kind, organization, subject, payload)
    }

    /// The same, of `user`, who just proved to be that.
    pub(crate) fn event_of(
        &self,
        user: UserId,
        kind: EventKind,
        subject: impl Into<Option<String>>,
        payload: impl Into<Value>,
    ) -> NewEvent {
        self.event_by(
            (ActorKind::User, Some(user.type_id())),
            kind,
            None,
            subject,
            payload,
        )
    }

    /// The same, of `user` as an operator of the instance: in the organization's log, if there is one, and in the
    /// instance's.
    pub(crate) fn event_of_operator(
        &self,
        user: UserId,
        kind: EventKind,
        organization: Option<OrganizationId>,
        subject: impl Into<Option<String>>,
        payload: impl Into<Value>,
    ) -> NewEvent {
        let actor = (ActorKind::Operator, Some(user.type_id()));
        self.event_by(actor, kind, organization, subject, payload)
    }

    fn event_by(
        &self,
        (actor_kind, actor): (ActorKind, Option<String>),
        kind: EventKind,
        organization: Option<OrganizationId>,
        subject: impl Into<Option<String>>,
        payload: impl Into<Value>,
    ) -> NewEvent {
        let core = self.core();
        core.signed(Event {
            id: core.ids.next(),
            organization,
            copy_of: None,
            kind,
            actor_kind,
            actor,
            subject: subject.into(),
            payload: payload.into(),
            origin: self.origin().clone(),
            created_at: core.clock.now(),
        })
    }
}
