//! Storage for Resonance on SQLite and PostgreSQL, behind proofs of permission.
//!
//! A [`Database`] gives repositories for reading; [`Database::atomically`] gives a [`UnitOfWork`] whose repositories
//! also write, all in one transaction with the events and jobs that belong to the change. Every method that touches
//! a tenant's rows takes a [`Grant`](resonance_authz::Grant) and finds the organization in it.
//!
//! This crate never knows a rule of the product (services decide), GraphQL or HTTP. sea-orm stays inside: no
//! signature names it.

mod activity;
mod api_key;
mod audit_chain;
mod audit_log;
mod connection;
mod database;
mod directory;
mod enrolment;
mod entity;
mod error;
mod event;
mod event_feed;
mod executor;
mod generation;
mod idempotency_key;
mod instance;
mod instance_role;
mod invitation;
mod job;
mod live;
mod membership;
mod membership_request;
mod object_name;
mod object_owner;
mod operator;
mod organization;
mod organization_domain;
mod page;
mod plan;
mod pool;
mod population;
mod purge;
mod raw;
mod read_rows;
mod received_invitation;
mod role;
mod sent_membership_request;
mod session;
mod sign_up;
mod speaking;
mod spending;
mod standing;
mod statement_count;
mod subscription;
mod system_voice;
mod tenant;
mod throttle;
mod unit_of_work;
mod usage;
mod usage_export;
mod usage_totals;
mod usage_verification;
mod user;
mod user_email;
mod user_end;
mod verification_code;
mod voice;
mod voice_list;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_sending;

pub use activity::{ActedMember, Activity};
pub use api_key::{ApiKeys, OpenKey};
pub use audit_chain::{AuditChains, ChainHead};
pub use audit_log::{AuditFilter, AuditLogs, OpenLog};
pub use database::{Database, DatabaseOptions, DatabaseUrl, DatabaseUrlError};
pub use directory::{Directory, DirectoryFilter, DirectoryOrganization, DirectoryUser};
pub use enrolment::{EnrolmentOffer, Enrolments, Entrant};
pub use error::{StorageError, StorageErrorKind};
pub use event::{Events, LoggedEvent, NewEvent, Seal};
pub use event_feed::{EventFeed, FedEvent, FeedCursor, FeedPage};
pub use generation::{Generations, NewGeneration, SpeakingVoice};
pub use idempotency_key::{IdempotencyKey, IdempotencyKeys, MadeBefore};
pub use instance::{InstanceRow, StoredSettings};
pub use instance_role::{InstanceRoles, RegisteredPermission};
pub use invitation::{InvitationRoom, InvitationTerms, Invitations, NewInvitation};
pub use job::{ClaimedJob, JobQueue, Jobs, NewJob};
pub use live::{Heard, Live, LiveNote};
pub use membership::{Member, MemberFilter, MemberForLetter, Memberships, NewMembership};
pub use membership_request::{MembershipRequests, ReceivedMembershipRequest, RequestForLetter};
pub use object_name::{NamedObject, NamedObjectCursor, ObjectGuard, ObjectNames};
pub use object_owner::ObjectOwners;
pub use operator::{OperatorEntry, Operators};
pub use organization::{Founder, OrganizationPicture, Organizations, ViewedOrganization};
pub use organization_domain::OrganizationDomains;
pub use page::{IdCursor, TextCursor};
pub use plan::Plans;
pub use population::{Population, PopulationError, PopulationProgress, PopulationSize, SeededMember};
pub use purge::Purges;
pub use received_invitation::{Invitee, ReceivedInvitation, ReceivedInvitations};
pub use role::{CustomRole, RoleUse, Roles};
pub use sent_membership_request::{SentMembershipRequest, SentMembershipRequests};
pub use session::{Authenticated, Sessions};
pub use sign_up::{InvitedAddress, SignUp, SignUps};
pub use speaking::{Speaking, SpeechOrder, SpokenAudio};
pub use spending::{BillingTerms, Scarcity, Spendings, Spent, VoiceRoom};
pub use standing::{Standings, UserStanding};
pub use statement_count::{count_statements, statements_so_far};
pub use subscription::{HeldOrganization, Subscriptions};
pub use throttle::{Throttle, Throttles};
pub use unit_of_work::{Repositories, UnitOfWork};
pub use usage::{NewHold, Usage};
pub use usage_export::{ExportState, UsageExports, UsageLine};
pub use usage_totals::{
    EngineUsage, KeyUsage, MemberUsage, UsageCell, UsageDimension, UsagePeriod, UsageTotals, VoiceUsage,
};
pub use usage_verification::{UsageDifference, UsageVerification};
pub use user::{Credentials, NewUser, Users};
pub use user_email::UserEmails;
pub use user_end::{LeftBehind, UserEnds};
pub use verification_code::VerificationCodes;
pub use voice::Voices;
pub use webhook_delivery::{NewWebhookDelivery, WebhookDeliveries};
pub use webhook_endpoint::WebhookEndpoints;
pub use webhook_sending::{ClaimedDelivery, EndpointHealth, Tried, WebhookSending};
