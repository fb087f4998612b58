//! The use cases of Resonance.
//!
//! A front end builds one [`Services`], and for every request a [`Request`] that says who asks and from where. The
//! request's rooms ([`Request::organizations`] and the others) hold the use cases, one method each. A use case parses
//! its input, authorises, loads what the rule needs, lets the domain decide, and writes the change together with its
//! event in one transaction. Workers ([`Services::run`]) do what is left for later: mails, speaking, purging.
//!
//! This crate never knows SQL, GraphQL or HTTP, and never hands a grant to a front end.

mod accounts;
mod activity;
mod ambient;
mod api_keys;
mod audit_chain;
mod audit_log;
mod audit_verification;
mod authentication;
mod background;
mod billing;
mod blob_verification;
mod catalogue;
mod changes;
mod codes;
mod core;
mod delivery;
mod domain_proofs;
mod ear;
mod email_addresses;
mod enrolments;
mod error;
mod event_feed;
mod events;
mod founding;
mod generations;
mod hashing;
mod instance;
mod invitations;
mod jwt;
mod letters;
mod limits;
mod logo;
mod mailing;
mod membership_requests;
mod memberships;
mod operators;
mod organization_domains;
mod organizations;
mod password;
mod previews;
mod profile;
mod published_event;
mod purge;
mod readiness;
mod received_invitations;
mod recording;
mod refusals;
mod relay;
mod request;
mod roles;
mod sessions;
mod sign_in;
mod sign_up;
mod speaking;
mod sweep;
mod throttling;
mod together;
mod token;
mod usage;
mod usage_verification;
mod voices;
mod webhooks;
mod worker;

pub use self::core::{AssemblyError, Ports, Services, Settings};
pub use accounts::{Accounts, OpenedSession};
pub use ambient::{SystemClock, SystemIds};
pub use api_keys::{ApiKeys, CreateApiKey, CreatedApiKey, UpdateApiKey};
pub use audit_log::{AuditLogs, AuditQuery};
pub use audit_verification::{AuditDifference, AuditDifferenceKind, AuditVerification, KnownLink};
pub use authentication::Account;
pub use billing::{
    Billing, BillingState, Estimate, Invoice, Quota, QuotaExceeded, SetBudget, WebhookOutcome,
};
pub use blob_verification::{BlobDifference, BlobVerification};
pub use delivery::Delivery;
pub use email_addresses::EmailAddresses;
pub use enrolments::Enrolments;
pub use error::{Outcome, Refusal, ServiceError};
pub use event_feed::{EventPage, FedPublishedEvent};
pub use founding::CreateOrganization;
pub use generations::{
    Archive, CreateGeneration, CreatedGeneration, Generations, Hearing, HistoryChange, Idempotency,
    LiveAudio, SettingsInput, Speech, SubtitleFormat,
};
pub use instance::InstanceSecretError;
pub use invitations::{Invitations, InviteMembers, InviteOutcome};
pub use jwt::Jwt;
pub use logo::Picture;
pub use membership_requests::MembershipRequests;
pub use memberships::{MemberQuery, Memberships};
pub use operators::{
    AuditLog, DirectoryQuery, OperatorCreateOrganization, OperatorUpdateOrganization, Operators, PlanTerms,
    QueueDepth, UpdateInstance,
};
pub use organization_domains::{AddDomain, OrganizationDomains, UpdateDomain};
pub use organizations::Organizations;
pub use password::PendingPasswordReset;
pub use profile::UpdateOrganization;
pub use published_event::{EventVisibility, PUBLISHED_EVENT_VERSION, PublishedEvent, event_visibility};
pub use readiness::{Check, EngineReport};
pub use received_invitations::InvitationKey;
pub use request::Request;
pub use resonance_blobs::{BlobError, ReadMethod};
pub use resonance_identity::SignedQuery;
pub use resonance_images::MAX_LOGO_BYTES;
pub use resonance_persistence::UsageDifference;
pub use resonance_persistence::{
    CustomRole, DirectoryOrganization, DirectoryUser, EnrolmentOffer, FeedCursor, IdCursor, LoggedEvent,
    Member, OperatorEntry, ReceivedInvitation, ReceivedMembershipRequest, RegisteredPermission,
    SentMembershipRequest, TextCursor, ViewedOrganization,
};
pub use resonance_speech::engine::Capabilities;
pub use roles::{
    CreateRole, InstanceRoles, NewRole, RegisterPermission, Role, RoleChanges, Roles, UpdateRole,
};
pub use sessions::Sessions;
pub use sign_up::{NewSignUp, PendingSignUp, SignedUp};
pub use token::{API_KEY_TOKEN, INVITATION_TOKEN, SESSION_TOKEN};
pub use usage::{
    EngineUsage, KeyUsage, MemberUsage, Usage, UsageCell, UsageDimension, UsagePeriod, VoiceUsage,
};
pub use usage_verification::UsageReport;
pub use voices::{Attestation, CreateVoice, UpdateVoice, Voices};
pub use webhooks::{CreateWebhookEndpoint, UpdateWebhookEndpoint, Webhooks};
