//! Voices.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId, UserId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, request};

use crate::SpeechSetting;

/// Something that texts can be spoken with: a voice of the instance's, which everybody may use, or one that an
/// organization made of a recording, which nobody else can see.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Voice {
    /// The voice's id.
    pub id: ID,
    /// The name.
    pub name: String,
    /// What it sounds like; empty if nothing was said.
    pub description: String,
    /// What it is best for.
    pub category: VoiceCategory,
    /// The language that it speaks, as a BCP 47 tag with a region, such as `en-US`.
    pub language: String,
    /// Whose it is.
    pub scope: VoiceScope,
    /// The engine that speaks it, such as `builtin`.
    pub engine: String,
    /// How close it comes to the recording that it was made from.
    pub fidelity: VoiceFidelity,
    /// What was measured in the recording; null for voices of the instance.
    pub sample: Option<VoiceSample>,
    /// The consent of the recorded speaker; null for voices of the instance.
    pub consent: Option<VoiceConsent>,
    /// When it was made, or joined the instance.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    voice: domain::Voice,
}

impl From<domain::Voice> for Voice {
    fn from(voice: domain::Voice) -> Self {
        let id = voice.address().global_id().into();
        let scope = voice.address().scope().into();
        match voice.clone() {
            domain::Voice::System(own) => Self {
                id,
                name: own.name,
                description: own.description,
                category: own.category.into(),
                language: own.language.as_str().to_owned(),
                scope,
                engine: own.engine,
                fidelity: VoiceFidelity::Native,
                sample: None,
                consent: None,
                created_at: own.created_at,
                updated_at: own.updated_at,
                voice,
            },
            domain::Voice::Custom(own) => Self {
                id,
                name: own.name,
                description: own.description,
                category: own.category.into(),
                language: own.language.as_str().to_owned(),
                scope,
                engine: own.engine,
                fidelity: own.fidelity.into(),
                sample: Some(own.sample.into()),
                consent: Some(VoiceConsent {
                    attested_at: own.consent.attested_at,
                    statement: own.consent.statement,
                    organization: own.organization,
                    attested_by: own.consent.attested_by,
                }),
                created_at: own.created_at,
                updated_at: own.updated_at,
                voice,
            },
        }
    }
}

#[ComplexObject]
impl Voice {
    /// Where a short preview (MP3) can be heard for a while without signing in, by an `<audio>` element for example. That of
    /// a custom voice is made soon after the voice, or when somebody cannot wait; that of the instance's voices when it is first
    /// heard.
    async fn preview_url(&self, context: &Context<'_>) -> ApiResult<String> {
        Ok(request(context)?.voices().preview_url(&self.voice))
    }

    /// Where the recording that the voice was made from can be fetched for a while. Null for voices of the instance.
    /// Requires `org:voices:update`; null without it.
    async fn sample_url(&self, context: &Context<'_>) -> ApiResult<Option<String>> {
        match &self.voice {
            domain::Voice::System(_) => Ok(None),
            domain::Voice::Custom(voice) => Ok(request(context)?.voices().sample_url(voice).await?),
        }
    }

    /// What its engine can do; null while that engine is not set up here.
    async fn capabilities(&self, context: &Context<'_>) -> ApiResult<Option<VoiceCapabilities>> {
        let capabilities = request(context)?.engine_capabilities(&self.engine);
        Ok(capabilities.map(|capabilities| VoiceCapabilities {
            settings: capabilities.settings.iter().copied().map(Into::into).collect(),
            instructions: capabilities.instructions,
        }))
    }

    /// Who made it; null for voices of the instance, and once that account is gone.
    async fn created_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        match &self.voice {
            domain::Voice::System(_) => Ok(None),
            domain::Voice::Custom(voice) => user(context, voice.organization, voice.created_by).await,
        }
    }
}

/// What can be asked of a voice.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct VoiceCapabilities {
    /// The settings that make a difference. Others may be set, and are passed over.
    pub settings: Vec<SpeechSetting>,
    /// Whether it follows instructions in words.
    pub instructions: bool,
}

/// What was measured in the recording that a voice was made from.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct VoiceSample {
    /// The length in milliseconds.
    pub duration_ms: i32,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// The integrated loudness in LUFS (EBU R 128).
    pub loudness_lufs: f64,
    /// The size of the file in bytes.
    pub bytes: i32,
    /// The media type of the file, as recognised from its content.
    pub content_type: String,
}

impl From<domain::SampleFacts> for VoiceSample {
    fn from(facts: domain::SampleFacts) -> Self {
        Self {
            duration_ms: whole(facts.duration_ms),
            sample_rate: facts.sample_rate,
            channels: facts.channels,
            loudness_lufs: facts.loudness_lufs,
            bytes: whole(facts.bytes),
            content_type: facts.content_type,
        }
    }
}

fn whole(quantity: u64) -> i32 {
    i32::try_from(quantity).unwrap_or(i32::MAX)
}

/// The attestation that the recorded speaker agreed.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct VoiceConsent {
    /// When it was attested.
    pub attested_at: DateTime<Utc>,
    /// The statement that was attested, word for word.
    pub statement: String,
    #[graphql(skip)]
    organization: OrganizationId,
    #[graphql(skip)]
    attested_by: Option<UserId>,
}

#[ComplexObject]
impl VoiceConsent {
    /// Who attested it; null once that account is gone.
    async fn attested_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        user(context, self.organization, self.attested_by).await
    }
}

async fn user(
    context: &Context<'_>,
    organization: OrganizationId,
    user: Option<UserId>,
) -> ApiResult<Option<User>> {
    let Some(user) = user else {
        return Ok(None);
    };
    let users = context.data_unchecked::<DataLoader<UserLoader>>();
    let found = users.load_one(InOrg::new(organization, user)).await;
    found.map_err(ApiError::from)
}

/// Declares an enum of the schema that mirrors one of the domain, in both directions.
macro_rules! mirror {
    ($(#[$doc:meta])* $Name:ident { $($(#[$variant_doc:meta])* $Variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        pub enum $Name { $($(#[$variant_doc])* $Variant,)* }

        impl From<domain::$Name> for $Name {
            fn from(value: domain::$Name) -> Self {
                match value { $(domain::$Name::$Variant => Self::$Variant,)* }
            }
        }

        impl From<$Name> for domain::$Name {
            fn from(value: $Name) -> Self {
                match value { $($Name::$Variant => Self::$Variant,)* }
            }
        }
    };
}

mirror! {
    /// What a voice is best for.
    VoiceCategory {
        /// Long stories, read aloud.
        Audiobook,
        /// Talk as between people.
        Conversational,
        /// The help line.
        CustomerService,
        /// Anything.
        General,
        /// Telling what happened.
        Narrative,
        /// Figures of games and films.
        Characters,
        /// Guided calm.
        Meditation,
        /// Encouragement.
        Motivational,
        /// Hosts of shows.
        Podcast,
        /// Spots.
        Advertising,
        /// Speaking over pictures.
        Voiceover,
        /// Presentations and training.
        Corporate,
    }
}

mirror! {
    /// Whose a voice is.
    VoiceScope {
        /// The instance's: everybody may use it, nobody but its operators changes it.
        System,
        /// One organization's, made from a recording.
        Custom,
    }
}

/// How close a voice comes to the recording that it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum VoiceFidelity {
    /// There was no recording of the organization's: the voice came with the engine.
    Native,
    /// The engine cannot clone: pitch, range and tempo follow the recording, the timbre does not.
    Approximated,
    /// The engine clones the speaker.
    Cloned,
}

impl From<domain::Fidelity> for VoiceFidelity {
    fn from(fidelity: domain::Fidelity) -> Self {
        match fidelity {
            domain::Fidelity::Native => Self::Native,
            domain::Fidelity::Approximated => Self::Approximated,
            domain::Fidelity::Cloned => Self::Cloned,
        }
    }
}
