//! What happened.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{EventId, OrganizationId};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A signed-in user.
    User,
    /// An operator of the instance.
    Operator,
    /// An organization's API key.
    ApiKey,
    /// The system itself: a job, a relay, the passing of time.
    System,
    /// Nobody known: a sign-up, a failed sign-in.
    Anonymous,
}

impl ActorKind {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::ApiKey => "api_key",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [
            Self::User,
            Self::Operator,
            Self::ApiKey,
            Self::System,
            Self::Anonymous,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The client's address.
    pub ip_address: Option<String>,
    /// The client's `User-Agent`, cut to 500 characters.
    pub user_agent: Option<String>,
}

/// The registry of event kinds: append only, one line each.
macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stored and published form, `noun.past_participle`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads the stored form.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

event_kinds! {
    /// An account was made.
    UserCreated = "user.created";
    /// An address of a user was proved.
    UserEmailVerified = "user.email_verified";
    /// A user added an address, which is not proved yet.
    UserEmailAdded = "user.email_added";
    /// A user removed an address.
    UserEmailRemoved = "user.email_removed";
    /// A user changed the name or the primary address.
    UserUpdated = "user.updated";
    /// A user set a new password, knowing the old one or by code.
    UserPasswordChanged = "user.password_changed";
    /// An operator's powers were given to a user.
    UserMadeOperator = "user.made_operator";
    /// A code was asked for.
    CodeRequested = "code.requested";
    /// Somebody tried to sign up with an address that has an account.
    SignUpRepeated = "sign_up.repeated";
    /// A session was opened.
    SessionCreated = "session.created";
    /// A session was ended by its user.
    SessionRevoked = "session.revoked";
    /// A session works in another organization from now on.
    SessionSwitched = "session.switched";
    /// An organization was created.
    OrganizationCreated = "organization.created";
    /// An organization's profile changed.
    OrganizationUpdated = "organization.updated";
    /// An organization was deleted; what remains of it is being purged.
    OrganizationDeleted = "organization.deleted";
    /// Somebody became a member.
    MembershipCreated = "membership.created";
    /// A member got another role.
    MembershipRoleChanged = "membership.role_changed";
    /// A member left or was removed.
    MembershipDeleted = "membership.deleted";
    /// An invitation was made.
    InvitationCreated = "invitation.created";
    /// An invitation was sent again.
    InvitationResent = "invitation.resent";
    /// An invitation was accepted.
    InvitationAccepted = "invitation.accepted";
    /// An invitation was declined.
    InvitationDeclined = "invitation.declined";
    /// An invitation was taken back.
    InvitationRevoked = "invitation.revoked";
    /// A custom role was made.
    RoleCreated = "role.created";
    /// A custom role was changed.
    RoleUpdated = "role.updated";
    /// A custom role was deleted.
    RoleDeleted = "role.deleted";
    /// An organization added a mail domain, which is not proved yet.
    DomainCreated = "domain.created";
    /// A code was sent to an address at a domain, to prove it.
    DomainCodeSent = "domain.code_sent";
    /// A domain was proved.
    DomainVerified = "domain.verified";
    /// A domain's way of enrolment or role changed.
    DomainUpdated = "domain.updated";
    /// A domain was removed.
    DomainDeleted = "domain.deleted";
    /// Somebody asked to join.
    MembershipRequestCreated = "membership_request.created";
    /// A request to join was accepted.
    MembershipRequestAccepted = "membership_request.accepted";
    /// A request to join was rejected.
    MembershipRequestRejected = "membership_request.rejected";
    /// Somebody took a request to join back.
    MembershipRequestWithdrawn = "membership_request.withdrawn";
    /// Somebody does not want to join an organization that their domain suggests.
    SuggestionDismissed = "suggestion.dismissed";
    /// A webhook endpoint was made.
    WebhookEndpointCreated = "webhook_endpoint.created";
    /// A webhook endpoint was changed.
    WebhookEndpointUpdated = "webhook_endpoint.updated";
    /// A webhook endpoint was deleted.
    WebhookEndpointDeleted = "webhook_endpoint.deleted";
    /// A webhook endpoint got a new secret.
    WebhookSecretRotated = "webhook_endpoint.secret_rotated";
    /// A webhook endpoint failed for so long that it gets nothing any more.
    WebhookEndpointDisabled = "webhook_endpoint.disabled";
    /// Deliveries to a webhook endpoint were asked for again.
    WebhookReplayed = "webhook_endpoint.replayed";
    /// An API key was made.
    ApiKeyCreated = "api_key.created";
    /// An API key's name, permissions, expiry, budget or voices changed.
    ApiKeyUpdated = "api_key.updated";
    /// An API key was revoked: it opens nothing any more.
    ApiKeyRevoked = "api_key.revoked";
    /// A budget was set, changed or taken away.
    BudgetUpdated = "budget.updated";
    /// Half, four fifths or all of a budget is spent.
    BudgetReached = "budget.reached";
    /// A plan was made.
    PlanCreated = "plan.created";
    /// A plan was changed.
    PlanUpdated = "plan.updated";
    /// A plan was deleted.
    PlanDeleted = "plan.deleted";
    /// An organization got another plan, or none.
    PlanAssigned = "organization.plan_assigned";
    /// The billing provider told of a subscription.
    SubscriptionUpdated = "subscription.updated";
    /// Somebody was sent to the billing provider to pay.
    CheckoutCreated = "checkout.created";
    /// Somebody was sent to the billing provider to change or end the subscription.
    BillingPortalOpened = "billing_portal.opened";
    /// Somebody tried what their role does not allow.
    AccessRefused = "access.refused";
    /// The instance's settings changed.
    InstanceUpdated = "instance.updated";
    /// A permission for services that embed the engine was registered.
    PermissionRegistered = "permission.registered";
    /// A registered permission was removed.
    PermissionRemoved = "permission.removed";
    /// An operator's powers were taken from a user.
    UserUnmadeOperator = "user.unmade_operator";
    /// A user was kept out by an operator; the sessions ended.
    UserSuspended = "user.suspended";
    /// A suspended user was let in again.
    UserRestored = "user.restored";
    /// An account was deleted.
    UserDeleted = "user.deleted";
    /// A custom voice was made.
    VoiceCreated = "voice.created";
    /// A custom voice was changed.
    VoiceUpdated = "voice.updated";
    /// A custom voice was deleted.
    VoiceDeleted = "voice.deleted";
    /// A generation was asked for.
    GenerationCreated = "generation.created";
    /// An engine began with a generation.
    GenerationStarted = "generation.started";
    /// A generation succeeded.
    GenerationSucceeded = "generation.succeeded";
    /// A generation failed.
    GenerationFailed = "generation.failed";
    /// A generation was cancelled.
    GenerationCancelled = "generation.cancelled";
    /// A generation was deleted from the history.
    GenerationDeleted = "generation.deleted";
}

/// Something that happened, written in the transaction that made it happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its identity.
    pub id: EventId,
    /// The organization in whose log it stands; `None` for the instance's own: what concerns an account or the instance.
    pub organization: Option<OrganizationId>,
    /// The event that this is a copy of, in the instance's log, of what an operator did to an organization. Nothing
    /// follows from copies.
    pub copy_of: Option<EventId>,
    /// What happened.
    pub kind: EventKind,
    /// Who acted.
    pub actor_kind: ActorKind,
    /// The actor's id, as a TypeID.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// What else a reader needs: an object whose `changes` name each changed field with its `old` and `new` value, and
    /// beside them whatever else tells what happened. Never a secret.
    pub payload: Value,
    /// Where the request came from.
    pub origin: Origin,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_stored(kind.as_str()), Some(*kind));
        }
    }
}
