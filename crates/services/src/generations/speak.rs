//! Having a text spoken and hearing it, in one go.

use resonance_authz::{CreateGenerations, Grant};
use resonance_domain::{ErrorCode, FieldError, Generation, GenerationState, InOrg, VoiceAddress};

use super::{
    CreateGeneration, Generations,
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
        let organization = self.0.organization(input.organization)?;
        let attempt = Attempt::in_organization("speak", organization);
        let grant = self.0.grant::<CreateGenerations>(organization).await;
        let grant = self.0.noting(attempt, grant).await?;
        if let Some(voice) = self.voice(&grant, &input.voice, engine).await? {
            input.voice = voice.global_id();
        }
        let created = Box::pin(self.create(input)).await?;
        let address = InOrg::new(organization, created.generation.id);
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
