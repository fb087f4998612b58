//! Generations, as the speech worker sees them.
//!
//! The worker holds a lease on a job that names the organization and the generation. What it writes here belongs into
//! the unit of work that ends or moves the job, in this order: first the job, then the generation, then the ledger.
//! Everybody who changes a generation at work keeps that order, so that none waits for the other in a circle.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Speak};
use resonance_domain::{
    AudioFormat, GenerationFailure, GenerationId, GenerationState, InOrg, Mastering, SpeechSettings, TimeMark,
};
use sea_orm::Value;

use crate::{
    StorageError,
    executor::Executor,
    generation::{read_format, read_mastering, read_settings, stored_marks},
    raw::Sql,
    read_rows::known,
};

/// What is to be spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechOrder {
    /// The text.
    pub text: String,
    /// The engine that speaks it.
    pub engine: String,
    /// What the engine needs to know of the voice.
    pub engine_voice: serde_json::Value,
    /// How to speak.
    pub settings: SpeechSettings,
    /// How to speak, in words.
    pub instructions: Option<String>,
    /// The format of the audio.
    pub format: AudioFormat,
    /// How the sound is finished.
    pub mastering: Mastering,
}

/// What is known of audio that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenAudio {
    /// Its key in the object store.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its length in milliseconds.
    pub duration_ms: u64,
    /// Its sample rate in hertz.
    pub sample_rate: u32,
    /// Its waveform: the loudest sample of each of equal stretches of time, 255 being full scale.
    pub peaks: Vec<u8>,
    /// When its sentences are heard, in order.
    pub time_marks: Vec<TimeMark>,
}

/// The generations that are at work.
#[derive(Debug, Clone, Copy)]
pub struct Speaking<'a>(pub(crate) Executor<'a>);

impl Speaking<'_> {
    /// Marks a generation as running, and tells what is to be spoken. `None` if nothing is: it is final or gone, or
    /// its organization is deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
        now: DateTime<Utc>,
    ) -> Result<Option<SpeechOrder>, StorageError> {
        const BEGIN: &str = "UPDATE generations SET state = 'running', progress = 0, started_at = $3
            WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running')
              AND EXISTS (SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL)
            RETURNING text, engine, engine_voice, format,
                temperature, top_p, top_k, repetition_penalty, speed, instructions, output_rate, output_loudness";
        let [organization, id] = address(generation);
        self.0
            .row(Sql::new(BEGIN, [organization, id, now.into()]), |row| {
                Ok(SpeechOrder {
                    text: row.try_get_by_index(0)?,
                    engine: row.try_get_by_index(1)?,
                    engine_voice: row.try_get_by_index(2)?,
                    format: read_format(row, 3)?,
                    settings: read_settings(row, 4)?,
                    instructions: row.try_get_by_index(9)?,
                    mastering: read_mastering(row, 10)?,
                })
            })
            .await
    }

    /// Where a generation stands; `None` if it is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn state(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
    ) -> Result<Option<GenerationState>, StorageError> {
        const STATE: &str = "SELECT state FROM generations WHERE organization_id = $1 AND id = $2";
        self.0
            .row(Sql::new(STATE, address(generation)), |row| {
                let state: String = row.try_get_by_index(0)?;
                known(GenerationState::from_stored(&state), "generations.state")
            })
            .await
    }

    /// Notes how far the work is. `false` if the generation is not running, or was further already.
    ///
    /// # Errors
    /// The database's.
    pub async fn progress(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
        fraction: f64,
    ) -> Result<bool, StorageError> {
        const PROGRESS: &str = "UPDATE generations SET progress = $3
            WHERE organization_id = $1 AND id = $2 AND state = 'running' AND progress < $3";
        let [organization, id] = address(generation);
        Ok(self
            .0
            .execute(PROGRESS, [organization, id, fraction.into()])
            .await?
            > 0)
    }

    /// Puts a running generation back into the queue, to be tried again. `false` if it is not running.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_back(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
    ) -> Result<bool, StorageError> {
        const BACK: &str = "UPDATE generations SET state = 'queued', progress = 0
            WHERE organization_id = $1 AND id = $2 AND state = 'running'";
        Ok(self.0.execute(BACK, address(generation)).await? > 0)
    }

    /// Ends a running generation with its audio. `false` if it is not running.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeed(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
        audio: &SpokenAudio,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const SUCCEED: &str = "UPDATE generations SET state = 'succeeded', progress = 1, finished_at = $3,
                audio_key = $4, audio_bytes = $5, duration_ms = $6, sample_rate = $7, peaks = $8, time_marks = $9
            WHERE organization_id = $1 AND id = $2 AND state = 'running'";
        let [organization, id] = address(generation);
        let values = [
            organization,
            id,
            now.into(),
            audio.key.as_str().into(),
            i64::try_from(audio.bytes).unwrap_or(i64::MAX).into(),
            i64::try_from(audio.duration_ms).unwrap_or(i64::MAX).into(),
            i32::try_from(audio.sample_rate).unwrap_or(i32::MAX).into(),
            audio.peaks.clone().into(),
            stored_marks(&audio.time_marks).into(),
        ];
        Ok(self.0.execute(SUCCEED, values).await? > 0)
    }

    /// Ends a generation without audio; the same input does not give it back. `false` if it is final already.
    ///
    /// # Errors
    /// The database's.
    pub async fn fail(
        self,
        _grant: &SystemGrant<Speak>,
        generation: InOrg<GenerationId>,
        failure: &GenerationFailure,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        const FAIL: &str = "UPDATE generations SET state = 'failed', reuse_key = NULL, finished_at = $3,
                failure_code = $4, failure_message = $5
            WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running')";
        let [organization, id] = address(generation);
        let values = [
            organization,
            id,
            now.into(),
            failure.code.as_str().into(),
            failure.message.as_str().into(),
        ];
        Ok(self.0.execute(FAIL, values).await? > 0)
    }
}

fn address(generation: InOrg<GenerationId>) -> [Value; 2] {
    [
        generation.organization.as_uuid().into(),
        generation.id.as_uuid().into(),
    ]
}
