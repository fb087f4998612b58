//! What voices sound like.
//!
//! The preview of a new custom voice is made by a job; one that is not there yet, and those of the instance's voices,
//! when somebody wants to hear it. Nodes do not coordinate: if two make the same one at the same time, the second replaces
//! the first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use resonance_authz::{SystemGrant, system::Deliver};
use resonance_blobs::{BlobError, BlobKey};
use resonance_domain::{AudioFormat, Id, IdsExt, InOrg, SpeechSettings, Voice, VoiceAddress, VoiceId};
use resonance_persistence::{ClaimedJob, JobQueue, NewJob, Repositories};
use resonance_speech::{
    audio::{Encoded, encode},
    engine::{Progress, SpeechEngine, SynthesisRequest},
};

use crate::{
    Delivery, Outcome, ServiceError,
    core::Core,
    recording,
    sweep::{Owner, Pledge},
};

/// What a voice says whose engine offers no voice in its language.
const FALLBACK_TEXT: &str = "Hello! This is how I sound.";

/// Lets one at a time make the preview of a voice.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<VoiceId, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, voice: VoiceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&voice).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(voice, Arc::downgrade(&turn));
        turn
    }
}

/// The folder of a custom voice's objects: the recording, and a folder with the preview.
pub(crate) fn folder(voice: InOrg<VoiceId>) -> Outcome<BlobKey> {
    let InOrg { organization, id } = voice;
    key(&format!(
        "organizations/{}/voices/{}",
        organization.as_uuid(),
        id.as_uuid()
    ))
}

/// A key that is put together of ids and names of ours.
pub(crate) fn key(text: &str) -> Outcome<BlobKey> {
    BlobKey::parse(text).map_err(|error| ServiceError::internal("naming an object", error))
}

/// A job that makes the preview of a custom voice of `engine`: add it where the voice is stored.
pub(crate) fn job(core: &Core, voice: InOrg<VoiceId>, engine: &str) -> NewJob {
    let now = core.clock.now();
    NewJob {
        id: core.ids.next(),
        queue: JobQueue::Preview,
        lane: engine.to_owned(),
        organization: Some(voice.organization),
        subject: Some(voice.id.as_uuid()),
        payload: serde_json::Value::Null,
        run_at: now,
        created_at: now,
    }
}

/// Does such a job. There is nothing to do if somebody has heard the preview already, or the voice is gone.
pub(crate) async fn work(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    let (Some(organization), Some(voice)) = (job.organization, job.subject) else {
        return Err(ServiceError::internal("reading a preview job", "no voice"));
    };
    let address = VoiceAddress::Custom(InOrg::new(organization, Id::from_uuid(voice)));
    if let Some(voice) = current(core, address).await? {
        of(core, voice).await?;
    }
    core.database
        .atomically(async |uow| uow.jobs().complete(job).await)
        .await?;
    Ok(())
}

/// The preview of a voice that the asker may hear; `None` if the voice is gone.
pub(crate) async fn of(core: &Core, voice: Voice) -> Outcome<Option<Delivery>> {
    if let Some(delivery) = kept(core, &voice).await? {
        return Ok(Some(delivery));
    }
    let turn = core.preview_turns.of(voice.address().id());
    let _turn = turn.lock().await;
    // Whoever had the turn before has made it.
    let Some(voice) = current(core, voice.address()).await? else {
        return Ok(None);
    };
    match kept(core, &voice).await? {
        Some(delivery) => Ok(Some(delivery)),
        None => make(core, &voice).await,
    }
}

async fn current(core: &Core, address: VoiceAddress) -> Outcome<Option<Voice>> {
    let voices = core.database.voices();
    Ok(match address {
        VoiceAddress::System(id) => voices.system_voice(id).await?.map(Voice::System),
        VoiceAddress::Custom(address) => voices
            .delivered(&SystemGrant::<Deliver>::for_job(), address)
            .await?
            .map(Voice::Custom),
    })
}

/// The preview that was made before, if the store still has it.
async fn kept(core: &Core, voice: &Voice) -> Outcome<Option<Delivery>> {
    let (Voice::System(resonance_domain::SystemVoice { preview_key, .. })
    | Voice::Custom(resonance_domain::CustomVoice { preview_key, .. })) = voice;
    let Some(preview_key) = preview_key else {
        return Ok(None);
    };
    match core.blobs.head(&key(preview_key)?).await {
        Ok(info) => Ok(Some(Delivery::new(core, info, AudioFormat::Mp3.content_type()))),
        Err(BlobError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn make(core: &Core, voice: &Voice) -> Outcome<Option<Delivery>> {
    let spoken = speak(core, voice).await?;
    let grant = SystemGrant::<Deliver>::for_job();
    let made = match voice.address() {
        VoiceAddress::System(id) => {
            let (engine, _) = voice.engine();
            // The id and not the engine's key: engines may use signs in keys that object stores do not.
            let key = key(&format!("system/previews/{engine}/{}.mp3", id.as_uuid()))?;
            core.blobs.put(&key, spoken.bytes, spoken.content_type).await?;
            core.database
                .atomically(async |uow| uow.voices().note_system_preview(&grant, id, key.as_str()).await)
                .await?;
            Some(key)
        }
        VoiceAddress::Custom(address) => {
            let folder = key(&format!("{}/preview", folder(address)?))?;
            let key = key(&format!("{folder}/audio.mp3"))?;
            let pledge = Pledge::make(core, &folder, Owner::Preview(address)).await?;
            core.blobs.put(&key, spoken.bytes, spoken.content_type).await?;
            let noted = core
                .database
                .atomically(async |uow| {
                    let noted = uow.voices().note_preview(&grant, address, key.as_str()).await?;
                    if noted {
                        pledge.redeem(uow).await?;
                    }
                    Ok::<_, ServiceError>(noted)
                })
                .await;
            // The voice may have been deleted meanwhile.
            if !matches!(noted, Ok(true)) {
                pledge.abandon(core).await;
            }
            noted?.then_some(key)
        }
    };
    match made {
        Some(key) => Ok(Some(
            Delivery::of(core, &key, AudioFormat::Mp3.content_type()).await?,
        )),
        None => Ok(None),
    }
}

async fn speak(core: &Core, voice: &Voice) -> Outcome<Encoded> {
    let (engine, engine_voice) = voice.engine();
    let engine = core
        .engines
        .get(engine)
        .ok_or_else(|| ServiceError::internal("making a preview", "the voice's engine is not configured"))?;
    // Who sets itself a limit works elsewhere, and may take its time.
    let _permit = match engine.status().limit {
        None => Some(core.audio_work().await?),
        Some(_) => None,
    };
    let organization = match voice.address() {
        VoiceAddress::System(_) => None,
        VoiceAddress::Custom(address) => Some(address.organization),
    };
    let sample = recording::for_speaking(core, &**engine, engine_voice, organization).await?;
    let request = SynthesisRequest {
        text: text_for(&**engine, voice).await,
        voice: engine_voice.clone(),
        settings: SpeechSettings::default(),
        instructions: None,
        sample,
    };
    let pcm = engine
        .synthesize(request, Progress::default())
        .await
        .map_err(|error| ServiceError::internal("making a preview", error))?;
    tokio::task::spawn_blocking(move || encode(&pcm, AudioFormat::Mp3))
        .await
        .map_err(|error| ServiceError::internal("making a preview", error))?
        .map_err(|error| ServiceError::internal("making a preview", error))
}

/// The text that the engine's makers chose for the voice, or else for the nearest language.
async fn text_for(engine: &dyn SpeechEngine, voice: &Voice) -> String {
    let language = voice.language();
    // Voices can be heard while nobody can be asked for their texts.
    let mut offered = engine.catalogue().await.unwrap_or_default();
    let nearest = offered
        .iter()
        .enumerate()
        .map(|(at, offered)| {
            let own = matches!(voice, Voice::System(voice) if voice.key == offered.key);
            let same = offered.language == *language;
            let related = offered.language.language() == language.language();
            (u8::from(own) * 4 + u8::from(same) * 2 + u8::from(related), at)
        })
        .filter(|(nearness, _)| *nearness > 0)
        .max_by_key(|(nearness, at)| (*nearness, std::cmp::Reverse(*at)));
    nearest.map_or_else(
        || FALLBACK_TEXT.to_owned(),
        |(_, at)| offered.swap_remove(at).preview_text,
    )
}
