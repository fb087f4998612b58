//! Throttles that all nodes share.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{StorageError, executor::Executor};

/// How much of something is allowed: `limit` at once, refilled evenly over `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// How many at once.
    pub limit: u32,
    /// The time in which that many are refilled.
    pub per: TimeDelta,
}

/// Counts by the generic cell rate algorithm: one row per key holds the time at which the key would be idle again.
#[derive(Debug, Clone, Copy)]
pub struct Throttles<'a>(pub(crate) Executor<'a>);

impl Throttles<'_> {
    /// Takes `count` from the allowance of `key`, or tells how long to wait. One statement when it is granted.
    ///
    /// Counts only if the unit of work commits.
    ///
    /// # Errors
    /// The database's.
    pub async fn take(
        self,
        key: &str,
        throttle: Throttle,
        count: u32,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, StorageError> {
        let per = throttle.per.num_microseconds().unwrap_or(i64::MAX);
        let cost = per / i64::from(throttle.limit.max(1)) * i64::from(count);
        let now = now.timestamp_micros();
        // idle_at := max(idle_at, now) + cost, unless that lies more than `per` ahead.
        const TAKE: &str = "INSERT INTO throttles (key, idle_at) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE
            SET idle_at = CASE WHEN throttles.idle_at > $3 THEN throttles.idle_at ELSE $3 END + $4
            WHERE CASE WHEN throttles.idle_at > $3 THEN throttles.idle_at ELSE $3 END + $4 <= $5
            RETURNING idle_at";
        if cost <= per {
            let values = [
                key.into(),
                (now + cost).into(),
                now.into(),
                cost.into(),
                (now + per).into(),
            ];
            if self.0.one(TAKE, values, |_| Ok(())).await?.is_some() {
                return Ok(Ok(()));
            }
        }
        let idle_at = self.idle_at(key).await?.unwrap_or(now).max(now);
        Ok(Err(TimeDelta::microseconds((idle_at + cost - now - per).max(1))))
    }

    /// Whether `key` has any allowance left, without taking from it; otherwise how long to wait.
    ///
    /// # Errors
    /// The database's.
    pub async fn check(
        self,
        key: &str,
        throttle: Throttle,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, StorageError> {
        let per = throttle.per.num_microseconds().unwrap_or(i64::MAX);
        let cost = per / i64::from(throttle.limit.max(1));
        let now = now.timestamp_micros();
        let wait = self.idle_at(key).await?.unwrap_or(now).max(now) + cost - now - per;
        Ok(if wait > 0 {
            Err(TimeDelta::microseconds(wait))
        } else {
            Ok(())
        })
    }

    /// Gives one back that was taken from `key` and turned out not to count.
    ///
    /// # Errors
    /// The database's.
    pub async fn give_back(self, key: &str, throttle: Throttle) -> Result<(), StorageError> {
        const GIVE_BACK: &str = "UPDATE throttles SET idle_at = idle_at - $2 WHERE key = $1";
        let per = throttle.per.num_microseconds().unwrap_or(i64::MAX);
        let cost = per / i64::from(throttle.limit.max(1));
        self.0.execute(GIVE_BACK, [key.into(), cost.into()]).await?;
        Ok(())
    }

    /// Gives `key` its whole allowance back.
    ///
    /// # Errors
    /// The database's.
    pub async fn reset(self, key: &str) -> Result<(), StorageError> {
        self.0
            .execute("DELETE FROM throttles WHERE key = $1", [key.into()])
            .await?;
        Ok(())
    }

    /// Forgets keys that are idle at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_idle(self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        self.0
            .execute(
                "DELETE FROM throttles WHERE idle_at < $1",
                [now.timestamp_micros().into()],
            )
            .await
    }

    async fn idle_at(self, key: &str) -> Result<Option<i64>, StorageError> {
        self.0
            .one(
                "SELECT idle_at FROM throttles WHERE key = $1",
                [key.into()],
                |row| row.try_get_by_index(0),
            )
            .await
    }
}
