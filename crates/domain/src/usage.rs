//! The usage ledger.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{GenerationId, OrganizationId, UsageEntryId, UserId, VoiceId};

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

/// One line of the ledger. Lines are only ever added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEntry {
    /// Its identity.
    pub id: UsageEntryId,
    /// Whose usage.
    pub organization: OrganizationId,
    /// What is metered.
    pub metric: UsageMetric,
    /// What the line says.
    pub kind: UsageEntryKind,
    /// How much, never negative: the kind gives the sign.
    pub quantity: u64,
    /// The generation that it is about, for characters.
    pub generation: Option<GenerationId>,
    /// The voice that spoke or was made.
    pub voice: Option<VoiceId>,
    /// The member whose doing it was; `None` once that account is gone.
    pub user: Option<UserId>,
    /// When the line was written.
    pub created_at: DateTime<Utc>,
}

/// Settled usage of one day (UTC) of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The day.
    pub day: NaiveDate,
    /// How much was settled on it.
    pub quantity: u64,
}
