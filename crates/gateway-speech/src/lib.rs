//! Voices, generations, usage and billing in GraphQL.
//!
//! An organization's fields come from [`billing_of`], [`generations_of`], [`usage_of`] and [`voices_of`]; [`VoicesQuery`] is the
//! instance's catalogue.
//!
//! This crate decides nothing: each resolver calls one use case and shows its outcome.

mod audio_format;
mod billing;
mod billing_mutation;
mod generation;
mod generation_feed;
mod generation_list;
mod generation_mutation;
mod shelf;
mod speech_settings;
mod usage;
mod voice;
mod voice_list;
mod voice_loader;
mod voice_mutation;
mod voice_query;

pub use audio_format::AudioFormat;
pub use billing::{
    Billing, BillingSubscription, Budget, CostEstimate, Invoice, Plan, SubscriptionStatus, billing_of,
};
pub use billing_mutation::BillingMutation;
pub use generation::{Generation, GenerationFailure, GenerationState, SubtitleFormat, TimeMark};
pub use generation_feed::{GenerationChange, GenerationsSubscription};
pub use generation_list::{
    GenerationArguments, GenerationConnection, GenerationEdge, GenerationFilter, GenerationOrder,
    generations_of,
};
pub use generation_mutation::GenerationsMutation;
pub use speech_settings::{SpeechSetting, SpeechSettings, SpeechSettingsInput};
pub use usage::{
    ApiKeyUsage, EngineUsage, MemberUsage, Usage, UsageDay, UsageGrain, UsageMetric, UsagePeriod, UsagePoint,
    UsageSubjectInput, VoiceUsage, usage_of,
};
pub use voice::{
    Voice, VoiceCapabilities, VoiceCategory, VoiceConsent, VoiceFidelity, VoiceSample, VoiceScope,
};
pub use voice_list::{
    VoiceArguments, VoiceConnection, VoiceEdge, VoiceFilter, VoiceOrder, VoiceOrderField, voices_of,
};
pub use voice_loader::VoiceLoader;
pub use voice_mutation::VoicesMutation;
pub use voice_query::VoicesQuery;
