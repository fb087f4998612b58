//! Voices, generations and usage in GraphQL.
//!
//! An organization's fields come from [`generations_of`] and [`usage_of`]; [`GenerationsMutation`] holds the mutations
//! and [`GenerationsSubscription`] the subscriptions.
//!
//! This crate decides nothing: each resolver calls one use case and shows its outcome.

mod audio_format;
mod generation;
mod generation_feed;
mod generation_list;
mod generation_mutation;
mod shelf;
mod speech_settings;
mod usage;

pub use audio_format::AudioFormat;
pub use generation::{Generation, GenerationFailure, GenerationState};
pub use generation_feed::{GenerationChange, GenerationsSubscription};
pub use generation_list::{GenerationConnection, GenerationEdge, GenerationFilter, generations_of};
pub use generation_mutation::GenerationsMutation;
pub use speech_settings::{SpeechSettings, SpeechSettingsInput};
pub use usage::{MemberUsage, Usage, UsageDay, UsageMetric, UsagePeriod, VoiceUsage, usage_of};
