//! The usage ledger.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{ApiKeyId, UserId, VoiceId};

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageMetric {
    /// Characters (Unicode scalar values) spoken.
    Characters,
    /// Custom voices made.
    CustomVoices,
}

impl UsageMetric {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::CustomVoices => "custom_voices",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Characters, Self::CustomVoices]
            .into_iter()
            .find(|metric| metric.as_str() == text)
    }
}

/// What an entry of the ledger says.
///
/// For every generation there is one `Hold`, and later exactly one of `Settle` and `Release`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageEntryKind {
    /// Set aside before the work.
    Hold,
    /// Used: the work succeeded.
    Settle,
    /// Given back: the work failed or was cancelled.
    Release,
}

impl UsageEntryKind {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Release => "release",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Hold, Self::Settle, Self::Release]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// How finely usage is told in time; everything is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageGrain {
    /// By hours.
    Hour,
    /// By days.
    Day,
    /// By calendar months.
    Month,
}

impl UsageGrain {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// Settled usage of one day (UTC) of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The day.
    pub day: NaiveDate,
    /// How much was settled on it.
    pub quantity: u64,
}

/// Settled usage of an hour, a day or a month (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePoint {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// How much was settled in it.
    pub quantity: u64,
}

/// Whose usage is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UsageSubject {
    /// The whole organization's.
    Organization,
    /// A member's; what keys used is no member's.
    Member(UserId),
    /// An API key's.
    ApiKey(ApiKeyId),
    /// What one voice spoke.
    Voice(VoiceId),
    /// What one engine spoke, by its name.
    Engine(String),
}
