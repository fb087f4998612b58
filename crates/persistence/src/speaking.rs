//! Generations, as the speech worker sees them.
//!
//! The worker holds a lease on a job that names the organization and the generation. What it writes here belongs into
//! the unit of work that ends or moves the job, in this order: first the job, then the generation, then the ledger.
//! Everybody who changes a generation at work keeps that order, so that none waits for the other in a circle.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Speak};
use resonance_domain::{
    AudioFormat, GenerationFailure, GenerationId, GenerationState, Id, InOrg, Mastering, SpeechSettings,
    TimeMark,
};
use sea_orm::{QueryResult, Value};

use crate::{
    StorageError,
    event::count,
    executor::Executor,
    generation::{read_format, read_mastering, read_settings, stored_marks},
    organization::at,
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
    /// Marks generations as running, and tells what is to be spoken: of those that are not final or gone, and whose
    /// organizations are not deleted. What cannot be read of one says nothing of the others. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(
        self,
        _grant: &SystemGrant<Speak>,
        generations: &[InOrg<GenerationId>],
        now: DateTime<Utc>,
    ) -> Result<HashMap<InOrg<GenerationId>, Result<SpeechOrder, StorageError>>, StorageError> {
        if generations.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sql = Sql::new(
            "UPDATE generations SET state = 'running', progress = 0, started_at = $1
            WHERE state IN ('queued', 'running') AND EXISTS (
                SELECT 1 FROM organizations o WHERE o.id = generations.organization_id AND o.deleted_at IS NULL)
              AND (organization_id, id) IN (",
            [now.into()],
        );
        sql.values(generations.iter().copied().map(address).collect());
        sql.push(
            ") RETURNING text, engine, engine_voice, format, temperature, top_p, top_k, repetition_penalty, speed,
                instructions, output_rate, output_loudness, organization_id, id",
        );
        let begun = self.0.rows(sql, |row| Ok((read_address(row, 12)?, order(row))));
        Ok(begun.await?.into_iter().collect())
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

    /// Ends running generations with their audio; those of them that were running. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeed(
        self,
        _grant: &SystemGrant<Speak>,
        spoken: &[(InOrg<GenerationId>, &SpokenAudio)],
        now: DateTime<Utc>,
    ) -> Result<HashSet<InOrg<GenerationId>>, StorageError> {
        if spoken.is_empty() {
            return Ok(HashSet::new());
        }
        let mut sql = Sql::new(
            "UPDATE generations SET state = 'succeeded', progress = 1, finished_at = $1, audio_key = v.column3,
                audio_bytes = v.column4, duration_ms = v.column5, sample_rate = v.column6, peaks = v.column7,
                time_marks = v.column8
            FROM (",
            [now.into()],
        );
        let rows = spoken.iter().map(|(generation, audio)| {
            let [organization, id] = address(*generation);
            [
                organization,
                id,
                audio.key.as_str().into(),
                count(audio.bytes).into(),
                count(audio.duration_ms).into(),
                i32::try_from(audio.sample_rate).unwrap_or(i32::MAX).into(),
                audio.peaks.clone().into(),
                stored_marks(&audio.time_marks).into(),
            ]
        });
        sql.values::<8>(rows.collect());
        sql.push(
            ") AS v WHERE generations.organization_id = v.column1 AND generations.id = v.column2 AND state = 'running'
            RETURNING organization_id, id",
        );
        let ended = self.0.rows(sql, |row| read_address(row, 0));
        Ok(ended.await?.into_iter().collect())
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

fn order(row: &QueryResult) -> Result<SpeechOrder, StorageError> {
    Ok(SpeechOrder {
        text: at(row, 0)?,
        engine: at(row, 1)?,
        engine_voice: at(row, 2)?,
        format: read_format(row, 3)?,
        settings: read_settings(row, 4)?,
        instructions: at(row, 9)?,
        mastering: read_mastering(row, 10)?,
    })
}

fn read_address(row: &QueryResult, column: usize) -> Result<InOrg<GenerationId>, StorageError> {
    let organization = Id::from_uuid(at(row, column)?);
    Ok(InOrg::new(organization, Id::from_uuid(at(row, column + 1)?)))
}

fn address(generation: InOrg<GenerationId>) -> [Value; 2] {
    [
        generation.organization.as_uuid().into(),
        generation.id.as_uuid().into(),
    ]
}
