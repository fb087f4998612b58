//! From an order to a stored recording.
//!
//! Pieces of a long text are spoken a few at a time and kept in the object store as they come: whoever takes the work
//! up after a crash goes on behind the last one, and listeners hear them before the whole is there. Then all are read
//! again, in order, and become the file. So the memory does not grow with the text.

use std::{collections::HashSet, num::NonZeroU32, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use resonance_blobs::{BlobError, BlobKey, Blobs, Unsettled};
use resonance_domain::{AudioFormat, Mastering, Piece, TimeMark};
use resonance_persistence::{SpeechOrder, SpokenAudio};
use resonance_speech::{
    audio::{EncodeError, Finished, Pcm, encode},
    engine::{EngineError, SpeechEngine, SynthesisRequest},
};
use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
};

use super::{
    Take,
    failure::Failure,
    mastering::{Assembled, Assembly, Survey, Surveyed},
    progress::Done,
    script::{self, Script},
};
use crate::recording;

/// Pieces of one text that are spoken at the same time.
const PIECES_AT_ONCE: usize = 3;
/// Pieces that are read ahead of the encoder.
const READ_AHEAD: usize = 4;

/// Who speaks.
struct Speaker<'a> {
    engine: &'a dyn SpeechEngine,
    /// The recording of the voice, if the engine wants it with every piece.
    sample: Option<Bytes>,
}

/// What an engine made of a text.
enum Spoken {
    /// The file of a text that was spoken in one go.
    Whole(Recorded),
    /// Pieces that lie in the store, and what must be known of them to make the file.
    Pieces(Surveyed, Vec<TimeMark>),
}

/// A file in memory.
struct Recorded {
    bytes: Vec<u8>,
    file: Assembled,
    time_marks: Vec<TimeMark>,
}

impl Take<'_> {
    /// Speaks, encodes, measures and stores; `kept` are the pieces that are there already. `None` if the job was lost
    /// on the way.
    pub(super) async fn perform(
        &self,
        order: &SpeechOrder,
        script: &Script,
        kept: &HashSet<BlobKey>,
    ) -> Result<Option<(SpokenAudio, Unsettled)>, Failure> {
        let speaker = self.speaker(order).await?;
        let (told, fractions) = watch::channel(0.0);
        let done = Done::new(script.characters(), told);
        let spoken = tokio::select! {
            spoken = self.speak(order, &speaker, script, kept, &done) => spoken?,
            () = self.tell_progress(fractions) => None,
        };
        // INVARIANT: no upload begins later than a lease after the job has ended; see `late_removal`.
        let Some(spoken) = spoken else {
            return Ok(None);
        };
        if !self.still_mine().await? {
            return Ok(None);
        }
        let key = self.key(order.format)?;
        // Whoever ends the generation settles it.
        let (store, put) = (self.core.blobs.provisional(), self.core.blobs.unsettled());
        let (bytes, Assembled { end, peaks }, time_marks) = match spoken {
            Spoken::Whole(Recorded {
                bytes,
                file,
                time_marks,
            }) => {
                let size = bytes.len() as u64;
                let stored = store.put(&key, bytes.into(), order.format.content_type());
                stored.await.map_err(Failure::of_store)?;
                (size, file, time_marks)
            }
            Spoken::Pieces(surveyed, time_marks) => {
                let (size, file) = self.assemble(order, script, &surveyed, &store, &key).await?;
                (size, file, time_marks)
            }
        };
        let Finished {
            duration,
            sample_rate,
            ..
        } = end;
        let audio = SpokenAudio {
            key: key.as_str().to_owned(),
            bytes,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            sample_rate,
            peaks,
            time_marks,
        };
        Ok(Some((audio, put)))
    }

    pub(super) fn engine(&self, order: &SpeechOrder) -> Result<&Arc<dyn SpeechEngine>, Failure> {
        self.core
            .engines
            .get(&order.engine)
            .ok_or_else(Failure::no_engine)
    }

    async fn speaker(&self, order: &SpeechOrder) -> Result<Speaker<'_>, Failure> {
        let engine = &**self.engine(order)?;
        let organization = Some(self.generation.organization);
        let sample = recording::for_speaking(self.core, engine, &order.engine_voice, organization);
        let sample = sample.await.map_err(|error| match error {
            // The voice was deleted meanwhile.
            BlobError::NotFound => Failure::of_engine(EngineError::UnsupportedVoice),
            error => Failure::of_store(error),
        })?;
        Ok(Speaker { engine, sample })
    }

    /// The pieces that are there already.
    pub(super) async fn kept(&self) -> Result<HashSet<BlobKey>, Failure> {
        let folder = script::folder(self.generation).map_err(Failure::of_service)?;
        let pieces = self.core.blobs.list(Some(&folder)).map_ok(|info| info.key);
        pieces.try_collect().await.map_err(Failure::of_store)
    }

    fn key(&self, format: AudioFormat) -> Result<BlobKey, Failure> {
        let name = format!("audio.{}", format.extension());
        super::folder(self.generation)
            .and_then(|folder| script::named(&folder, &name))
            .map_err(Failure::of_service)
    }

    /// Speaks what is not there yet.
    async fn speak(
        &self,
        order: &SpeechOrder,
        speaker: &Speaker<'_>,
        script: &Script,
        kept: &HashSet<BlobKey>,
        done: &Done,
    ) -> Result<Option<Spoken>, Failure> {
        if let [piece] = script.pieces.as_slice() {
            let sound = self.sound_of(order, speaker, script, piece, kept, done);
            let Some(pcm) = sound.await? else { return Ok(None) };
            let (piece, format, mastering) = (piece.clone(), order.format, order.mastering);
            let recorded = spawn_blocking(move || record(&piece, &pcm, format, mastering));
            let recorded = recorded.await.map_err(Failure::of_encoding)?;
            return Ok(Some(Spoken::Whole(recorded.map_err(Failure::of_encoder)?)));
        }
        self.speak_pieces(order, speaker, script, kept, done).await
    }

    /// Speaks the pieces of a long text that are not there yet, and listens to all of them.
    async fn speak_pieces(
        &self,
        order: &SpeechOrder,
        speaker: &Speaker<'_>,
        script: &Script,
        kept: &HashSet<BlobKey>,
        done: &Done,
    ) -> Result<Option<Spoken>, Failure> {
        let pieces = &script.pieces;
        let mut works: Vec<_> = pieces
            .iter()
            .map(|piece| self.sound_of(order, speaker, script, piece, kept, done).boxed())
            .collect();
        // The first alone: somebody may be waiting for it, while nobody hears the others yet.
        let others = works.split_off(works.len().min(1));
        let mut sounds = stream::iter(works)
            .then(std::convert::identity)
            .chain(stream::iter(others).buffered(PIECES_AT_ONCE));
        let mut survey = None;
        for piece in pieces {
            let Some(pcm) = sounds.try_next().await?.flatten() else {
                return Ok(None);
            };
            let mut listening = match survey.take() {
                Some(survey) => survey,
                None => Survey::new(pcm.rate(), pieces.len(), order.mastering),
            };
            let piece = piece.clone();
            let heard = spawn_blocking(move || listening.add(&piece, &pcm).map(|()| listening));
            let heard = heard.await.map_err(Failure::of_encoding)?;
            survey = Some(heard.map_err(Failure::of_encoder)?);
        }
        let survey = survey.ok_or_else(|| Failure::of_engine(EngineError::NothingToSpeak))?;
        let (surveyed, time_marks) = survey.finish(order.mastering);
        Ok(Some(Spoken::Pieces(surveyed, time_marks)))
    }

    /// The sound of a piece: from the store, or from the engine, and then kept if there are others.
    async fn sound_of(
        &self,
        order: &SpeechOrder,
        speaker: &Speaker<'_>,
        script: &Script,
        piece: &Piece,
        kept: &HashSet<BlobKey>,
        done: &Done,
    ) -> Result<Option<Pcm>, Failure> {
        let part = done.part(piece.end - piece.start);
        let key = script::key(self.generation, piece).map_err(Failure::of_service)?;
        if kept.contains(&key) {
            // What cannot be read any more is spoken anew.
            if let Ok(pcm) = self.read(piece).await {
                let _ = part.report(1.0);
                return Ok(Some(pcm));
            }
        }
        let request = SynthesisRequest {
            text: piece.text.clone(),
            voice: order.engine_voice.clone(),
            settings: order.settings,
            instructions: order.instructions.clone(),
            sample: speaker.sample.clone(),
        };
        let pcm = match speaker.engine.synthesize(request, part).await {
            // A part of a text may have nothing to speak; the whole must have something.
            Err(EngineError::NothingToSpeak) if script.is_long() => silence(),
            spoken => spoken.map_err(Failure::of_engine)?,
        };
        if !script.is_long() {
            return Ok(Some(pcm));
        }
        let encoded = spawn_blocking(move || encode(&pcm, AudioFormat::Wav));
        let file = encoded
            .await
            .map_err(Failure::of_encoding)?
            .map_err(Failure::of_encoder)?;
        // As it will be read again: where a sound ends may hang on how its samples were rounded.
        let pcm = script::decoded(file.bytes.clone())
            .await
            .map_err(Failure::of_service)?;
        if !self.still_mine().await? {
            return Ok(None);
        }
        // A piece that a power cut takes is spoken again.
        let store = self.core.blobs.provisional();
        let stored = store.put(&key, file.bytes, file.content_type);
        stored.await.map_err(Failure::of_store)?;
        self.announce(done.fraction()).await;
        Ok(Some(pcm))
    }

    /// Reads a piece from the store.
    async fn read(&self, piece: &Piece) -> Result<Pcm, Failure> {
        let key = script::key(self.generation, piece).map_err(Failure::of_service)?;
        let file = self.core.blobs.get(&key).await.map_err(Failure::of_store)?;
        script::decoded(file).await.map_err(Failure::of_service)
    }

    /// Makes the file from the pieces that lie in the store, and stores it while it is being made.
    async fn assemble(
        &self,
        order: &SpeechOrder,
        script: &Script,
        surveyed: &Surveyed,
        store: &Blobs,
        key: &BlobKey,
    ) -> Result<(u64, Assembled), Failure> {
        let reads: Vec<_> = script
            .pieces
            .iter()
            .map(|piece| async { Ok((self.read(piece).await?, piece.boundary)) }.boxed())
            .collect();
        let pieces = stream::iter(reads).buffered(READ_AHEAD);
        let count = script.pieces.len();
        let assembly = Assembly::new(surveyed, count, order.format.into(), order.mastering);
        let assembly = assembly.map_err(Failure::of_encoder)?;
        let (finished, file) = oneshot::channel();
        let state = (Some((assembly, finished)), pieces.boxed());
        let bytes = stream::try_unfold(state, async |(work, mut pieces)| {
            let Some((mut assembly, finished)) = work else {
                return Ok(None);
            };
            let next = pieces.try_next().await?;
            let (bytes, work) = match next {
                Some((pcm, boundary)) => {
                    let pushed = spawn_blocking(move || {
                        let bytes = assembly.push(&pcm, boundary)?;
                        Ok((bytes, assembly))
                    });
                    let (bytes, assembly) = pushed
                        .await
                        .map_err(Failure::of_encoding)?
                        .map_err(Failure::of_encoder)?;
                    (bytes, Some((assembly, finished)))
                }
                None => {
                    let finishing = spawn_blocking(move || assembly.finish());
                    let mut file = finishing
                        .await
                        .map_err(Failure::of_encoding)?
                        .map_err(Failure::of_encoder)?;
                    let bytes = std::mem::take(&mut file.end.bytes);
                    // Whoever stores the bytes waits for it.
                    let _ = finished.send(file);
                    (bytes, None)
                }
            };
            Ok(Some((Bytes::from(bytes), (work, pieces))))
        });
        let upload = store.put_stream(key, order.format.content_type(), bytes);
        let size = upload.await.map_err(Failure::of_upload)?;
        let file = file.await.map_err(Failure::of_encoding)?;
        Ok((size, file))
    }
}

/// Makes a file of a text that was spoken in one go. Takes the processor for a while.
fn record(
    piece: &Piece,
    pcm: &Pcm,
    format: AudioFormat,
    mastering: Mastering,
) -> Result<Recorded, EncodeError> {
    let mut survey = Survey::new(pcm.rate(), 1, mastering);
    survey.add(piece, pcm)?;
    let (surveyed, time_marks) = survey.finish(mastering);
    let mut assembly = Assembly::new(&surveyed, 1, format.into(), mastering)?;
    let mut bytes = assembly.push(pcm, piece.boundary)?;
    let mut file = assembly.finish()?;
    bytes.append(&mut file.end.bytes);
    Ok(Recorded {
        bytes,
        file,
        time_marks,
    })
}

/// A part of a text that has no sound: a hundredth of a second.
fn silence() -> Pcm {
    const RATE: NonZeroU32 = NonZeroU32::new(24_000).unwrap();
    Pcm::new(vec![0.0; 240], RATE)
}
