//! Voices.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{InOrg, LanguageTag, OrganizationId, ParseIdError, UserId, VoiceId, text::text_type};

text_type! {
    /// A voice's name: 1 to 100 characters on one line.
    VoiceName, one_line, 1..=100
}

text_type! {
    /// What a voice sounds like: up to 500 characters; empty means nothing was said.
    VoiceDescription, bounded_text, 0..=500
}

/// What a voice is best for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum VoiceCategory {
    Audiobook,
    Conversational,
    CustomerService,
    #[default]
    General,
    Narrative,
    Characters,
    Meditation,
    Motivational,
    Podcast,
    Advertising,
    Voiceover,
    Corporate,
}

impl VoiceCategory {
    /// Every category.
    pub const ALL: [Self; 12] = [
        Self::Audiobook,
        Self::Conversational,
        Self::CustomerService,
        Self::General,
        Self::Narrative,
        Self::Characters,
        Self::Meditation,
        Self::Motivational,
        Self::Podcast,
        Self::Advertising,
        Self::Voiceover,
        Self::Corporate,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audiobook => "audiobook",
            Self::Conversational => "conversational",
            Self::CustomerService => "customer_service",
            Self::General => "general",
            Self::Narrative => "narrative",
            Self::Characters => "characters",
            Self::Meditation => "meditation",
            Self::Motivational => "motivational",
            Self::Podcast => "podcast",
            Self::Advertising => "advertising",
            Self::Voiceover => "voiceover",
            Self::Corporate => "corporate",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == text)
    }
}

/// Whose a voice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VoiceScope {
    /// The instance's: everybody may use it.
    System,
    /// One organization's.
    Custom,
}

/// Where a voice lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoiceAddress {
    /// In the instance's catalogue.
    System(VoiceId),
    /// In an organization.
    Custom(InOrg<VoiceId>),
}

impl VoiceAddress {
    /// The written form: a plain TypeID for a system voice, one with the organization for a custom voice.
    #[must_use]
    pub fn global_id(&self) -> String {
        match self {
            Self::System(id) => id.type_id(),
            Self::Custom(address) => address.global_id(),
        }
    }

    /// The voice's own id.
    #[must_use]
    pub const fn id(&self) -> VoiceId {
        match self {
            Self::System(id) => *id,
            Self::Custom(address) => address.id,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn scope(&self) -> VoiceScope {
        match self {
            Self::System(_) => VoiceScope::System,
            Self::Custom(_) => VoiceScope::Custom,
        }
    }
}

impl FromStr for VoiceAddress {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self::System)
            .or_else(|_| text.parse().map(Self::Custom))
    }
}

/// How close a voice comes to the recording that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fidelity {
    /// Made by the engine's makers, from no recording of the organization's.
    Native,
    /// The engine cannot clone: pitch, range and tempo follow the recording, the timbre does not.
    Approximated,
    /// The engine clones the speaker.
    Cloned,
}

impl Fidelity {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Approximated => "approximated",
            Self::Cloned => "cloned",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Native, Self::Approximated, Self::Cloned]
            .into_iter()
            .find(|f| f.as_str() == text)
    }
}

/// The attestation that the recorded speaker agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who attested it; `None` once that account is gone.
    pub attested_by: Option<UserId>,
    /// When.
    pub attested_at: DateTime<Utc>,
    /// The statement that was attested, word for word.
    pub statement: String,
}

/// What was measured in the recording that a custom voice was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleFacts {
    /// The object-store key of the original file.
    pub key: String,
    /// Its media type, as recognised from its content.
    pub content_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its length in milliseconds.
    pub duration_ms: u64,
    /// Its sample rate in hertz.
    pub sample_rate: u32,
    /// Its channels.
    pub channels: u16,
    /// Its integrated loudness in LUFS (EBU R 128).
    pub loudness_lufs: f64,
    /// The object-store key of the recording as engines get it that clone voices: one channel, without the silence at
    /// both ends, at -23 LUFS. `None` if the voice's engine listens to no recording.
    pub normalised_key: Option<String>,
}

/// A voice of the instance's catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemVoice {
    /// Its identity.
    pub id: VoiceId,
    /// Its stable name in the engine's catalogue, by which seeding finds it again.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What it sounds like.
    pub description: String,
    /// What it is best for.
    pub category: VoiceCategory,
    /// The language that it speaks.
    pub language: LanguageTag,
    /// The engine that speaks it.
    pub engine: String,
    /// What the engine needs to know to speak it; opaque to everyone else.
    pub engine_voice: Value,
    /// The object-store key of its preview; `None` until that is made.
    pub preview_key: Option<String>,
    /// When it joined the catalogue.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A voice of one organization.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomVoice {
    /// Its identity.
    pub id: VoiceId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it sounds like.
    pub description: String,
    /// What it is best for.
    pub category: VoiceCategory,
    /// The language that it speaks.
    pub language: LanguageTag,
    /// The engine that speaks it.
    pub engine: String,
    /// What the engine needs to know to speak it; opaque to everyone else.
    pub engine_voice: Value,
    /// How close it comes to the recording.
    pub fidelity: Fidelity,
    /// The attested consent of the recorded speaker.
    pub consent: Consent,
    /// The recording.
    pub sample: SampleFacts,
    /// The object-store key of its preview; `None` until that is made.
    pub preview_key: Option<String>,
    /// Who made it; `None` once that account is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A voice that an organization can use.
#[derive(Debug, Clone, PartialEq)]
pub enum Voice {
    /// One of the instance's.
    System(SystemVoice),
    /// One of its own.
    Custom(CustomVoice),
}

impl Voice {
    /// Where it lives.
    #[must_use]
    pub fn address(&self) -> VoiceAddress {
        match self {
            Self::System(voice) => VoiceAddress::System(voice.id),
            Self::Custom(voice) => VoiceAddress::Custom(InOrg::new(voice.organization, voice.id)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::System(voice) => &voice.name,
            Self::Custom(voice) => &voice.name,
        }
    }

    /// The engine that speaks it, and what the engine needs to know.
    #[must_use]
    pub fn engine(&self) -> (&str, &Value) {
        match self {
            Self::System(voice) => (&voice.engine, &voice.engine_voice),
            Self::Custom(voice) => (&voice.engine, &voice.engine_voice),
        }
    }

    /// The language that it speaks.
    #[must_use]
    pub fn language(&self) -> &LanguageTag {
        match self {
            Self::System(voice) => &voice.language,
            Self::Custom(voice) => &voice.language,
        }
    }
}

/// Which voices are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceFilter {
    /// Only names or descriptions that contain this text, ignoring case.
    pub search: Option<String>,
    /// Only this category.
    pub category: Option<VoiceCategory>,
    /// Only this language: `en` matches every region, `en-US` one.
    pub language: Option<String>,
    /// Only the instance's, or only the organization's own.
    pub scope: Option<VoiceScope>,
}

/// By what a list of voices is ordered; ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VoiceOrder {
    /// By name, ignoring case.
    #[default]
    Name,
    /// By the time of making. The instance's voices come before all others, whenever they joined.
    CreatedAt,
}

/// The order of a list of voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct VoiceSort {
    /// By what.
    pub by: VoiceOrder,
    /// Whether the greatest comes first.
    pub descending: bool,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Id;

    #[test]
    fn the_written_address_tells_whose_a_voice_is() {
        let id = Id::from_uuid(Uuid::from_u128(7));
        let system = VoiceAddress::System(id);
        let custom = VoiceAddress::Custom(InOrg::new(Id::from_uuid(Uuid::from_u128(9)), id));
        for address in [system, custom] {
            assert_eq!(address.global_id().parse(), Ok(address));
        }
        assert!("voice_x".parse::<VoiceAddress>().is_err());
    }
}
