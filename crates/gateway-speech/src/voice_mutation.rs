//! Making, changing and deleting voices.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Upload};
use resonance_domain::{self as domain, CustomVoice, ErrorCode, FieldError, InOrg, VoiceAddress, VoiceId};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split, upload_bytes};
use resonance_services::{Attestation, CreateVoice, Outcome, Request, UpdateVoice, Voices};

use crate::{Voice, VoiceCategory};

/// A voice to make from a recording.
#[derive(Debug, InputObject)]
pub(crate) struct CreateVoiceInput {
    /// The organization that the voice will belong to; null or omitted means the active one.
    organization_id: Option<ID>,
    /// The name: 1 to 100 characters on one line.
    name: String,
    /// What it sounds like: up to 500 characters. Null or omitted means nothing is said.
    description: Option<String>,
    /// What it is best for; `GENERAL` when null or omitted.
    category: Option<VoiceCategory>,
    /// The language that it speaks, as a BCP 47 tag with a region; `en-US` when null or omitted. The engine must speak
    /// it (`UNSUPPORTED`).
    language: Option<String>,
    /// The engine that will speak it; `builtin` when null or omitted.
    engine: Option<String>,
    /// The recording: WAV, MP3, M4A, AAC, FLAC, Ogg or WebM of up to 20 MB with 10 seconds to 10 minutes of sound.
    sample: Upload,
    /// The consent of the recorded speaker. Without it there is no voice (`CONSENT_REQUIRED`).
    consent: VoiceConsentInput,
}

/// What the creator of a voice attests.
#[derive(Debug, InputObject)]
pub(crate) struct VoiceConsentInput {
    /// Whether the recorded speaker agreed.
    attested: bool,
    /// To what the speaker agreed, in words: 1 to 1,000 characters. It is kept with the voice.
    statement: String,
}

/// What to change of a voice of an organization's own.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateVoiceInput {
    /// The voice.
    voice_id: ID,
    /// The name: 1 to 100 characters on one line. Null or omitted leaves it as it is.
    name: Option<String>,
    /// What it sounds like: up to 500 characters, empty for nothing. Null or omitted leaves it as it is.
    description: Option<String>,
    /// What it is best for. Null or omitted leaves it as it is.
    category: Option<VoiceCategory>,
}

/// A voice to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteVoiceInput {
    /// The voice.
    voice_id: ID,
}

/// What became of making a voice.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateVoicePayload {
    /// The new voice; null if the input was refused.
    voice: Option<Voice>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of changing a voice.
#[derive(Debug, SimpleObject)]
pub(crate) struct UpdateVoicePayload {
    /// The voice, changed; null if the input was refused.
    voice: Option<Voice>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of deleting a voice.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeleteVoicePayload {
    /// The id of the voice that is gone; null if the input was refused.
    deleted_voice_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The mutations of voices.
#[derive(Debug, Clone, Copy, Default)]
pub struct VoicesMutation;

#[Object]
impl VoicesMutation {
    /// Makes a voice from a recording. The recording is decoded and measured; the new voice counts as usage.
    /// Requires `org:voices:create`.
    async fn create_voice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The voice.")] input: CreateVoiceInput,
    ) -> ApiResult<CreateVoicePayload> {
        let (voice, user_errors) = split(create(context, request(context)?, input).await)?;
        Ok(CreateVoicePayload {
            voice: voice.map(shown),
            user_errors,
        })
    }

    /// Renames, describes and recategorises a voice of an organization's own. Requires `org:voices:update`.
    async fn update_voice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateVoiceInput,
    ) -> ApiResult<UpdateVoicePayload> {
        let (voice, user_errors) = split(update(request(context)?, input).await)?;
        Ok(UpdateVoicePayload {
            voice: voice.map(shown),
            user_errors,
        })
    }

    /// Deletes a voice of an organization's own, with its recording, for good. What it has spoken stays, and keeps its
    /// name. Requires `org:voices:delete`.
    async fn delete_voice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The voice.")] input: DeleteVoiceInput,
    ) -> ApiResult<DeleteVoicePayload> {
        let (deleted, user_errors) = split(delete(request(context)?, &input.voice_id).await)?;
        Ok(DeleteVoicePayload {
            deleted_voice_id: deleted.map(|()| input.voice_id),
            user_errors,
        })
    }
}

async fn create(context: &Context<'_>, request: &Request, input: CreateVoiceInput) -> Outcome<CustomVoice> {
    let organization = input
        .organization_id
        .map(|id| parse_id("organizationId", &id))
        .transpose()?;
    let sample = upload_bytes(context, input.sample, "sample", Voices::MAX_SAMPLE_BYTES).await?;
    let input = CreateVoice {
        organization,
        name: input.name,
        description: input.description,
        category: input.category.map(Into::into),
        language: input.language,
        engine: input.engine,
        sample: sample.into(),
        consent: Attestation {
            attested: input.consent.attested,
            statement: input.consent.statement,
        },
    };
    request.voices().create(input).await
}

async fn update(request: &Request, input: UpdateVoiceInput) -> Outcome<CustomVoice> {
    let input = UpdateVoice {
        voice: custom(&input.voice_id)?,
        name: input.name,
        description: input.description,
        category: input.category.map(Into::into),
    };
    request.voices().update(input).await
}

async fn delete(request: &Request, id: &ID) -> Outcome<()> {
    request.voices().delete(custom(id)?).await
}

/// The voice that an input wants changed.
fn custom(id: &ID) -> Result<InOrg<VoiceId>, FieldError> {
    match parse_id("voiceId", id)? {
        VoiceAddress::Custom(address) => Ok(address),
        VoiceAddress::System(_) => {
            let message = "the instance's voices are changed by nobody but its operators";
            Err(FieldError::new(ErrorCode::Invalid, message).at("voiceId"))
        }
    }
}

fn shown(voice: CustomVoice) -> Voice {
    domain::Voice::Custom(voice).into()
}
