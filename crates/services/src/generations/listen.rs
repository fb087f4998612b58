//! Hearing a generation while it is being spoken.
//!
//! The pieces of a long text lie in the object store as soon as they are spoken, wherever that is done. Whoever listens
//! puts them together anew, from the first one on, and waits for those that are still to come.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use resonance_authz::{Denied, ReadGenerations, SystemGrant, system::Deliver};
use resonance_blobs::BlobError;
use resonance_domain::{ErrorCode, FieldError, Generation, GenerationId, GenerationState, InOrg, Piece};
use resonance_identity::SignedQuery;
use resonance_persistence::{Heard, Repositories};
use resonance_speech::audio::{OutputFormat, Pcm};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::spawn_blocking,
    time::Instant,
};

use super::Generations;
use crate::{
    Delivery, Outcome, Request, ServiceError, Services,
    core::Core,
    speaking::{Assembly, Script, Surveyed, decoded, is_whole, piece_key},
};

/// How long a listener waits for the first sound.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// How often to look for the next piece without having heard of any.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a listener gets.
#[derive(Debug)]
pub enum Hearing {
    /// The file: it is complete.
    File(Delivery),
    /// The sound, as it comes.
    Live(LiveAudio),
}

/// Sound as it is being spoken, from its beginning on.
pub struct LiveAudio {
    /// Its media type.
    pub content_type: &'static str,
    /// The bytes. An error ends them: what came before is then not all.
    pub bytes: BoxStream<'static, Outcome<Bytes>>,
}

impl std::fmt::Debug for LiveAudio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveAudio")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// The path under which a generation is heard while it is spoken.
fn path(address: InOrg<GenerationId>) -> String {
    format!("/audio/{}/stream", address.global_id())
}

impl Request {
    /// The URL under which a generation can be heard from the first finished piece on, for a while and by whoever knows
    /// it, without a session. The caller has read the generation, so it may hear it.
    #[must_use]
    pub fn stream_url(&self, generation: InOrg<GenerationId>) -> String {
        self.services().signed_url(&path(generation))
    }
}

impl Generations<'_> {
    /// A generation as it is spoken, for the holder of a URL that [`Request::stream_url`] made, or else for whoever has
    /// `org:generations:read`. Waits for the first sound, up to ten minutes.
    ///
    /// Where loudness was asked for, that of the first piece stands for the whole.
    ///
    /// # Errors
    /// `NotVisible` if there is no such generation; `CONFLICT` if it fails or is stopped before there is any sound, or
    /// there is none in time.
    pub async fn hear(
        self,
        address: InOrg<GenerationId>,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Hearing> {
        let listener = self.listener(address, signature).await?;
        let begun = tokio::time::timeout(PATIENCE, listener.begin()).await;
        begun.map_err(|_| not_ready())?
    }

    /// What [`Generations::hear`] is going to give, at once: where the file is not there yet, sound of its type without a
    /// single byte.
    ///
    /// # Errors
    /// As [`Generations::hear`].
    pub async fn foretell(
        self,
        address: InOrg<GenerationId>,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Hearing> {
        let listener = self.listener(address, signature).await?;
        let generation = listener.look().await?;
        Ok(match finished(self.0.core(), &generation)? {
            Some(delivery) => Hearing::File(delivery),
            None => Hearing::Live(LiveAudio {
                content_type: OutputFormat::from(generation.format).content_type(),
                bytes: stream::empty().boxed(),
            }),
        })
    }

    async fn listener(
        self,
        address: InOrg<GenerationId>,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Listener> {
        if !self.0.is_signed(&path(address), signature) {
            let _may_read = self.0.grant::<ReadGenerations>(address.organization).await?;
        }
        Ok(Listener::new(self.0.services(), address))
    }
}

/// The file of a generation that succeeded; refuses if it ended otherwise.
fn finished(core: &Core, generation: &Generation) -> Outcome<Option<Delivery>> {
    match generation.state {
        GenerationState::Succeeded => super::audio::delivery(core, generation).map(Some),
        GenerationState::Failed | GenerationState::Cancelled => {
            let message = "the generation ended without audio";
            Err(FieldError::new(ErrorCode::Conflict, message).into())
        }
        GenerationState::Queued | GenerationState::Running => Ok(None),
    }
}

fn not_ready() -> FieldError {
    FieldError::new(ErrorCode::Conflict, "the audio is not ready")
}

/// Follows one generation.
pub(super) struct Listener {
    services: Services,
    address: InOrg<GenerationId>,
    notes: Receiver<Heard>,
}

impl Listener {
    /// From here on nothing is missed unheard.
    pub(super) fn new(services: &Services, address: InOrg<GenerationId>) -> Self {
        Self {
            notes: services.core().database.live().subscribe(),
            services: services.clone(),
            address,
        }
    }

    fn core(&self) -> &Core {
        self.services.core()
    }

    /// Waits for the first sound.
    pub(super) async fn begin(mut self) -> Outcome<Hearing> {
        let generation = self.look().await?;
        if let Some(delivery) = finished(self.core(), &generation)? {
            return Ok(Hearing::File(delivery));
        }
        let script = self.script(&generation);
        let Some(first) = self.first_of(&script).await? else {
            // It was spoken in one go.
            let generation = self.look().await?;
            let file = finished(self.core(), &generation)?;
            return Ok(Hearing::File(file.ok_or_else(not_ready)?));
        };
        let format = OutputFormat::from(generation.format);
        let surveyed = Surveyed::by_the_first(&first, first.rate(), generation.mastering);
        let assembly = Assembly::new(&surveyed, script.pieces.len(), format, generation.mastering);
        let assembly = assembly.map_err(|error| ServiceError::internal("encoding speech", error))?;
        Ok(Hearing::Live(LiveAudio {
            content_type: format.content_type(),
            bytes: self.follow(script, first, assembly),
        }))
    }

    /// Waits until there is no hope for sound soon, as the generation waits for an engine that is not available.
    pub(super) async fn engine_is_away(&self, engine: &str) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let engine = self.core().engines.get(engine);
            if engine.is_some_and(|engine| !engine.status().available) {
                return;
            }
        }
    }

    pub(super) async fn look(&self) -> Outcome<Generation> {
        let grant = SystemGrant::<Deliver>::for_job();
        let generations = self.core().database.generations();
        let found = generations.for_delivery(&grant, self.address).await?;
        found.ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    /// The pieces in which it is spoken.
    fn script(&self, generation: &Generation) -> Script {
        let engine = self.core().engines.get(&generation.engine);
        let most = engine.map_or(usize::MAX, |engine| engine.capabilities().max_characters);
        Script::of(&generation.text, most)
    }

    /// The first piece; `None` once the whole is there instead.
    async fn first_of(&mut self, script: &Script) -> Outcome<Option<Pcm>> {
        match script.pieces.first().filter(|_| script.is_long()) {
            Some(piece) => self.piece(piece).await,
            None => {
                while finished(self.core(), &self.look().await?)?.is_none() {
                    self.wait().await;
                }
                Ok(None)
            }
        }
    }

    /// A piece, as soon as it is there; `None` if it never will be, as the whole is there instead.
    async fn piece(&mut self, piece: &Piece) -> Outcome<Option<Pcm>> {
        let key = piece_key(self.address, piece)?;
        loop {
            // In this order: pieces outlive the end by a while.
            let ended = finished(self.core(), &self.look().await?)?.is_some();
            match self.core().blobs.get(&key).await {
                Ok(file) if is_whole(&file) => return decoded(file).await.map(Some),
                // Of which a power cut left a part is spoken again.
                Ok(_) | Err(BlobError::NotFound) if ended => return Ok(None),
                Ok(_) | Err(BlobError::NotFound) => self.wait().await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until it is worth looking again.
    async fn wait(&mut self) {
        let mine = self.address.global_id();
        let until = Instant::now() + LOOK_EVERY;
        loop {
            match tokio::time::timeout_at(until, self.notes.recv()).await {
                Ok(Ok(Heard::Note(note))) if note.subject.as_ref() != Some(&mine) => {}
                // When no more is heard, only time tells.
                Ok(Err(RecvError::Closed)) => return tokio::time::sleep_until(until).await,
                Ok(Ok(_) | Err(RecvError::Lagged(_))) | Err(_) => return,
            }
        }
    }

    /// The bytes from the first piece on.
    fn follow(self, script: Script, first: Pcm, assembly: Assembly) -> BoxStream<'static, Outcome<Bytes>> {
        struct State {
            listener: Listener,
            pieces: std::vec::IntoIter<Piece>,
            first: Option<Pcm>,
            assembly: Option<Assembly>,
        }
        let state = State {
            listener: self,
            pieces: script.pieces.into_iter(),
            first: Some(first),
            assembly: Some(assembly),
        };
        let bytes = stream::try_unfold(state, |mut state| async move {
            let Some(mut assembly) = state.assembly.take() else {
                return Ok(None);
            };
            let encoding = |error| ServiceError::internal("encoding speech", error);
            let Some(piece) = state.pieces.next() else {
                let file = spawn_blocking(move || assembly.finish()).await;
                let file = file.map_err(|error| ServiceError::internal("encoding speech", error))?;
                return Ok(Some((file.map_err(encoding)?.end.bytes, state)));
            };
            let sound = match state.first.take() {
                Some(first) => Some(first),
                None => state.listener.piece(&piece).await?,
            };
            let Some(pcm) = sound else {
                return Err(ServiceError::internal("hearing a generation", "a piece is gone"));
            };
            let pushed = spawn_blocking(move || (assembly.push(&pcm, piece.boundary), assembly)).await;
            let (bytes, assembly) =
                pushed.map_err(|error| ServiceError::internal("encoding speech", error))?;
            state.assembly = Some(assembly);
            Ok(Some((bytes.map_err(encoding)?, state)))
        });
        bytes
            .try_filter_map(async |bytes: Vec<u8>| Ok((!bytes.is_empty()).then(|| Bytes::from(bytes))))
            .boxed()
    }
}
