//! Rows of generations.

use resonance_domain::{
    ApiKeyId, AudioFormat, Generation, GenerationFailure, GenerationState, Id, Mastering, OrganizationId,
    SpeechSettings, UserId, VoiceId, VoiceOfGeneration, VoiceScope,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    StorageError,
    read_rows::{count, known},
};

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "id, created_by, voice_id, voice_scope, voice_name, text, characters,
    temperature, top_p, top_k, repetition_penalty, speed, format, engine, state, progress,
    failure_code, failure_message, audio_key, audio_bytes, duration_ms, sample_rate,
    created_at, started_at, finished_at, created_by_key,
    instructions, output_rate, output_loudness";

pub(crate) const fn scope(scope: VoiceScope) -> &'static str {
    match scope {
        VoiceScope::System => "system",
        VoiceScope::Custom => "custom",
    }
}

pub(crate) fn read_scope(text: &str) -> Result<VoiceScope, StorageError> {
    match text {
        "system" => Ok(VoiceScope::System),
        "custom" => Ok(VoiceScope::Custom),
        _ => Err(StorageError::corrupt("generations.voice_scope")),
    }
}

pub(super) fn read(row: &QueryResult, organization: OrganizationId) -> Result<Generation, StorageError> {
    let failure_code: Option<String> = row.try_get_by_index(16)?;
    let scope: String = row.try_get_by_index(3)?;
    Ok(Generation {
        id: Id::from_uuid(row.try_get_by_index(0)?),
        organization,
        created_by: row.try_get_by_index::<Option<Uuid>>(1)?.map(UserId::from_uuid),
        voice: VoiceOfGeneration {
            id: VoiceId::from_uuid(row.try_get_by_index(2)?),
            scope: read_scope(&scope)?,
            name: row.try_get_by_index(4)?,
        },
        text: row.try_get_by_index(5)?,
        characters: count(row.try_get_by_index(6)?, "generations.characters")?,
        settings: read_settings(row, 7)?,
        format: read_format(row, 12)?,
        engine: row.try_get_by_index(13)?,
        state: known(
            GenerationState::from_stored(&row.try_get_by_index::<String>(14)?),
            "generations.state",
        )?,
        progress: row.try_get_by_index(15)?,
        failure: match failure_code {
            Some(code) => Some(GenerationFailure {
                code,
                message: row.try_get_by_index::<Option<String>>(17)?.unwrap_or_default(),
            }),
            None => None,
        },
        audio_key: row.try_get_by_index(18)?,
        audio_bytes: optional(row, 19, "generations.audio_bytes")?,
        duration_ms: optional(row, 20, "generations.duration_ms")?,
        sample_rate: match row.try_get_by_index::<Option<i32>>(21)? {
            Some(rate) => Some(count(i64::from(rate), "generations.sample_rate")?),
            None => None,
        },
        created_at: row.try_get_by_index(22)?,
        started_at: row.try_get_by_index(23)?,
        finished_at: row.try_get_by_index(24)?,
        created_by_key: row.try_get_by_index::<Option<Uuid>>(25)?.map(ApiKeyId::from_uuid),
        instructions: row.try_get_by_index(26)?,
        mastering: read_mastering(row, 27)?,
    })
}

/// The settings, from five columns that begin at `first`.
pub(crate) fn read_settings(row: &QueryResult, first: usize) -> Result<SpeechSettings, StorageError> {
    Ok(SpeechSettings {
        temperature: row.try_get_by_index(first)?,
        top_p: row.try_get_by_index(first + 1)?,
        top_k: count(
            i64::from(row.try_get_by_index::<i32>(first + 2)?),
            "generations.top_k",
        )?,
        repetition_penalty: row.try_get_by_index(first + 3)?,
        speed: row.try_get_by_index(first + 4)?,
    })
}

/// How the sound is finished, from two columns that begin at `first`.
pub(crate) fn read_mastering(row: &QueryResult, first: usize) -> Result<Mastering, StorageError> {
    let rate: Option<i32> = row.try_get_by_index(first)?;
    let rate = rate.map(|rate| count(i64::from(rate), "generations.output_rate"));
    Ok(Mastering {
        sample_rate: rate.transpose()?,
        loudness: row.try_get_by_index(first + 1)?,
    })
}

pub(crate) fn read_format(row: &QueryResult, column: usize) -> Result<AudioFormat, StorageError> {
    let format: String = row.try_get_by_index(column)?;
    known(AudioFormat::from_stored(&format), "generations.format")
}

fn optional(row: &QueryResult, column: usize, place: &'static str) -> Result<Option<u64>, StorageError> {
    let value: Option<i64> = row.try_get_by_index(column)?;
    value.map(|value| count(value, place)).transpose()
}
