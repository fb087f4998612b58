//! Asking for a text to be spoken.

use resonance_authz::{CreateGenerations, Denied};
use resonance_domain::{
    AudioFormat, ErrorCode, FieldError, FieldErrors, Generation, GenerationState, GenerationText, IdsExt,
    LOUDNESS, Mastering, OrganizationId, Reading, SettingKind, SpeechInstructions, SpeechSettings,
    VoiceAddress, VoiceOfGeneration, reuse_key,
};
use resonance_persistence::SpeakingVoice;
use resonance_speech::{audio::OutputFormat, engine::SpeechEngine};
use sha2::{Digest as _, Sha256};

use super::{
    Generations,
    ask::{Ask, Source},
    idempotency::Idempotency,
};
use crate::{Outcome, ServiceError, billing, refusals::Attempt};

/// What is to be spoken.
#[derive(Debug, Clone, Default)]
pub struct CreateGeneration {
    /// For whom; `None` means the active organization.
    pub organization: Option<OrganizationId>,
    /// The text.
    pub text: String,
    /// The id of the voice, in its written form.
    pub voice: String,
    /// How to speak.
    pub settings: SettingsInput,
    /// How to speak, in words; only for engines that follow them.
    pub instructions: Option<String>,
    /// The format of the audio.
    pub format: AudioFormat,
    /// The sample rate of the audio in hertz, one that the format has; `None` means the engine's.
    pub sample_rate: Option<i64>,
    /// The loudness of the audio in LUFS, -40 to -10; `None` means as the engine speaks.
    pub loudness: Option<f64>,
    /// Whether to speak it even if the same was spoken before.
    pub fresh: bool,
    /// What marks the request, if it may come again: then what it made the first time is the answer.
    pub idempotency: Option<Idempotency>,
}

/// How to speak; `None` means the default of [`SpeechSettings`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SettingsInput {
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// 1 to 10,000.
    pub top_k: Option<i64>,
    /// 1 to 2.
    pub repetition_penalty: Option<f64>,
    /// 0.25 to 4.
    pub speed: Option<f64>,
}

impl SettingsInput {
    /// Those that are set.
    pub(super) fn asked(self) -> impl Iterator<Item = SettingKind> {
        [
            (self.temperature.is_some(), SettingKind::Temperature),
            (self.top_p.is_some(), SettingKind::TopP),
            (self.top_k.is_some(), SettingKind::TopK),
            (self.repetition_penalty.is_some(), SettingKind::RepetitionPenalty),
            (self.speed.is_some(), SettingKind::Speed),
        ]
        .into_iter()
        .filter_map(|(set, kind)| set.then_some(kind))
    }

    fn checked(self) -> Result<SpeechSettings, Vec<FieldError>> {
        let default = SpeechSettings::default();
        let settings = SpeechSettings {
            temperature: self.temperature.unwrap_or(default.temperature),
            top_p: self.top_p.unwrap_or(default.top_p),
            // What is no `u32` is out of range on either side; zero is, too.
            top_k: self
                .top_k
                .map_or(default.top_k, |k| u32::try_from(k).unwrap_or(0)),
            repetition_penalty: self.repetition_penalty.unwrap_or(default.repetition_penalty),
            speed: self.speed.unwrap_or(default.speed),
        };
        settings.checked()
    }
}

/// What is to be spoken, checked.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) text: GenerationText,
    pub(super) voice: VoiceAddress,
    pub(super) settings: SpeechSettings,
    /// The settings that were named.
    pub(super) asked: Vec<SettingKind>,
    pub(super) instructions: Option<SpeechInstructions>,
    pub(super) format: AudioFormat,
    pub(super) mastering: Mastering,
    pub(super) idempotency: Option<Idempotency>,
}

/// A generation that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedGeneration {
    /// The generation, new or old.
    pub generation: Generation,
    /// Whether it was there before, so that nothing is charged.
    pub reused: bool,
    /// Whether the same request was answered with it before.
    pub replayed: bool,
    /// The settings that were asked for and make no difference with this voice.
    pub ignored: Vec<SettingKind>,
}

impl Generations<'_> {
    /// Has a text spoken: makes a generation, sets its characters aside, and puts it into the queue, all or nothing.
    /// Requires `org:generations:create`.
    ///
    /// If the same text was spoken by the same voice with the same settings in the same format before, or is about
    /// to be, that generation is the answer instead, free of charge; also when many ask at once. A fresh take takes
    /// its place.
    ///
    /// # Errors
    /// `TOO_SHORT` or `TOO_LONG` (`text`, `instructions`), `INVALID` (`settings.…`, `voiceId`, `sampleRate`,
    /// `loudness`), `NOT_FOUND` (`voiceId`) for a voice that does not exist or is another organization's, `UNSUPPORTED`
    /// (`voiceId`) if nothing here speaks the voice, and (`instructions`) if the voice does not follow any; `CONFLICT` or
    /// `NOT_FOUND` (`idempotencyKey`) if the key came before, with another request or for what is deleted.
    pub async fn create(self, input: CreateGeneration) -> Outcome<CreatedGeneration> {
        let organization = self.0.organization(input.organization)?;
        let mut errors = FieldErrors::default();
        let text = errors.take("text", self.text(&input.text));
        let instructions = input.instructions.as_deref().map(SpeechInstructions::parse);
        let instructions = errors.take("instructions", instructions.transpose()).flatten();
        let rate = errors
            .take("sampleRate", rate(input.format, input.sample_rate))
            .flatten();
        let loudness = errors.take("loudness", loudness(input.loudness)).flatten();
        let mastering = Mastering {
            sample_rate: rate,
            loudness,
        };
        let voice = errors.take(
            "voiceId",
            input
                .voice
                .parse::<VoiceAddress>()
                .map_err(|_| FieldError::new(ErrorCode::Invalid, "must be an id of a voice")),
        );
        let settings = match input.settings.checked() {
            Ok(settings) => Some(settings),
            Err(wrong) => {
                for error in wrong {
                    let field = error.field.as_deref().map(|field| format!("settings.{field}"));
                    errors.push(FieldError { field, ..error });
                }
                None
            }
        };
        errors.finish()?;
        let (Some(text), Some(address), Some(settings)) = (text, voice, settings) else {
            return Err(ServiceError::internal(
                "reading the input",
                "no error and no value",
            ));
        };

        let order = Order {
            text,
            voice: address,
            asked: input.settings.asked().collect(),
            settings,
            instructions,
            format: input.format,
            mastering,
            idempotency: input.idempotency,
        };
        self.ask("createGeneration", organization, order, input.fresh)
            .await
    }

    /// Asks for what was checked to be a generation at all; `operation` is the name of the mutation.
    pub(super) async fn ask(
        self,
        operation: &'static str,
        organization: OrganizationId,
        order: Order,
        fresh: bool,
    ) -> Outcome<CreatedGeneration> {
        let Order {
            text,
            voice: address,
            settings,
            asked,
            instructions,
            format,
            mastering,
            idempotency,
        } = order;
        // What only reads is done before the transaction, which is one of few on SQLite.
        let attempt = Attempt::in_organization(operation, organization);
        let grant = self.0.grant::<CreateGenerations>(organization).await;
        let grant = self.0.noting(attempt, grant).await?;
        let voice = if self.0.may_speak_with(&address) {
            self.repository().speaking_voice(&grant, address).await?
        } else {
            None
        };
        let Some(voice) = voice else {
            self.note_foreign(operation, organization, address).await;
            return Err(no_voice().into());
        };
        let engine = self.engine_of(&voice)?;
        if instructions.is_some() && !engine.capabilities().instructions {
            let message = "this voice follows no instructions";
            return Err(FieldError::new(ErrorCode::Unsupported, message)
                .at("instructions")
                .into());
        }
        let ignored = asked
            .into_iter()
            .filter(|kind| !engine.capabilities().honours(*kind))
            .collect();
        let key = reuse_key(&Reading {
            text: &text,
            voice: &address,
            engine: &voice.engine,
            engine_voice: &voice.engine_voice,
            settings: &settings,
            instructions: instructions.as_ref(),
            format,
            mastering,
        });
        let now = self.0.core().clock.now();
        let generation = Generation {
            id: self.0.core().ids.next(),
            organization,
            created_by: grant.user(),
            created_by_key: grant.api_key(),
            voice: VoiceOfGeneration {
                id: address.id(),
                scope: address.scope(),
                name: voice.name.clone(),
            },
            characters: text.characters(),
            text: text.into_string(),
            settings,
            instructions: instructions.map(SpeechInstructions::into_string),
            format,
            mastering,
            engine: voice.engine.clone(),
            state: GenerationState::Queued,
            progress: 0.0,
            failure: None,
            audio_key: None,
            audio_bytes: None,
            duration_ms: None,
            sample_rate: None,
            created_at: now,
            started_at: None,
            finished_at: None,
        };
        let ask = Ask {
            request: self.0.clone(),
            author: grant.author(),
            generation,
            engine_voice: voice.engine_voice,
            reuse_key: Sha256::digest(&key).into(),
            fresh,
            idempotency,
        };
        let stored = Box::pin(ask.store()).await;
        if let Err(error) = &stored {
            billing::full(self.0, &grant, error).await;
        }
        let (generation, source) = stored?;
        Ok(CreatedGeneration {
            generation,
            reused: source != Source::New,
            replayed: source == Source::Replayed,
            ignored,
        })
    }

    /// A text that is as long as the instance allows.
    pub(super) fn text(self, text: &str) -> Result<GenerationText, FieldError> {
        let text = GenerationText::parse(text)?;
        let limit = self.0.core().settings.text_limit;
        if text.characters() > limit as u64 {
            let message = format_args!("must have at most {limit} characters");
            return Err(FieldError::new(ErrorCode::TooLong, message));
        }
        Ok(text)
    }

    /// Records a try to speak with another organization's voice.
    async fn note_foreign(self, operation: &'static str, organization: OrganizationId, voice: VoiceAddress) {
        if let VoiceAddress::Custom(voice) = voice
            && voice.organization != organization
        {
            let attempt = Attempt::on(operation, voice.organization, voice.global_id());
            let refusal: Outcome<()> = Err(ServiceError::Denied(Denied::NotVisible));
            let _ = self.0.noting(attempt, refusal).await;
        }
    }

    /// What speaks the voice here.
    fn engine_of(&self, voice: &SpeakingVoice) -> Result<&dyn SpeechEngine, FieldError> {
        let engine = self.0.core().engines.get(&voice.engine).map(AsRef::as_ref);
        engine.ok_or_else(|| {
            let message = "the engine of this voice is not available";
            FieldError::new(ErrorCode::Unsupported, message).at("voiceId")
        })
    }
}

/// A rate that the format has.
fn rate(format: AudioFormat, asked: Option<i64>) -> Result<Option<u32>, FieldError> {
    let Some(asked) = asked else { return Ok(None) };
    let rate = u32::try_from(asked).ok();
    match rate.filter(|rate| OutputFormat::from(format).allows(*rate)) {
        Some(rate) => Ok(Some(rate)),
        None => {
            let rates = OutputFormat::from(format).rates();
            Err(FieldError::new(
                ErrorCode::Invalid,
                format_args!("must be {rates}"),
            ))
        }
    }
}

fn loudness(asked: Option<f64>) -> Result<Option<f64>, FieldError> {
    match asked {
        Some(lufs) if !LOUDNESS.contains(&lufs) => {
            let message = format_args!("must be from {} to {}", LOUDNESS.start(), LOUDNESS.end());
            Err(FieldError::new(ErrorCode::Invalid, message))
        }
        asked => Ok(asked),
    }
}

pub(super) fn no_voice() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such voice").at("voiceId")
}
