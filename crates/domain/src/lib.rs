//! The words and rules of Resonance, and nothing else.
//!
//! This crate knows what an organization, an invitation or a generation *is* and which values and transitions
//! are allowed. It never knows a database, a clock, the network, a user interface or who is asking: time and
//! randomness come in as values, permission is `resonance-authz`'s business.
//!
//! ```
//! use resonance_domain::{EmailAddress, OrganizationName, Slug};
//!
//! let name = OrganizationName::parse("  Ärzte & Co. ")?;
//! assert_eq!(name.as_str(), "Ärzte & Co.");
//! assert_eq!(Slug::derive(&name).as_str(), "aerzte-co");
//! assert!(EmailAddress::parse("ada@example.org")?.same_as(&EmailAddress::parse("ADA@Example.org")?));
//! # Ok::<(), resonance_domain::FieldError>(())
//! ```

mod api_key;
mod archive;
mod audio;
mod audit;
mod billing;
mod clock;
mod code;
mod email;
mod event;
mod field_error;
mod generation;
mod id;
mod in_org;
mod instance;
mod invitation;
mod language;
mod membership;
mod membership_request;
mod metadata;
mod organization;
mod organization_domain;
mod page;
mod pieces;
mod role;
mod search;
mod session;
mod slug;
mod text;
mod time_mark;
mod usage;
mod user;
mod voice;
mod webhook;

pub use api_key::{
    API_KEYS_PER_ORGANIZATION, ApiKey, ApiKeyName, ApiKeyState, ApiKeyVoices, Author, MAX_API_KEY_VOICES,
    character_budget, key_expiry,
};
pub use archive::{ArchiveAddress, ArchiveReader};
pub use audio::AudioFormat;
pub use audit::AuditRecord;
pub use billing::{
    BUDGET_ALERTS, BillingPeriod, BudgetHolder, BudgetState, MAX_PLANS, Plan, PlanName, ProductReference,
    Subscription, SubscriptionStatus, alert_level, characters_of_budget, currency, money, period_key, price,
};
pub use clock::{Clock, Ids, IdsExt};
pub use code::{
    CODE_LIFETIME, CODE_MAX_ATTEMPTS, CODE_RESEND_AFTER, CodePurpose, CodeRefusal, VerificationCode,
};
pub use email::EmailAddress;
pub use event::{ActorKind, Event, EventKind, Origin};
pub use field_error::{ErrorCode, FieldError, FieldErrors};
pub use generation::{
    Generation, GenerationFailure, GenerationFilter, GenerationOrder, GenerationState, GenerationText,
    LOUDNESS, MAX_GENERATION_TEXT, MAX_GENERATIONS_AT_ONCE, Mastering, Reading, SettingKind,
    SpeechInstructions, SpeechSettings, VoiceOfGeneration, reuse_key,
};
pub use id::{
    ApiKeyId, DomainId, EventId, GenerationId, Id, IdKind, InvitationId, JobId, JwtId, MembershipId,
    MembershipRequestId, OrganizationId, ParseIdError, PlanId, RoleId, SessionId, SignUpId, SubscriptionId,
    UsageEntryId, UserEmailId, UserId, VerificationCodeId, VoiceId, WebhookDeliveryId, WebhookEndpointId,
    kind,
};
pub use in_org::InOrg;
pub use instance::{
    DirectoryOrder, InstanceSettings, InstanceTotals, Month, MonthlyActivity, ParseMonthError, Reason,
};
pub use invitation::{
    Invitation, InvitationRefusal, InvitationState, MAX_INVITATIONS_AT_ONCE, MAX_INVITATIONS_PER_HOUR,
    invitation_lifetime,
};
pub use language::LanguageTag;
pub use membership::{LastAdmin, Membership, MembershipOrder, SeatRefusal, admin_may_go, seat_is_free};
pub use membership_request::{MembershipRequest, MembershipRequestState, RequestClosed};
pub use metadata::{METADATA_MAX_BYTES, Metadata};
pub use organization::{Organization, OrganizationDescription, OrganizationName};
pub use organization_domain::{
    DOMAINS_PER_ORGANIZATION, DomainName, DomainProof, EnrolmentMode, OrganizationDomain, challenge_text,
};
pub use page::{Direction, Page, PageRequest};
pub use pieces::{Boundary, Piece, pieces, sentences};
pub use role::{MAX_CUSTOM_ROLES, RoleDescription, RoleKey, RoleName};
pub use rust_decimal::Decimal;
pub use search::{MAX_WORD, MAX_WORDS, SearchQuery, words};
pub use session::{SESSION_IDLE_LIFETIME, Session};
pub use slug::Slug;
pub use text::{bounded_text, one_line};
pub use time_mark::{TimeMark, to_srt, to_webvtt};
pub use usage::{UsageDay, UsageEntryKind, UsageGrain, UsageMetric, UsagePoint, UsageSubject};
pub use user::{EMAILS_PER_USER, PersonName, SIGN_UP_LIFETIME, User, UserEmail, UserProfile};
pub use voice::{
    Consent, CustomVoice, Fidelity, SampleFacts, SystemVoice, Voice, VoiceAddress, VoiceCategory,
    VoiceDescription, VoiceFilter, VoiceName, VoiceOrder, VoiceScope, VoiceSort,
};
pub use webhook::{
    DeliveryError, DeliveryState, EventFilter, MAX_WEBHOOK_ENDPOINTS, WEBHOOK_FAILING_LIMIT,
    WEBHOOK_LOG_RETENTION, WEBHOOK_LONGEST_WAIT, WEBHOOK_SECRET_OVERLAP, WebhookDelivery, WebhookDescription,
    WebhookDisabled, WebhookEndpoint, webhook_secret_overlap, webhook_wait,
};
