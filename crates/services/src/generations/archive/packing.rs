//! Putting archives together.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use resonance_blobs::{BlobError, BlobKey, Blobs};
use resonance_domain::{ErrorCode, FieldError, Generation, InOrg, words};
use serde_json::{Value, json};
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::{Outcome, ServiceError};

/// The list of what is in an archive.
const MANIFEST: &str = "manifest.json";
/// Characters of a text of which its file's name is made, at most.
const NAME: usize = 40;
/// From this size on, a file needs the wide fields of ZIP64.
const LARGE: u64 = 0xffff_0000;

/// What an archive is made of. The texts are in the manifest, which goes first, so that they are not kept until the end.
#[derive(Debug)]
pub(super) struct Packing {
    manifest: Vec<u8>,
    files: VecDeque<Audio>,
}

/// Audio that is to go into an archive.
#[derive(Debug)]
struct Audio {
    name: String,
    key: BlobKey,
    size: u64,
    made_at: DateTime<Utc>,
}

impl Packing {
    /// An archive of these generations, in this order.
    ///
    /// # Errors
    /// `CONFLICT` if one has no audio.
    pub(super) fn of(generations: Vec<Generation>) -> Outcome<Self> {
        let mut files = VecDeque::with_capacity(generations.len());
        let mut list = Vec::with_capacity(generations.len());
        for (index, generation) in generations.into_iter().enumerate() {
            let (Some(key), Some(size)) = (&generation.audio_key, generation.audio_bytes) else {
                let message = "the audio of a generation is not there";
                return Err(FieldError::new(ErrorCode::Conflict, message).into());
            };
            let name = name(index + 1, &generation);
            files.push_back(Audio {
                key: BlobKey::parse(key)
                    .map_err(|error| ServiceError::internal("naming an object", error))?,
                size,
                made_at: generation.finished_at.unwrap_or(generation.created_at),
                name: name.clone(),
            });
            list.push(entry(name, generation));
        }
        let manifest = serde_json::to_vec_pretty(&json!({ "generations": list }));
        Ok(Self {
            manifest: manifest.map_err(|error| ServiceError::internal("listing generations", error))?,
            files,
        })
    }

    /// Asks the store for the first object.
    ///
    /// # Errors
    /// The object store's.
    pub(super) async fn check(&self, blobs: &Blobs) -> Outcome<()> {
        if let Some(first) = self.files.front() {
            blobs.head(&first.key).await?;
        }
        Ok(())
    }

    /// The archive, which reads one object after the other, as fast as it is taken.
    pub(super) fn stream(self, blobs: Blobs) -> BoxStream<'static, Outcome<Bytes>> {
        let packer = Packer::new(self, blobs);
        // Whatever fails ends it: `try_unfold` gives nothing after an error.
        stream::try_unfold(packer, async |mut packer| {
            Ok(packer.next().await?.map(|bytes| (bytes, packer)))
        })
        .boxed()
    }
}

/// What the manifest says of a generation.
fn entry(file: String, generation: Generation) -> Value {
    let organization = generation.organization;
    let voice = generation.voice_address().global_id();
    let settings = generation.settings;
    json!({
        "file": file,
        "id": InOrg::new(organization, generation.id).global_id(),
        "text": generation.text,
        "voiceId": voice,
        "voiceName": generation.voice.name,
        "settings": {
            "temperature": settings.temperature,
            "topP": settings.top_p,
            "topK": settings.top_k,
            "repetitionPenalty": settings.repetition_penalty,
            "speed": settings.speed,
        },
        "instructions": generation.instructions,
        "loudness": generation.mastering.loudness,
        "format": generation.format.extension(),
        "engine": generation.engine,
        "characters": generation.characters,
        "durationMs": generation.duration_ms,
        "audioBytes": generation.audio_bytes,
        "sampleRate": generation.sample_rate,
        "authorId": generation.created_by.map(|user| user.type_id()),
        "apiKeyId": generation.created_by_key.map(|key| InOrg::new(organization, key).global_id()),
        "createdAt": generation.created_at,
    })
}

/// A file's name: its place, so that no two have the same, and how its text begins. Only letters, digits and hyphens, as
/// a name goes to file systems of every kind.
fn name(place: usize, generation: &Generation) -> String {
    let mut name = format!("{place:03}");
    let mut room = NAME;
    for word in words(&generation.text) {
        let characters = word.chars().count() + 1;
        if characters > room {
            break;
        }
        room -= characters;
        name.push('-');
        name.push_str(&word);
    }
    name.push('.');
    name.push_str(generation.format.extension());
    name
}

/// Puts an archive together piece by piece.
struct Packer {
    /// `None` once the archive is closed.
    zip: Option<ZipWriter<StreamWriter<Out>>>,
    out: Out,
    manifest: Option<Vec<u8>>,
    files: VecDeque<Audio>,
    reading: Option<Reading>,
    blobs: Blobs,
}

/// A file that is being copied.
struct Reading {
    bytes: BoxStream<'static, Result<Bytes, BlobError>>,
    /// Bytes that are still to come.
    left: u64,
}

impl Packer {
    fn new(packing: Packing, blobs: Blobs) -> Self {
        let out = Out::default();
        Self {
            zip: Some(ZipWriter::new_stream(out.clone())),
            out,
            manifest: Some(packing.manifest),
            files: packing.files,
            reading: None,
            blobs,
        }
    }

    /// The next bytes of the archive; `None` after the last.
    async fn next(&mut self) -> Outcome<Option<Bytes>> {
        while let Some(zip) = &mut self.zip {
            if let Some(manifest) = self.manifest.take() {
                zip.start_file(MANIFEST, options(None)).map_err(packing)?;
                zip.write_all(&manifest).map_err(packing)?;
            } else if let Some(reading) = &mut self.reading {
                match reading.bytes.next().await {
                    Some(bytes) => {
                        let bytes = bytes?;
                        reading.left = reading
                            .left
                            .checked_sub(bytes.len() as u64)
                            .ok_or_else(|| packing("an object is longer than its row says"))?;
                        zip.write_all(&bytes).map_err(packing)?;
                    }
                    None if reading.left > 0 => {
                        return Err(packing("an object is shorter than its row says"));
                    }
                    None => self.reading = None,
                }
            } else if let Some(file) = self.files.pop_front() {
                self.reading = Some(Reading {
                    bytes: self.blobs.read(&file.key, None).await?.bytes,
                    left: file.size,
                });
                zip.start_file(file.name.as_str(), options(Some(&file)))
                    .map_err(packing)?;
            } else if let Some(zip) = self.zip.take() {
                zip.finish().map_err(packing)?;
            }
            let bytes = self.out.take();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn options(file: Option<&Audio>) -> SimpleFileOptions {
    // Audio is compressed already, or meant not to be.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(file.is_some_and(|file| file.size >= LARGE))
        .unix_permissions(0o644);
    match file.and_then(|file| time(file.made_at)) {
        Some(time) => options.last_modified_time(time),
        None => options,
    }
}

/// A time as archives tell it, which begins in 1980 and has no zone.
fn time(time: DateTime<Utc>) -> Option<zip::DateTime> {
    let small = |number: u32| u8::try_from(number).ok();
    zip::DateTime::from_date_and_time(
        u16::try_from(time.year()).ok()?,
        small(time.month())?,
        small(time.day())?,
        small(time.hour())?,
        small(time.minute())?,
        small(time.second())?,
    )
    .ok()
}

fn packing(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServiceError {
    ServiceError::internal("packing an archive", error)
}

/// Where the writer of archives leaves its bytes, to be taken from there.
#[derive(Debug, Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
