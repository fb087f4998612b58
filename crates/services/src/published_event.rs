//! Events as they leave the instance: the same in webhooks, in the feed and in the live subscription.
//!
//! ```json
//! {
//!   "version": 1,
//!   "id": "evt_01j…",
//!   "type": "membership.role_changed",
//!   "timestamp": "2026-11-22T07:00:00.123456Z",
//!   "organizationId": "org_01j…",
//!   "actor": { "kind": "user", "id": "user_01j…" },
//!   "subject": { "id": "mem_01j…" },
//!   "data": { "role": { "old": "org:member", "new": "org:admin" } }
//! }
//! ```
//!
//! `version` is 1 as long as fields are only added. `actor.id` and `subject.id` are null where there is none. `data`
//! depends on the type: the values of what is new, old and new ones of what changed. It never holds a secret, nor where
//! a request came from. What a generation says is not published either, only how it fares: its text and its audio are
//! read where one may read them.

use chrono::{DateTime, SecondsFormat, Utc};
use resonance_authz::{Permission, PermissionSet};
use resonance_domain::{ActorKind, Event, EventId, EventKind, OrganizationId};
use serde_json::{Value, json};

/// The version of the published form.
pub const PUBLISHED_EVENT_VERSION: u32 = 1;

/// What a published generation event may tell; all else of its record stays inside.
const OF_GENERATIONS: &[&str] = &[
    "attempt",
    "bytes",
    "characters",
    "code",
    "durationMs",
    "format",
    "message",
    "state",
    "voice",
    "voiceName",
];

/// What the record keeps for the instance's own purposes, whatever the kind.
const INTERNAL: &[&str] = &["admins"];

/// Who may see events of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventVisibility {
    /// Nobody: the kind is the instance's, or an account's own.
    Unpublished,
    /// Every member.
    Members,
    /// Members with this permission.
    Permitted(Permission),
}

/// Who may see events of `kind`. Whoever manages webhooks may have every published event sent, and so may see them all.
#[must_use]
pub const fn event_visibility(kind: EventKind) -> EventVisibility {
    use EventKind as K;
    use EventVisibility::{Members, Permitted, Unpublished};
    match kind {
        K::UserCreated
        | K::UserEmailVerified
        | K::UserEmailAdded
        | K::UserEmailRemoved
        | K::UserUpdated
        | K::UserPasswordChanged
        | K::UserMadeOperator
        | K::UserUnmadeOperator
        | K::UserSuspended
        | K::UserRestored
        | K::UserDeleted
        | K::CodeRequested
        | K::SignUpRepeated
        | K::SessionCreated
        | K::SessionRevoked
        | K::SessionSwitched
        | K::InstanceUpdated
        | K::PermissionRegistered
        | K::PermissionRemoved
        | K::PlanCreated
        | K::PlanUpdated
        | K::PlanDeleted
        // What somebody does not want to join is theirs alone.
        | K::SuggestionDismissed => Unpublished,
        K::OrganizationCreated | K::OrganizationUpdated | K::OrganizationDeleted => Members,
        K::MembershipCreated | K::MembershipRoleChanged | K::MembershipDeleted => {
            Permitted(Permission::MembershipsRead)
        }
        // They hold addresses of people who are no members.
        K::InvitationCreated
        | K::InvitationResent
        | K::InvitationAccepted
        | K::InvitationDeclined
        | K::InvitationRevoked
        | K::MembershipRequestCreated
        | K::MembershipRequestAccepted
        | K::MembershipRequestRejected
        | K::MembershipRequestWithdrawn => Permitted(Permission::MembershipsManage),
        K::RoleCreated | K::RoleUpdated | K::RoleDeleted => Permitted(Permission::RolesManage),
        K::DomainCreated | K::DomainCodeSent | K::DomainVerified | K::DomainUpdated | K::DomainDeleted => {
            Permitted(Permission::DomainsRead)
        }
        K::WebhookEndpointCreated
        | K::WebhookEndpointUpdated
        | K::WebhookEndpointDeleted
        | K::WebhookSecretRotated
        | K::WebhookEndpointDisabled
        | K::WebhookReplayed => Permitted(Permission::WebhooksManage),
        K::ApiKeyCreated | K::ApiKeyUpdated | K::ApiKeyRevoked => Permitted(Permission::ApiKeysRead),
        K::BudgetUpdated | K::PlanAssigned | K::SubscriptionUpdated | K::CheckoutCreated | K::BillingPortalOpened => {
            Permitted(Permission::BillingRead)
        }
        K::BudgetReached => Permitted(Permission::UsageRead),
        K::AccessRefused => Permitted(Permission::AuditRead),
        K::VoiceCreated | K::VoiceUpdated | K::VoiceDeleted => Permitted(Permission::VoicesRead),
        K::GenerationCreated
        | K::GenerationStarted
        | K::GenerationSucceeded
        | K::GenerationFailed
        | K::GenerationCancelled
        | K::GenerationDeleted => Permitted(Permission::GenerationsRead),
    }
}

/// Whether events of `kind` are published at all.
pub(crate) fn is_published(kind: EventKind) -> bool {
    event_visibility(kind) != EventVisibility::Unpublished
}

/// Whether somebody with these permissions may see events of `kind`.
pub(crate) fn may_see(permissions: PermissionSet, kind: EventKind) -> bool {
    match event_visibility(kind) {
        EventVisibility::Unpublished => false,
        EventVisibility::Members => true,
        EventVisibility::Permitted(permission) => {
            permissions.contains(permission) || permissions.contains(Permission::WebhooksManage)
        }
    }
}

/// An event as it leaves the instance.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedEvent {
    /// Its identity: the same wherever and however often it is told.
    pub id: EventId,
    /// What happened.
    pub kind: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Where.
    pub organization: OrganizationId,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor: Option<String>,
    /// What it happened to.
    pub subject: Option<String>,
    /// What else there is to know; an object.
    pub data: Value,
}

impl PublishedEvent {
    /// The published form; `None` for what is not published.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let organization = event.organization.filter(|_| is_published(event.kind))?;
        Some(Self {
            id: event.id,
            kind: event.kind.as_str().to_owned(),
            timestamp: event.created_at,
            organization,
            actor_kind: event.actor_kind,
            actor: event.actor.clone(),
            subject: event.subject.clone(),
            data: data(event),
        })
    }

    /// The document; see the module.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "version": PUBLISHED_EVENT_VERSION,
            "id": self.id.type_id(),
            "type": self.kind,
            "timestamp": self.timestamp.to_rfc3339_opts(SecondsFormat::Micros, true),
            "organizationId": self.organization.type_id(),
            "actor": { "kind": self.actor_kind.as_str(), "id": self.actor },
            "subject": { "id": self.subject },
            "data": self.data,
        })
    }
}

fn data(event: &Event) -> Value {
    let mut data = event.payload.clone();
    if let Some(fields) = data.as_object_mut() {
        if let Some(Value::Object(changes)) = fields.remove("changes") {
            for (field, values) in changes {
                // What is new, or no more, has one value.
                let value = match (&values["old"], &values["new"]) {
                    (Value::Null, one) | (one, Value::Null) => one.clone(),
                    _ => values,
                };
                fields.insert(field, value);
            }
        }
        let of_generation = event.kind.as_str().starts_with("generation.");
        fields.retain(|field, _| {
            !INTERNAL.contains(&field.as_str())
                && (!of_generation || OF_GENERATIONS.contains(&field.as_str()))
        });
    }
    data
}

#[cfg(test)]
mod tests {
    use resonance_domain::{Id, Origin};
    use uuid::Uuid;

    use super::*;

    fn event(kind: EventKind, payload: Value) -> Event {
        Event {
            id: Id::from_uuid(Uuid::from_u128(1)),
            organization: Some(Id::from_uuid(Uuid::from_u128(2))),
            copy_of: None,
            kind,
            actor_kind: ActorKind::User,
            actor: Some("user_1".into()),
            subject: Some("mem_1".into()),
            payload,
            origin: Origin {
                ip_address: Some("192.0.2.7".into()),
                user_agent: Some("Firefox".into()),
            },
            created_at: DateTime::from_timestamp(1, 500_000_000).unwrap(),
        }
    }

    #[test]
    fn the_published_form_is_this_one() {
        let published = PublishedEvent::of(&event(
            EventKind::MembershipCreated,
            json!({ "role": "org:admin" }),
        ));
        assert_eq!(
            published.unwrap().to_json(),
            json!({
                "version": 1,
                "id": "evt_00000000000000000000000001",
                "type": "membership.created",
                "timestamp": "1970-01-01T00:00:01.500000Z",
                "organizationId": "org_00000000000000000000000002",
                "actor": { "kind": "user", "id": "user_1" },
                "subject": { "id": "mem_1" },
                "data": { "role": "org:admin" },
            })
        );
    }

    #[test]
    fn what_is_an_accounts_or_the_instances_is_never_published() {
        for kind in EventKind::ALL {
            let noun = kind.as_str().split('.').next().unwrap();
            let inside = ["user", "code", "sign_up", "session", "instance", "permission"].contains(&noun);
            if inside {
                assert!(!is_published(*kind), "{}", kind.as_str());
                assert_eq!(PublishedEvent::of(&event(*kind, json!({}))), None);
            }
        }
        let nobodys = Event {
            organization: None,
            ..event(EventKind::OrganizationDeleted, json!({}))
        };
        assert_eq!(PublishedEvent::of(&nobodys), None);
    }

    #[test]
    fn what_a_generation_says_stays_inside_and_so_do_lists_for_our_own_mails() {
        let spoken = json!({ "text": "Secret.", "characters": 7, "input": { "text": "Secret." } });
        let published = PublishedEvent::of(&event(EventKind::GenerationCreated, spoken)).unwrap();
        assert_eq!(published.data, json!({ "characters": 7 }));
        let disabled = json!({ "reason": "gone", "admins": ["user_1"] });
        let published = PublishedEvent::of(&event(EventKind::WebhookEndpointDisabled, disabled)).unwrap();
        assert_eq!(published.data, json!({ "reason": "gone" }));
    }

    #[test]
    fn a_member_sees_what_the_permissions_allow_and_who_manages_webhooks_sees_all() {
        let members = PermissionSet::of(&[Permission::VoicesRead]);
        assert!(
            may_see(members, EventKind::VoiceCreated) && may_see(members, EventKind::OrganizationUpdated)
        );
        assert!(!may_see(members, EventKind::InvitationCreated));
        let manager = PermissionSet::of(&[Permission::WebhooksManage]);
        for kind in EventKind::ALL {
            assert_eq!(may_see(manager, *kind), is_published(*kind));
        }
    }
}
