//! Having a text spoken and hearing it, in one go.

use resonance_authz::{CreateGenerations, Grant};
use resonance_domain::{ErrorCode, FieldError, Generation, GenerationState, InOrg, VoiceAddress};

use super::{
    CreateGeneration, CreatedGeneration, Generations,
    listen::{Hearing, Listener, PATIENCE},
};
use crate::{Outcome, ServiceError, refusals::Attempt};

/// A generation, and what is to be heard of it.
#[derive(Debug)]
pub struct Speech {
    /// The generation; where there is nothing to hear, as it is by then.
    pub generation: Generation,
    /// The settings that were asked for and make no difference with this voice.
    pub ignored: Vec<resonance_domain::SettingKind>,
    /// The sound. `None` if the generation ended without any, or is not begun with for want of its engine; then its
    /// state tells which.
    pub hearing: Option<Hearing>,
    /// Whether the same request made the generation before.
    pub replayed: bool,
}

impl Generations<'_> {
    /// As [`Generations::create`], and then waits for the first sound. The voice may be named instead of addressed:
    /// the organization's own voices come before the instance's. With `engine`, only that engine's voices are meant.
    ///
    /// Whoever may have a text spoken hears it: `org:generations:read` is not asked for. The generation goes on if the
    /// caller does not wait; the same input gives it back later.
    ///
    /// # Errors
    /// As [`Generations::create`].
    pub async fn speak(self, mut input: CreateGeneration, engine: Option<&str>) -> Outcome<Speech> {
        let grant = self.speaker(&input).await?;
        if let Some(voice) = self.voice(&grant, &input.voice, engine).await? {
            input.voice = voice.global_id();
        }
        let created = Box::pin(self.create(input)).await?;
        self.heard(created).await
    }

    /// What the same request, marked with the same key, made before, as [`Generations::speak`] answers now; `None` if it
    /// made nothing. It is found whatever became of voices, engines and budgets since.
    ///
    /// # Errors
    /// `CONFLICT` or `NOT_FOUND` (`idempotencyKey`) if the key came before, with another request or for what is deleted.
    pub async fn speak_again(self, input: &CreateGeneration) -> Outcome<Option<Speech>> {
        let Some(key) = input.idempotency else {
            return Ok(None);
        };
        let grant = self.speaker(input).await?;
        let database = &self.0.core().database;
        let Some(generation) = self.made_before(database, &grant, key).await? else {
            return Ok(None);
        };
        let engine = self.0.engine_capabilities(&generation.engine);
        let ignored = input.settings.asked();
        let created = CreatedGeneration {
            ignored: ignored
                .filter(|kind| engine.is_some_and(|engine| !engine.honours(*kind)))
                .collect(),
            generation,
            reused: true,
            replayed: true,
        };
        self.heard(created).await.map(Some)
    }

    /// The authority to speak, in the organization that is meant.
    async fn speaker(self, input: &CreateGeneration) -> Outcome<Grant<CreateGenerations>> {
        let organization = self.0.organization(input.organization)?;
        let attempt = Attempt::in_organization("speak", organization);
        let grant = self.0.grant::<CreateGenerations>(organization).await;
        self.0.noting(attempt, grant).await
    }

    /// Waits for the first sound.
    async fn heard(self, created: CreatedGeneration) -> Outcome<Speech> {
        let address = InOrg::new(created.generation.organization, created.generation.id);
        let listener = Listener::new(self.0.services(), address);
        let lookout = Listener::new(self.0.services(), address);
        let hearing = tokio::select! {
            begun = listener.begin() => match begun {
                Ok(hearing) => Some(hearing),
                // Its state tells why.
                Err(ServiceError::Refused(_)) => None,
                Err(error) => return Err(error),
            },
            () = lookout.engine_is_away(&created.generation.engine) => None,
            () = tokio::time::sleep(PATIENCE) => None,
        };
        let generation = match hearing {
            Some(_) => created.generation,
            None => lookout.look().await?,
        };
        Ok(Speech {
            generation,
            ignored: created.ignored,
            hearing,
            replayed: created.replayed,
        })
    }

    /// The voice that is meant; `None` if it is left to [`Generations::create`] to say what is wrong.
    async fn voice(
        self,
        grant: &Grant<CreateGenerations>,
        text: &str,
        engine: Option<&str>,
    ) -> Outcome<Option<VoiceAddress>> {
        let no_voice = || FieldError::new(ErrorCode::NotFound, "there is no such voice").at("voiceId");
        let Ok(address) = text.parse::<VoiceAddress>() else {
            let found = self.repository().voice_named(grant, text, engine).await?;
            return Ok(Some(found.ok_or_else(no_voice)?));
        };
        if let Some(engine) = engine {
            let voice = self.repository().speaking_voice(grant, address).await?;
            if voice.is_some_and(|voice| voice.engine != engine) {
                return Err(no_voice().into());
            }
        }
        Ok(Some(address))
    }
}

impl Speech {
    /// Whether the generation is still going to be spoken.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(
            self.generation.state,
            GenerationState::Queued | GenerationState::Running
        )
    }
}
