//! Making a voice from a recording.

use bytes::Bytes;
use resonance_authz::{CreateVoices, Grant};
use resonance_domain::{
    AudioFormat, Consent, CustomVoice, ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, InOrg,
    LanguageTag, OrganizationId, SampleFacts, VoiceCategory, VoiceDescription, VoiceName, bounded_text,
};
use resonance_persistence::{Repositories, UnitOfWork, VoiceRoom};
use resonance_speech::engine::{EngineError, VoiceSample};
use serde_json::json;

use super::Voices;
use crate::{
    Outcome, Quota, QuotaExceeded, ServiceError,
    changes::Changes,
    core::Core,
    previews,
    recording::{MAX_BYTES, Recording},
    refusals::Attempt,
    sweep::{Owner, Pledge},
};

/// The engine that makes voices when the input names none.
const DEFAULT_ENGINE: &str = "builtin";
/// The longest statement of consent, in characters.
const MAX_STATEMENT: usize = 1_000;

/// A voice to make from a recording.
#[derive(Debug, Clone, Default)]
pub struct CreateVoice {
    /// Whose it will be; the active organization if absent.
    pub organization: Option<OrganizationId>,
    /// Its name.
    pub name: String,
    /// What it sounds like.
    pub description: Option<String>,
    /// What it is best for; `GENERAL` if absent.
    pub category: Option<VoiceCategory>,
    /// The language that it speaks, with a region; `en-US` if absent.
    pub language: Option<String>,
    /// The engine that will speak it; the built-in one if absent.
    pub engine: Option<String>,
    /// The recording, as a file of any common audio format. Of a larger file than allowed, its beginning suffices.
    pub sample: Bytes,
    /// The consent of the recorded speaker.
    pub consent: Attestation,
}

/// What the creator of a voice attests.
#[derive(Debug, Clone, Default)]
pub struct Attestation {
    /// Whether the recorded speaker agreed.
    pub attested: bool,
    /// To what the speaker agreed, in words.
    pub statement: String,
}

impl Voices<'_> {
    /// The largest file that a voice is made from, in bytes.
    pub const MAX_SAMPLE_BYTES: usize = MAX_BYTES;

    /// Makes a voice from a recording. Counts on the usage ledger. A preview of it is made soon after, which does not.
    ///
    /// Requires `org:voices:create`. The recording is decoded and measured before anything is stored.
    ///
    /// # Errors
    /// Refusals of the input, `OrganizationRequired`, `NotVisible`, `Forbidden`, or a failure of the database, the
    /// object store or the engine.
    pub async fn create(self, input: CreateVoice) -> Outcome<CustomVoice> {
        let core = self.0.core();
        let organization = self.0.organization(input.organization)?;
        // Before the costly work, and once more where it is written.
        let attempt = Attempt::in_organization("createVoice", organization);
        let may = self.0.grant::<CreateVoices>(organization).await;
        let _ = self.0.noting(attempt.clone(), may).await?;
        let draft = Draft::parse(&input)?;
        let engine = core.engines.get(&draft.engine).ok_or_else(|| {
            FieldError::new(ErrorCode::Unsupported, "this instance has no such engine").at("engine")
        })?;
        let wanted = engine.capabilities().cloning;
        let recording = Recording::listen(core, input.sample.clone(), wanted).await?;

        let user = self.0.signed_in()?.user;
        let id = core.ids.next();
        let address = InOrg::new(organization, id);
        let folder = previews::folder(address)?;
        let key = previews::key(&format!("{folder}/sample.{}", recording.extension()))?;
        // An engine that listens to the recording gets it as it wants it; the original is kept as it came. To the others it
        // is of no use but for what was heard in it.
        let normalised = match recording.normalised {
            Some(file) => Some((previews::key(&format!("{folder}/normalised.wav"))?, file)),
            None => None,
        };
        let heard = normalised.as_ref().map_or(&key, |(key, _)| key);
        let sample = VoiceSample {
            key: heard.as_str().to_owned(),
            analysis: recording.analysis,
        };
        let derived = engine
            .derive_voice(&sample, &draft.language)
            .await
            .map_err(not_derived)?;

        let now = core.clock.now();
        let voice = CustomVoice {
            id,
            organization,
            name: draft.name.into_string(),
            description: draft.description.into_string(),
            category: input.category.unwrap_or_default(),
            language: draft.language,
            engine: draft.engine,
            engine_voice: derived.voice,
            fidelity: derived.fidelity,
            consent: Consent {
                attested_by: Some(user),
                attested_at: now,
                statement: draft.statement,
            },
            sample: SampleFacts {
                key: key.as_str().to_owned(),
                content_type: recording.content_type.to_owned(),
                bytes: input.sample.len() as u64,
                duration_ms: recording.duration_ms,
                sample_rate: recording.sample_rate,
                channels: recording.channels,
                loudness_lufs: recording.loudness_lufs,
                normalised_key: normalised.as_ref().map(|(key, _)| key.as_str().to_owned()),
            },
            preview_key: None,
            created_by: Some(user),
            created_at: now,
            updated_at: now,
        };
        let pledge = Pledge::make(core, &folder, Owner::Voice(address)).await?;
        core.blobs.put(&key, input.sample, recording.content_type).await?;
        if let Some((key, file)) = normalised {
            core.blobs
                .put(&key, file, AudioFormat::Wav.content_type())
                .await?;
        }
        let stored = self
            .0
            .attempt(attempt, async |uow| {
                let grant = uow.standings().of(user, organization).await?.grant()?;
                pledge.redeem(uow).await?;
                let period = room(core, uow, &grant).await?;
                uow.voices().insert(&grant, &voice).await?;
                uow.jobs()
                    .add(previews::job(core, address, &voice.engine))
                    .await?;
                let exported = core.billing.is_some();
                uow.usage()
                    .count_voice(&grant, core.ids.next(), id, &period, exported, now)
                    .await?;
                let sample = json!({ "bytes": voice.sample.bytes, "durationMs": voice.sample.duration_ms });
                let payload = Changes::default()
                    .made("name", voice.name.as_str())
                    .made("description", voice.description.as_str())
                    .made("category", voice.category.as_str())
                    .made("language", voice.language.as_str())
                    .made("engine", voice.engine.as_str())
                    .made("consent", voice.consent.statement.as_str())
                    .with("fidelity", voice.fidelity.as_str())
                    .with("sample", sample);
                uow.record(self.event(EventKind::VoiceCreated, address, payload));
                Ok::<_, ServiceError>(())
            })
            .await;
        if stored.is_err() {
            pledge.abandon(core).await;
        }
        stored.map(|()| voice)
    }
}

/// Whether there may be one custom voice more, which nobody else makes meanwhile; the period in which it counts.
async fn room(core: &Core, uow: &UnitOfWork, grant: &Grant<CreateVoices>) -> Outcome<String> {
    let (terms, now) = (core.terms(), core.clock.now());
    let spending = uow.spending();
    if !spending.may_make_voices(grant, terms, now).await? {
        let status = spending.subscription_status(grant).await?;
        return Err(ServiceError::SubscriptionRequired { status });
    }
    let VoiceRoom { voices, limit } = spending.voice_room(grant).await?;
    match limit.filter(|limit| voices >= *limit) {
        Some(limit) => Err(ServiceError::QuotaExceeded(Box::new(QuotaExceeded {
            quota: Quota::CustomVoices,
            limit,
            spent: voices,
            requested: 1,
            period_start: None,
            of: None,
        }))),
        None => Ok(spending.period(grant, terms, now).await?),
    }
}

/// The fields of a new voice that are checked before its recording.
struct Draft {
    name: VoiceName,
    description: VoiceDescription,
    language: LanguageTag,
    engine: String,
    statement: String,
}

impl Draft {
    fn parse(input: &CreateVoice) -> Outcome<Self> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", VoiceName::parse(&input.name));
        let description = input.description.as_deref().unwrap_or_default();
        let description = errors.take("description", VoiceDescription::parse(description));
        let language = match &input.language {
            Some(language) => errors.take("language", LanguageTag::parse(language)),
            None => Some(LanguageTag::default()),
        };
        let consent = errors.take("consent.attested", attested(input.consent.attested));
        let statement = bounded_text(&input.consent.statement, 1, MAX_STATEMENT);
        let statement = errors.take("consent.statement", statement);
        let size = errors.take("sample", small_enough(input.sample.len()));
        let (Some(name), Some(description), Some(language), Some(()), Some(statement), Some(())) =
            (name, description, language, consent, statement, size)
        else {
            return Err(errors.into());
        };
        Ok(Self {
            name,
            description,
            language,
            engine: input.engine.as_deref().unwrap_or(DEFAULT_ENGINE).to_owned(),
            statement,
        })
    }
}

fn attested(attested: bool) -> Result<(), FieldError> {
    let refusal = || {
        FieldError::new(
            ErrorCode::ConsentRequired,
            "without the speaker's consent there is no voice",
        )
    };
    attested.then_some(()).ok_or_else(refusal)
}

fn small_enough(bytes: usize) -> Result<(), FieldError> {
    let refusal = || {
        let limit = MAX_BYTES / 1024 / 1024;
        FieldError::new(
            ErrorCode::FileTooLarge,
            format_args!("must not be larger than {limit} MB"),
        )
    };
    (bytes <= MAX_BYTES).then_some(()).ok_or_else(refusal)
}

fn not_derived(error: EngineError) -> ServiceError {
    match error {
        EngineError::UnsupportedLanguage(_) => {
            FieldError::new(ErrorCode::Unsupported, "the engine does not speak this language")
                .at("language")
                .into()
        }
        EngineError::UnsupportedVoice => FieldError::new(
            ErrorCode::Unsupported,
            "the engine makes no voices from recordings",
        )
        .at("engine")
        .into(),
        error => ServiceError::internal("making a voice", error),
    }
}
