//! Having texts spoken, and taking that back.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain::{FieldError, GenerationId, InOrg};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, parse_tenant_id, request, split};
use resonance_services::{CreateGeneration, CreatedGeneration, Outcome, Request};

use crate::{AudioFormat, Generation, SpeechSetting, SpeechSettingsInput};

/// What is to be spoken.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGenerationInput {
    /// The organization for which it is spoken. Null or omitted means the one that the request works in.
    organization_id: Option<ID>,
    /// The text: 1 to 5,000 characters (Unicode scalar values) after trimming, or more if the instance is set up for it.
    /// Markup in it is text like any other.
    text: String,
    /// The voice: one of the instance's, or one of the organization's own.
    voice_id: ID,
    /// How to speak. Null or omitted means the defaults.
    settings: Option<SpeechSettingsInput>,
    /// How to speak, in words, such as "whisper": 1 to 4,096 characters. Refused with `UNSUPPORTED` by voices that follow
    /// none; see `Voice.capabilities`.
    instructions: Option<String>,
    /// The sample rate of the audio in hertz: 8,000 to 48,000 for WAV and FLAC, one of MPEG's for MP3 and
    /// AAC, 48,000 for Opus.
    /// Null or omitted means the engine's, or the nearest that the format knows.
    sample_rate: Option<i32>,
    /// The loudness of the audio in LUFS (EBU R 128), -40 to -10, with a true peak of -1 dB at most. Null or omitted
    /// leaves it as the engine speaks.
    loudness: Option<f64>,
    /// The format of the audio.
    #[graphql(default_with = "AudioFormat::Mp3")]
    format: AudioFormat,
    /// Whether to speak it anew, and charge it, even if the same text was spoken by the same voice with the same
    /// settings in the same format before.
    #[graphql(default = false)]
    fresh: bool,
}

/// What became of asking for a generation.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateGenerationPayload {
    /// The generation; null if the input was refused.
    generation: Option<Generation>,
    /// Whether it was there before, so that nothing is charged.
    reused: bool,
    /// The settings that were asked for and make no difference with this voice.
    ignored_settings: Vec<SpeechSetting>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// Which generation to stop.
#[derive(Debug, InputObject)]
pub(crate) struct CancelGenerationInput {
    /// The generation.
    id: ID,
}

/// What became of stopping a generation.
#[derive(Debug, SimpleObject)]
pub(crate) struct CancelGenerationPayload {
    /// The generation, cancelled; null if the input was refused.
    generation: Option<Generation>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// Which generation to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteGenerationInput {
    /// The generation.
    id: ID,
}

/// What became of deleting a generation.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteGenerationPayload {
    /// The id of the generation that is no more; null if the input was refused.
    deleted_generation_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What is to be spoken once more.
#[derive(Debug, InputObject)]
pub(crate) struct RepeatGenerationInput {
    /// The generation that says what, by which voice, how, and in which format.
    generation_id: ID,
    /// Whether to speak it anew, and charge it. If not, and what the same input gives back is there, that is the answer.
    #[graphql(default = true)]
    fresh: bool,
}

/// What became of asking for a generation once more.
#[derive(Debug, SimpleObject)]
pub(crate) struct RepeatGenerationPayload {
    /// The new generation; null if the input was refused.
    generation: Option<Generation>,
    /// Whether it was there before, so that nothing is charged.
    reused: bool,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// Which generations to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteGenerationsInput {
    /// The generations, of one organization: 1 to 100.
    ids: Vec<ID>,
}

/// What became of deleting generations.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteGenerationsPayload {
    /// The ids of the generations that are no more; null if the input was refused, and then all are still there.
    deleted_generation_ids: Option<Vec<ID>>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// Which generations to download.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGenerationArchiveInput {
    /// The generations, of one organization: 1 to 100.
    ids: Vec<ID>,
}

/// What became of asking for an archive.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateGenerationArchivePayload {
    /// The URL of the archive; null if the input was refused.
    url: Option<String>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The mutations of generations.
#[derive(Debug, Default)]
pub struct GenerationsMutation;

#[Object]
impl GenerationsMutation {
    /// Has a text spoken. The answer comes at once, and the audio later: follow the generation by the subscription
    /// `generation`. Its characters are held until then, charged if it succeeds, and given back if it does not.
    ///
    /// The same text, voice, settings and format give the generation back that is there already, free of charge,
    /// unless `fresh` is set. Requires `org:generations:create`.
    async fn create_generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be spoken.")] input: CreateGenerationInput,
    ) -> ApiResult<CreateGenerationPayload> {
        let request = request(context)?;
        let organization = input
            .organization_id
            .map(|id| parse_id("organizationId", &id))
            .transpose();
        let outcome = match organization {
            Ok(organization) => {
                let create = CreateGeneration {
                    organization,
                    text: input.text,
                    voice: input.voice_id.0,
                    settings: input.settings.unwrap_or_default().into(),
                    instructions: input.instructions,
                    sample_rate: input.sample_rate.map(i64::from),
                    loudness: input.loudness,
                    format: input.format.into(),
                    fresh: input.fresh,
                    idempotency: None,
                };
                request.generations().create(create).await
            }
            Err(error) => Err(error.into()),
        };
        let (created, user_errors) = split(outcome)?;
        Ok(CreateGenerationPayload {
            reused: created.as_ref().is_some_and(|created| created.reused),
            ignored_settings: created
                .as_ref()
                .map(|created| created.ignored.iter().copied().map(Into::into).collect())
                .unwrap_or_default(),
            generation: created.map(|created| Generation::new(request, created.generation)),
            user_errors,
        })
    }

    /// Stops a generation that is queued or being spoken; nothing is charged for it. Refused with `CONFLICT` if it is
    /// finished. Everybody stops their own; somebody else's requires `org:generations:delete`.
    async fn cancel_generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which generation.")] input: CancelGenerationInput,
    ) -> ApiResult<CancelGenerationPayload> {
        let request = request(context)?;
        let (generation, user_errors) = split(cancel(request, &input.id).await)?;
        Ok(CancelGenerationPayload {
            generation: generation.map(|generation| Generation::new(request, generation)),
            user_errors,
        })
    }

    /// Removes a generation from the history, with its audio, for ever; it is stopped first if it is not finished. What
    /// it cost stays charged. Everybody deletes their own; somebody else's requires `org:generations:delete`.
    async fn delete_generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which generation.")] input: DeleteGenerationInput,
    ) -> ApiResult<DeleteGenerationPayload> {
        let request = request(context)?;
        let (deleted, user_errors) = split(delete(request, &input.id).await)?;
        Ok(DeleteGenerationPayload {
            deleted_generation_id: deleted.map(|()| input.id),
            user_errors,
        })
    }

    /// Has the text of a generation spoken once more, by the same voice, with the same settings, in the same format. The
    /// rest is as for `createGeneration`, refusals included: `NOT_FOUND` at `voiceId` if the voice was deleted since.
    /// Requires `org:generations:read` and `org:generations:create`.
    async fn repeat_generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be spoken once more.")] input: RepeatGenerationInput,
    ) -> ApiResult<RepeatGenerationPayload> {
        let request = request(context)?;
        let (repeated, user_errors) = split(repeat(request, &input).await)?;
        Ok(RepeatGenerationPayload {
            reused: repeated.as_ref().is_some_and(|repeated| repeated.reused),
            generation: repeated.map(|repeated| Generation::new(request, repeated.generation)),
            user_errors,
        })
    }

    /// Removes generations from the history, each as `deleteGeneration` does: all of them, or none. Everybody deletes
    /// their own; somebody else's requires `org:generations:delete`.
    async fn delete_generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which generations.")] input: DeleteGenerationsInput,
    ) -> ApiResult<DeleteGenerationsPayload> {
        let (deleted, user_errors) = split(delete_many(request(context)?, &input.ids).await)?;
        Ok(DeleteGenerationsPayload {
            deleted_generation_ids: deleted.map(|()| input.ids),
            user_errors,
        })
    }

    /// Gives the URL of a ZIP archive with the audio of generations, and with `manifest.json`, which lists their texts,
    /// voices and settings. It is valid for a short while and without any other permission, but only as long as whoever
    /// asks now may read them, and as long as all of them are there; nothing is made before it is fetched. Refused with
    /// `CONFLICT` if one of them has not succeeded. Requires `org:generations:read`.
    async fn create_generation_archive(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which generations.")] input: CreateGenerationArchiveInput,
    ) -> ApiResult<CreateGenerationArchivePayload> {
        let (url, user_errors) = split(archive_url(request(context)?, &input.ids).await)?;
        Ok(CreateGenerationArchivePayload { url, user_errors })
    }
}

async fn cancel(request: &Request, id: &ID) -> Outcome<resonance_domain::Generation> {
    request.generations().cancel(parse_tenant_id("id", id)?).await
}

async fn delete(request: &Request, id: &ID) -> Outcome<()> {
    request.generations().delete(parse_tenant_id("id", id)?).await
}

async fn repeat(request: &Request, input: &RepeatGenerationInput) -> Outcome<CreatedGeneration> {
    let address = parse_tenant_id("generationId", &input.generation_id)?;
    request.generations().repeat(address, input.fresh).await
}

async fn delete_many(request: &Request, ids: &[ID]) -> Outcome<()> {
    request.generations().delete_many(&selection(ids)?).await
}

async fn archive_url(request: &Request, ids: &[ID]) -> Outcome<String> {
    request.generations().archive_url(&selection(ids)?).await
}

fn selection(ids: &[ID]) -> Result<Vec<InOrg<GenerationId>>, FieldError> {
    ids.iter().map(|id| parse_tenant_id("ids", id)).collect()
}
