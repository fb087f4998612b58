//! Requests that come again: what was made of them the first time is the answer.
//!
//! A sender who marks a request with a key of its own may send it as often as it likes: it makes one generation, and is
//! told what became of that, be it a failure. What was refused before there was a generation left nothing behind, so the
//! same key may be tried again.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{CreateGenerations, Grant, SystemGrant, system::Purge};
use resonance_domain::{ErrorCode, FieldError, Generation};
use resonance_persistence::{IdempotencyKey, Repositories, StorageError, UnitOfWork};
use sha2::{Digest as _, Sha256};

use super::{Generations, create::no_voice};
use crate::{Outcome, Services};

/// How long a key is remembered.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// The longest key, in characters.
const MAX_KEY: usize = 255;
/// Keys that are forgotten in one transaction.
const FORGOTTEN: u32 = 1000;

/// What marks a request that may come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency(IdempotencyKey);

impl Idempotency {
    /// A key that the sender made up, and everything that the request asks for, in a canonical form. Of both only the
    /// hashes are kept.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG` or `INVALID` (`idempotencyKey`) for a key that is not 1 to 255 visible characters of
    /// ASCII.
    pub fn new(key: &[u8], request: &str) -> Result<Self, FieldError> {
        let refused = |code, message| Err(refusal(code, message));
        if key.is_empty() {
            return refused(ErrorCode::TooShort, "must not be empty");
        }
        if key.len() > MAX_KEY {
            return refused(ErrorCode::TooLong, "must have at most 255 characters");
        }
        if !key.iter().all(u8::is_ascii_graphic) {
            return refused(ErrorCode::Invalid, "must be visible characters of ASCII");
        }
        Ok(Self(IdempotencyKey {
            hash: Sha256::digest(key).into(),
            fingerprint: Sha256::digest(request).into(),
        }))
    }
}

impl Generations<'_> {
    /// What the same request of the same sender made before.
    ///
    /// # Errors
    /// `CONFLICT` (`idempotencyKey`) if the key came with another request, `NOT_FOUND` (`idempotencyKey`) if what was
    /// made is deleted, `NOT_FOUND` (`voiceId`) if the sender may not speak with its voice any more.
    pub(super) async fn made_before(
        self,
        repositories: &impl Repositories,
        grant: &Grant<CreateGenerations>,
        Idempotency(key): Idempotency,
    ) -> Outcome<Option<Generation>> {
        let since = since(self.0.core().clock.now());
        let found = repositories.idempotency_keys().find(grant, &key, since);
        let Some(before) = found.await? else {
            return Ok(None);
        };
        if before.fingerprint != key.fingerprint {
            let message = "this key was used for another request; a new request needs a new key";
            return Err(refusal(ErrorCode::Conflict, message).into());
        }
        let Some(generation) = before.generation else {
            let message = "what this key made is deleted; to have it spoken again, send a new key";
            return Err(refusal(ErrorCode::NotFound, message).into());
        };
        if !self.0.may_speak_with(&generation.voice_address()) {
            return Err(no_voice().into());
        }
        Ok(Some(generation))
    }

    /// Has the key stand for `generation`, if the unit of work commits. If it stands for another one already, that is the
    /// answer.
    ///
    /// # Errors
    /// As [`Generations::made_before`].
    pub(super) async fn claim(
        self,
        uow: &UnitOfWork,
        grant: &Grant<CreateGenerations>,
        idempotency: Idempotency,
        generation: &Generation,
    ) -> Outcome<Option<Generation>> {
        let keys = uow.idempotency_keys();
        let now = generation.created_at;
        // What is there may be forgotten in between; then the next round claims the key.
        while !keys
            .claim(grant, &idempotency.0, generation.id, [since(now), now])
            .await?
        {
            if let Some(before) = self.made_before(uow, grant, idempotency).await? {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }

    /// Has a key that was claimed stand for a generation that is given back.
    pub(super) async fn point_at(
        self,
        uow: &UnitOfWork,
        grant: &Grant<CreateGenerations>,
        Idempotency(key): Idempotency,
        generation: &Generation,
    ) -> Outcome<()> {
        let keys = uow.idempotency_keys();
        Ok(keys.point_at(grant, &key, generation.id).await?)
    }
}

impl Services {
    /// Forgets the keys of requests that were first sent a day ago. Every node does this by itself from time to time. How
    /// many those were.
    ///
    /// # Errors
    /// The database's.
    pub async fn tidy_idempotency_keys(&self) -> Result<u64, StorageError> {
        let core = self.core();
        let (grant, until) = (SystemGrant::<Purge>::for_job(), since(core.clock.now()));
        let mut all = 0;
        loop {
            let forgotten = core
                .database
                .atomically(async |uow| uow.idempotency_keys().forget_some(&grant, until, FORGOTTEN).await)
                .await?;
            all += forgotten;
            if forgotten < u64::from(FORGOTTEN) {
                return Ok(all);
            }
        }
    }
}

/// Keys that were first used then or before are forgotten at `now`.
fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - REMEMBERED
}

fn refusal(code: ErrorCode, message: &str) -> FieldError {
    FieldError::new(code, message).at("idempotencyKey")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_255_visible_characters_of_ascii() {
        let code = |key: &[u8]| Idempotency::new(key, "").err().map(|error| error.code);
        for good in [
            &b"!"[..],
            b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
            &[b'~'; 255],
        ] {
            assert_eq!(code(good), None);
        }
        assert_eq!(code(b""), Some(ErrorCode::TooShort));
        assert_eq!(code(&[b'x'; 256]), Some(ErrorCode::TooLong));
        for bad in [&b"a b"[..], b"\t", b"\x7f", "ü".as_bytes(), b"\xff"] {
            assert_eq!(code(bad), Some(ErrorCode::Invalid));
        }
    }
}
