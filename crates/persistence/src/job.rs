//! Durable background work.
//!
//! A job is a row. A worker claims it for a time (a lease), extends the lease while it works, and deletes the row in
//! the transaction that stores the result. If the worker's node dies, the lease runs out and another one takes the
//! job; a worker that lost its lease finds that out before it stores anything.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use resonance_domain::{JobId, OrganizationId};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql};

/// A kind of work, with workers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum JobQueue {
    /// Speaking a generation. Shared fairly between organizations.
    Speak,
    /// Sending a mail.
    Mail,
    /// Deleting objects that no row names.
    Sweep,
    /// Removing what is left of a deleted organization.
    Purge,
    /// Dealing with the billing provider, and proving that usage adds up.
    Bill,
    /// Making the preview of a new voice.
    Preview,
}

impl JobQueue {
    /// Every queue.
    pub const ALL: [Self; 6] = [
        Self::Speak,
        Self::Mail,
        Self::Sweep,
        Self::Purge,
        Self::Bill,
        Self::Preview,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Speak => "speak",
            Self::Mail => "mail",
            Self::Sweep => "sweep",
            Self::Purge => "purge",
            Self::Bill => "bill",
            Self::Preview => "preview",
        }
    }
}

/// Work to be done.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its identity.
    pub id: JobId,
    /// What kind of work.
    pub queue: JobQueue,
    /// Which of the queue's lanes, where there are several: what is slow in one does not hold up the others. For speech and
    /// previews, the name of the engine.
    pub lane: String,
    /// For whom; the fair share of a lane is counted by it.
    pub organization: Option<OrganizationId>,
    /// What it is about. A queue holds at most one job about a subject.
    pub subject: Option<Uuid>,
    /// What else the worker needs to know; never a secret.
    pub payload: serde_json::Value,
    /// Not before this time.
    pub run_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A job under a lease.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// Its identity.
    pub id: JobId,
    /// Its lane.
    pub lane: String,
    /// For whom.
    pub organization: Option<OrganizationId>,
    /// What it is about.
    pub subject: Option<Uuid>,
    /// What else the worker needs to know.
    pub payload: serde_json::Value,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it was claimed. The lease may have been extended since.
    pub leased_until: DateTime<Utc>,
    owner: Uuid,
}

/// The job table.
#[derive(Debug, Clone, Copy)]
pub struct Jobs<'a>(pub(crate) Executor<'a>);

const CLAIMED: &str = "id, organization_id, subject_id, payload, attempts, created_at, lease_until, lane";

impl Jobs<'_> {
    /// Adds a job; does nothing if the queue holds one about the same subject already.
    ///
    /// In a lane, every organization's jobs take turns: an organization's job comes one turn after its previous one, and whoever comes with none waiting starts at the turn that is being served. So one organization's
    /// thousand jobs do not delay another's first (start-time fair queueing with equal weights).
    ///
    /// # Errors
    /// The database's.
    pub async fn add(self, job: NewJob) -> Result<(), StorageError> {
        const ADD: &str = "INSERT INTO jobs
            (id, queue, organization_id, subject_id, payload, state, turn, run_at, attempts, created_at, lane)
            VALUES ($1, $2, $3, $4, $5, $6, COALESCE(
                (SELECT turn + 1 FROM jobs WHERE organization_id = $3 AND queue = $2 AND lane = $9
                    ORDER BY turn DESC LIMIT 1),
                (SELECT MIN(turn) FROM (
                    SELECT MIN(turn) AS turn FROM jobs WHERE queue = $2 AND lane = $9 AND state = 'queued'
                    UNION ALL SELECT MIN(turn) FROM jobs WHERE queue = $2 AND lane = $9 AND state = 'running') AS served),
                0), $7, 0, $8, $9)
            ON CONFLICT (queue, subject_id) DO NOTHING";
        let state = if job.run_at > job.created_at {
            "waiting"
        } else {
            "queued"
        };
        let values = [
            job.id.as_uuid().into(),
            job.queue.as_str().into(),
            job.organization.map(|id| id.as_uuid()).into(),
            job.subject.into(),
            job.payload.into(),
            state.into(),
            job.run_at.into(),
            job.created_at.into(),
            job.lane.into(),
        ];
        self.0.run_along(Sql::new(ADD, values)).await?;
        self.0.wake(|wakes| {
            wakes.queues.insert(job.queue);
        });
        Ok(())
    }

    /// Makes jobs claimable whose time has come or whose worker's lease ran out.
    ///
    /// # Errors
    /// The database's.
    pub async fn tend(self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        const DUE: &str = "UPDATE jobs SET state = 'queued' WHERE state = 'waiting' AND run_at <= $1";
        const LOST: &str = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until = NULL
            WHERE state = 'running' AND lease_until < $1";
        Ok(self.0.execute(DUE, [now.into()]).await? + self.0.execute(LOST, [now.into()]).await?)
    }

    /// Whether [`Jobs::tend`] would change anything.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_to_tend(self, now: DateTime<Utc>) -> Result<bool, StorageError> {
        const ANY: &str =
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at <= $1)
            OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < $1)";
        Ok(self.0.one(ANY, [now.into()], |_| Ok(())).await?.is_some())
    }

    /// The lanes of `queue` in which [`Jobs::claim`] would find a job. What it costs does not grow with the jobs.
    ///
    /// # Errors
    /// The database's.
    pub async fn lanes(self, queue: JobQueue) -> Result<Vec<String>, StorageError> {
        const LANES: &str = "WITH RECURSIVE lanes(lane) AS (
                SELECT MIN(lane) FROM jobs WHERE queue = $1 AND state = 'queued'
                UNION ALL
                SELECT (SELECT MIN(lane) FROM jobs WHERE queue = $1 AND state = 'queued' AND lane > lanes.lane)
                FROM lanes WHERE lane IS NOT NULL)
            SELECT lane FROM lanes WHERE lane IS NOT NULL";
        let values = [queue.as_str().into()];
        self.0.all(LANES, values, |row| row.try_get_by_index(0)).await
    }

    /// Whether there is a job of `queue` about `subject`.
    ///
    /// # Errors
    /// The database's.
    pub async fn any_about(self, queue: JobQueue, subject: Uuid) -> Result<bool, StorageError> {
        const ANY: &str = "SELECT 1 FROM jobs WHERE queue = $1 AND subject_id = $2";
        let values = [queue.as_str().into(), subject.into()];
        Ok(self.0.one(ANY, values, |_| Ok(())).await?.is_some())
    }

    /// Claims up to `limit` jobs of a lane of `queue` for `owner` until `until`. No job is ever claimed by two.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        self,
        queue: JobQueue,
        lane: &str,
        owner: Uuid,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ClaimedJob>, StorageError> {
        let skip_locked = self.0.on_postgres("FOR UPDATE SKIP LOCKED");
        let sql = format!(
            "UPDATE jobs SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1
             WHERE id IN (SELECT id FROM jobs WHERE queue = $3 AND lane = $5 AND state = 'queued'
                          ORDER BY turn, id LIMIT $4 {skip_locked})
             RETURNING {CLAIMED}"
        );
        let values = [
            owner.into(),
            until.into(),
            queue.as_str().into(),
            i64::from(limit).into(),
            lane.into(),
        ];
        let mut jobs = self.0.all(&sql, values, |row| claimed(row, owner)).await?;
        jobs.sort_unstable_by_key(|job| job.id.as_uuid());
        Ok(jobs)
    }

    /// Extends a lease. `false` means that the job is the worker's no more: cancelled, or taken by another.
    ///
    /// # Errors
    /// The database's.
    pub async fn extend(self, job: &ClaimedJob, until: DateTime<Utc>) -> Result<bool, StorageError> {
        self.leased("UPDATE jobs SET lease_until = $4", job, until.into())
            .await
    }

    /// Ends a job, in the unit of work that stores its result. `false` means that it is the worker's no more: then
    /// nothing of the result may be stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn complete(self, job: &ClaimedJob) -> Result<bool, StorageError> {
        const COMPLETE: &str = "DELETE FROM jobs WHERE id = $1 AND lease_owner = $2 AND attempts = $3";
        let values = [
            job.id.as_uuid().into(),
            job.owner.into(),
            i64::from(job.attempt).into(),
        ];
        Ok(self.0.execute(COMPLETE, values).await? > 0)
    }

    /// Ends jobs, likewise; those that were their workers' still. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn complete_all(self, jobs: &[&ClaimedJob]) -> Result<HashSet<JobId>, StorageError> {
        if jobs.is_empty() {
            return Ok(HashSet::new());
        }
        let mut sql = Sql::new("DELETE FROM jobs WHERE (id, lease_owner, attempts) IN (", []);
        let leases = jobs.iter().map(|job| {
            [
                job.id.as_uuid().into(),
                job.owner.into(),
                i64::from(job.attempt).into(),
            ]
        });
        sql.values::<3>(leases.collect()).push(") RETURNING id");
        let ended = self.0.rows(sql, |row| Ok(JobId::from_uuid(at(row, 0)?)));
        Ok(ended.await?.into_iter().collect())
    }

    /// Puts a job back until `run_at` after a try that failed; `reason` is for operators.
    ///
    /// # Errors
    /// The database's.
    pub async fn retry(
        self,
        job: &ClaimedJob,
        run_at: DateTime<Utc>,
        reason: &str,
    ) -> Result<bool, StorageError> {
        const RETRY: &str =
            "UPDATE jobs SET state = 'waiting', lease_owner = NULL, lease_until = NULL, run_at = $4,
            last_error = $5 WHERE id = $1 AND lease_owner = $2 AND attempts = $3";
        let values = [
            job.id.as_uuid().into(),
            job.owner.into(),
            i64::from(job.attempt).into(),
            run_at.into(),
            reason.into(),
        ];
        Ok(self.0.execute(RETRY, values).await? > 0)
    }

    /// Gives a job up after its last try; it stays for operators to see.
    ///
    /// # Errors
    /// The database's.
    pub async fn bury(self, job: &ClaimedJob, reason: &str) -> Result<bool, StorageError> {
        self.leased(
            "UPDATE jobs SET state = 'dead', subject_id = NULL, last_error = $4",
            job,
            reason.into(),
        )
        .await
    }

    /// Puts a job back at once, as if it had never been claimed: for shutting down.
    ///
    /// # Errors
    /// The database's.
    pub async fn hand_back(self, job: &ClaimedJob) -> Result<bool, StorageError> {
        const BACK: &str = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until = NULL,
            attempts = attempts - 1 WHERE id = $1 AND lease_owner = $2 AND attempts = $3";
        let values = [
            job.id.as_uuid().into(),
            job.owner.into(),
            i64::from(job.attempt).into(),
        ];
        let handed = self.0.execute(BACK, values).await? > 0;
        Ok(handed)
    }

    /// Puts a job off until `run_at` as if it had not been tried: what it needs is not there, which says nothing against
    /// the job. Whoever takes it up next finds `payload` with it. `false` if it was lost.
    ///
    /// # Errors
    /// The database's.
    pub async fn postpone(
        self,
        job: &ClaimedJob,
        run_at: DateTime<Utc>,
        reason: &str,
        payload: &serde_json::Value,
    ) -> Result<bool, StorageError> {
        const POSTPONE: &str = "UPDATE jobs SET state = 'waiting', lease_owner = NULL, lease_until = NULL,
            attempts = attempts - 1, run_at = $4, last_error = $5, payload = $6
            WHERE id = $1 AND lease_owner = $2 AND attempts = $3";
        let values = [
            job.id.as_uuid().into(),
            job.owner.into(),
            i64::from(job.attempt).into(),
            run_at.into(),
            reason.into(),
            payload.clone().into(),
        ];
        Ok(self.0.execute(POSTPONE, values).await? > 0)
    }

    /// Removes the job about `subject`, running or not. `true` if there was one.
    ///
    /// # Errors
    /// The database's.
    pub async fn cancel(self, queue: JobQueue, subject: Uuid) -> Result<bool, StorageError> {
        const CANCEL: &str = "DELETE FROM jobs WHERE queue = $1 AND subject_id = $2";
        Ok(self
            .0
            .execute(CANCEL, [queue.as_str().into(), subject.into()])
            .await?
            > 0)
    }

    /// Removes the job about `subject` unless a worker has started with it. `true` if it was removed: then it never
    /// ran and never will.
    ///
    /// # Errors
    /// The database's.
    pub async fn cancel_unclaimed(self, queue: JobQueue, subject: Uuid) -> Result<bool, StorageError> {
        const CANCEL: &str = "DELETE FROM jobs WHERE queue = $1 AND subject_id = $2 AND attempts = 0";
        Ok(self
            .0
            .execute(CANCEL, [queue.as_str().into(), subject.into()])
            .await?
            > 0)
    }

    /// How many jobs of the same lane of `queue` come before those of `organization` about `subjects`, counted up to `most` each; those
    /// that do not wait are not in the answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn ahead_of(
        self,
        queue: JobQueue,
        organization: OrganizationId,
        subjects: &[Uuid],
        most: u32,
    ) -> Result<Vec<(Uuid, u32)>, StorageError> {
        let mut sql = Sql::new(
            "SELECT subject_id, (SELECT COUNT(*) FROM (SELECT 1 FROM jobs AS earlier
                WHERE earlier.queue = $1 AND earlier.lane = job.lane AND earlier.state = 'queued'
                  AND (earlier.turn, earlier.id) < (job.turn, job.id) LIMIT $2) AS ahead)
            FROM jobs AS job WHERE job.queue = $1 AND job.organization_id = $3
              AND job.state IN ('queued', 'waiting') AND job.subject_id IN ",
            [
                queue.as_str().into(),
                i64::from(most).into(),
                organization.as_uuid().into(),
            ],
        );
        sql.list(subjects.iter().copied());
        self.0
            .rows(sql, |row| {
                let ahead: i64 = row.try_get_by_index(1)?;
                Ok((row.try_get_by_index(0)?, u32::try_from(ahead).unwrap_or(most)))
            })
            .await
    }

    /// How many jobs each queue holds, by state: for metrics.
    ///
    /// # Errors
    /// The database's.
    pub async fn depths(self) -> Result<Vec<(String, String, u64)>, StorageError> {
        const DEPTHS: &str = "SELECT queue, state, COUNT(*) FROM jobs GROUP BY queue, state";
        self.0
            .all(DEPTHS, [], |row| {
                let count: i64 = row.try_get_by_index(2)?;
                Ok((
                    row.try_get_by_index(0)?,
                    row.try_get_by_index(1)?,
                    count.unsigned_abs(),
                ))
            })
            .await
    }

    async fn leased(self, change: &str, job: &ClaimedJob, value: Value) -> Result<bool, StorageError> {
        let sql = format!("{change} WHERE id = $1 AND lease_owner = $2 AND attempts = $3");
        let values = [
            job.id.as_uuid().into(),
            job.owner.into(),
            i64::from(job.attempt).into(),
            value,
        ];
        Ok(self.0.execute(&sql, values).await? > 0)
    }
}

fn claimed(row: &QueryResult, owner: Uuid) -> Result<ClaimedJob, DbErr> {
    Ok(ClaimedJob {
        id: JobId::from_uuid(row.try_get_by_index(0)?),
        organization: row
            .try_get_by_index::<Option<Uuid>>(1)?
            .map(OrganizationId::from_uuid),
        subject: row.try_get_by_index(2)?,
        payload: row.try_get_by_index(3)?,
        attempt: row.try_get_by_index::<i32>(4)?.unsigned_abs(),
        created_at: row.try_get_by_index(5)?,
        leased_until: row.try_get_by_index(6)?,
        lane: row.try_get_by_index(7)?,
        owner,
    })
}
