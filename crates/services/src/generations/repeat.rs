//! Asking for what was spoken before once more.

use resonance_domain::{FieldErrors, GenerationId, InOrg, SpeechInstructions};

use super::{CreatedGeneration, Generations, create::Order};
use crate::{Outcome, ServiceError, refusals::Attempt};

impl Generations<'_> {
    /// Has the text of a generation spoken once more, by the same voice, with the same settings, in the same format: a
    /// fresh take, unless `fresh` is not set; then what is there already is the answer, as for
    /// [`Generations::create`]. It costs what a new one costs. Requires `org:generations:read` and
    /// `org:generations:create`.
    ///
    /// # Errors
    /// `NotVisible` if there is no such generation; else those of [`Generations::create`], `NOT_FOUND` (`voiceId`) for a
    /// voice that was deleted since among them.
    pub async fn repeat(self, address: InOrg<GenerationId>, fresh: bool) -> Outcome<CreatedGeneration> {
        const OPERATION: &str = "repeatGeneration";
        let attempt = Attempt::on(OPERATION, address.organization, address.global_id());
        let found = self.get(address).await;
        let old = self.0.noting(attempt, found).await?;
        // It was checked when it was new, perhaps by other rules.
        let mut errors = FieldErrors::default();
        let text = errors.take("text", self.text(&old.text));
        let instructions = old.instructions.as_deref().map(SpeechInstructions::parse);
        let instructions = errors.take("instructions", instructions.transpose()).flatten();
        let settings = old.settings.checked();
        errors.finish()?;
        let (Some(text), settings) = (text, settings?) else {
            return Err(ServiceError::internal(
                "reading a generation",
                "no error and no text",
            ));
        };
        let order = Order {
            text,
            voice: old.voice_address(),
            settings,
            asked: Vec::new(),
            instructions,
            format: old.format,
            mastering: old.mastering,
            idempotency: None,
        };
        self.ask(OPERATION, address.organization, order, fresh).await
    }
}
