//! Voices, generations and usage in GraphQL.
//!
//! An organization's fields come from [`generations_of`], [`usage_of`] and [`voices_of`]; [`VoicesQuery`] is the
//! instance's catalogue.
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
mod voice;
mod voice_list;
mod voice_loader;
mod voice_mutation;
mod voice_query;

pub use audio_format::AudioFormat;
pub use generation::{Generation, GenerationFailure, GenerationState, SubtitleFormat, TimeMark};
pub use generation_feed::{GenerationChange, GenerationsSubscription};
pub use generation_list::{
    GenerationArguments, GenerationConnection, GenerationEdge, GenerationFilter, GenerationOrder,
    generations_of,
};
pub use generation_mutation::GenerationsMutation;
pub use speech_settings::{SpeechSetting, SpeechSettings, SpeechSettingsInput};
pub use usage::{ApiKeyUsage, MemberUsage, Usage, UsageDay, UsageMetric, UsagePeriod, VoiceUsage, usage_of};
pub use voice::{
    Voice, VoiceCapabilities, VoiceCategory, VoiceConsent, VoiceFidelity, VoiceSample, VoiceScope,
};
pub use voice_list::{
    VoiceArguments, VoiceConnection, VoiceEdge, VoiceFilter, VoiceOrder, VoiceOrderField, voices_of,
};
pub use voice_loader::VoiceLoader;
pub use voice_mutation::VoicesMutation;
pub use voice_query::VoicesQuery;
