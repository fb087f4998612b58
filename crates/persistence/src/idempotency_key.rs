//! What requests that may come again made the first time, for whoever sent them.

use chrono::{DateTime, Utc};
use resonance_authz::{CreateGenerations, Grant, SystemGrant, system::Purge};
use resonance_domain::{Generation, GenerationId, Id, InOrg};
use sea_orm::Value;

use crate::{
    Generations, StorageError, executor::Executor, organization::at, raw::Sql, read_rows::known,
    spending::author,
};

/// By what a request is known when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The hash of the key that the sender made up.
    pub hash: [u8; 32],
    /// The hash of everything that was asked for.
    pub fingerprint: [u8; 32],
}

/// What a key stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeBefore {
    /// The hash of what was asked for then.
    pub fingerprint: [u8; 32],
    /// What came of it; `None` if it was deleted.
    pub generation: Option<Generation>,
}

/// The keys of requests. Each user and each API key has its own in each organization: that of the grant.
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyKeys<'a>(pub(crate) Executor<'a>);

impl IdempotencyKeys<'_> {
    /// What the key stands for, if it was first used after `since`.
    ///
    /// # Errors
    /// The database's.
    pub async fn find(
        self,
        grant: &Grant<CreateGenerations>,
        key: &IdempotencyKey,
        since: DateTime<Utc>,
    ) -> Result<Option<MadeBefore>, StorageError> {
        const FIND: &str = "SELECT fingerprint, generation_id FROM idempotency_keys
            WHERE organization_id = $1 AND actor_id = $2 AND key_hash = $3 AND created_at > $4";
        let [organization, actor, hash] = address(grant, key);
        let sql = Sql::new(FIND, [organization, actor, hash, since.into()]);
        let found = self.0.row(sql, |row| {
            let fingerprint: Vec<u8> = at(row, 0)?;
            let fingerprint = known(fingerprint.try_into().ok(), "idempotency_keys.fingerprint")?;
            Ok((fingerprint, Id::from_uuid(at(row, 1)?)))
        });
        let Some((fingerprint, generation)) = found.await? else {
            return Ok(None);
        };
        let address = InOrg::new(grant.organization(), generation);
        let generation = Generations(self.0).by_address(address).await?;
        Ok(Some(MadeBefore {
            fingerprint,
            generation,
        }))
    }

    /// Has the key stand for `generation` from `now` on. `false`, and nothing is changed, if it stands for something since
    /// later than `since`. Waits for whoever uses the key just now.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(
        self,
        grant: &Grant<CreateGenerations>,
        key: &IdempotencyKey,
        generation: GenerationId,
        [since, now]: [DateTime<Utc>; 2],
    ) -> Result<bool, StorageError> {
        const CLAIM: &str = "INSERT INTO idempotency_keys
                (organization_id, actor_id, key_hash, fingerprint, generation_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (organization_id, actor_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,
                generation_id = excluded.generation_id, created_at = excluded.created_at
            WHERE idempotency_keys.created_at <= $7";
        let [organization, actor, hash] = address(grant, key);
        let values = [
            organization,
            actor,
            hash,
            key.fingerprint.to_vec().into(),
            generation.as_uuid().into(),
            now.into(),
            since.into(),
        ];
        Ok(self.0.execute(CLAIM, values).await? > 0)
    }

    /// Has a key that was claimed stand for another generation.
    ///
    /// # Errors
    /// The database's.
    pub async fn point_at(
        self,
        grant: &Grant<CreateGenerations>,
        key: &IdempotencyKey,
        generation: GenerationId,
    ) -> Result<(), StorageError> {
        const POINT: &str = "UPDATE idempotency_keys SET generation_id = $4
            WHERE organization_id = $1 AND actor_id = $2 AND key_hash = $3";
        let [organization, actor, hash] = address(grant, key);
        let values = [organization, actor, hash, generation.as_uuid().into()];
        self.0.execute(POINT, values).await.map(drop)
    }

    /// Forgets up to `limit` keys that were first used at `until` or before, whosever they are; how many those were.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_some(
        self,
        _grant: &SystemGrant<Purge>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StorageError> {
        // What was used anew since it was found stays.
        const FORGET: &str = "DELETE FROM idempotency_keys WHERE created_at <= $1
            AND (organization_id, actor_id, key_hash) IN (
                SELECT organization_id, actor_id, key_hash FROM idempotency_keys WHERE created_at <= $1 LIMIT $2)";
        self.0
            .execute(FORGET, [until.into(), i64::from(limit).into()])
            .await
    }
}

fn address(grant: &Grant<CreateGenerations>, key: &IdempotencyKey) -> [Value; 3] {
    [
        grant.organization().as_uuid().into(),
        author(grant).into(),
        key.hash.to_vec().into(),
    ]
}
