//! Asking for a text to be spoken.

use resonance_authz::{CreateGenerations, Denied, Grant};
use resonance_domain::{
    AudioFormat, ErrorCode, EventKind, FieldError, FieldErrors, Generation, GenerationState, GenerationText,
    IdsExt, InOrg, OrganizationId, SpeechSettings, VoiceAddress, VoiceOfGeneration, reuse_key,
};
use resonance_persistence::{JobQueue, NewGeneration, NewJob, Repositories, SpeakingVoice, UnitOfWork};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Generations;
use crate::{Outcome, ServiceError, changes::Changes, refusals::Attempt};

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
    /// The format of the audio.
    pub format: AudioFormat,
    /// Whether to speak it even if the same was spoken before.
    pub fresh: bool,
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
    pub(super) format: AudioFormat,
}

/// A generation that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedGeneration {
    /// The generation, new or old.
    pub generation: Generation,
    /// Whether it was there before, so that nothing is charged.
    pub reused: bool,
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
    /// `TOO_SHORT` or `TOO_LONG` (`text`), `INVALID` (`settings.…`, `voiceId`), `NOT_FOUND` (`voiceId`) for a voice
    /// that does not exist or is another organization's, `UNSUPPORTED` (`voiceId`) if nothing here speaks the voice.
    pub async fn create(self, input: CreateGeneration) -> Outcome<CreatedGeneration> {
        let organization = self.0.organization(input.organization)?;
        let mut errors = FieldErrors::default();
        let text = errors.take("text", GenerationText::parse(&input.text));
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
            settings,
            format: input.format,
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
            format,
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
        self.check_engine(&voice, &text)?;
        let key = reuse_key(
            &text,
            &address,
            &voice.engine,
            &voice.engine_voice,
            &settings,
            format,
        );
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
            format,
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
        let new = NewGeneration {
            generation: &generation,
            engine_voice: &voice.engine_voice,
            reuse_key: Sha256::digest(&key).into(),
        };
        let database = &self.0.core().database;
        database
            .atomically(async |uow| self.store(uow, &new, fresh).await)
            .await
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

    /// Whether something here can speak the text with the voice.
    fn check_engine(self, voice: &SpeakingVoice, text: &GenerationText) -> Result<(), FieldError> {
        let Some(engine) = self.0.core().engines.get(&voice.engine) else {
            let message = "the engine of this voice is not available";
            return Err(FieldError::new(ErrorCode::Unsupported, message).at("voiceId"));
        };
        let max = engine.capabilities().max_characters;
        if text.characters() > max as u64 {
            let message = format_args!("this voice speaks at most {max} characters at a time");
            return Err(FieldError::new(ErrorCode::TooLong, message).at("text"));
        }
        Ok(())
    }

    async fn store(
        self,
        uow: &UnitOfWork,
        new: &NewGeneration<'_>,
        fresh: bool,
    ) -> Outcome<CreatedGeneration> {
        let generation = new.generation;
        let organization = generation.organization;
        let grant = match self.0.key_in(uow, organization).await? {
            Some(open) if !open.key.may_speak_with(&generation.voice_address()) => {
                return Err(no_voice().into());
            }
            Some(open) => open.standing.grant()?,
            None => self.0.grant_in::<CreateGenerations>(uow, organization).await?,
        };
        let generations = uow.generations();
        // Somebody else may store the same in between, or what was there may fail; then the next round finds it so.
        loop {
            if fresh {
                generations.forget_reusable(&grant, &new.reuse_key).await?;
            }
            if generations.insert(&grant, new).await? {
                break;
            }
            if !fresh && let Some(generation) = generations.reusable(&grant, &new.reuse_key).await? {
                return Ok(CreatedGeneration {
                    generation,
                    reused: true,
                });
            }
        }
        self.enqueue(uow, &grant, generation).await?;
        Ok(CreatedGeneration {
            generation: generation.clone(),
            reused: false,
        })
    }

    /// What belongs to a new generation beside its row.
    async fn enqueue(
        self,
        uow: &UnitOfWork,
        grant: &Grant<CreateGenerations>,
        generation: &Generation,
    ) -> Outcome<()> {
        let ids = &self.0.core().ids;
        let organization = generation.organization;
        uow.usage()
            .hold(
                grant,
                ids.next(),
                generation.id,
                generation.voice.id,
                generation.characters,
                generation.created_at,
            )
            .await?;
        let keys = uow.api_keys();
        if !keys
            .spend(grant, generation.characters, generation.created_at)
            .await?
        {
            let budget = "the monthly budget of this key";
            return Err(ServiceError::QuotaExceeded { budget });
        }
        let job = NewJob {
            id: ids.next(),
            queue: JobQueue::Speak,
            organization: Some(organization),
            subject: Some(generation.id.as_uuid()),
            payload: json!({}),
            run_at: generation.created_at,
            created_at: generation.created_at,
        };
        uow.jobs().add(job).await?;
        // Last, as everybody in the organization waits for this row.
        if !uow.generations().count_up(grant).await? {
            return Err(ServiceError::Denied(Denied::NotVisible));
        }
        // Not the text, which is the generation's and goes with it.
        let payload = Changes::default()
            .made("state", generation.state.as_str())
            .with("voice", generation.voice_address().global_id())
            .with("voiceName", generation.voice.name.as_str())
            .with("characters", generation.characters)
            .with("format", generation.format.extension());
        let subject = InOrg::new(organization, generation.id).global_id();
        uow.record(
            self.0
                .event(EventKind::GenerationCreated, Some(organization), subject, payload),
        );
        Ok(())
    }
}

fn no_voice() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such voice").at("voiceId")
}
