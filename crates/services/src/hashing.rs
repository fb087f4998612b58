//! Passwords, off the runtime's threads.

use std::sync::Arc;

use resonance_domain::{EmailAddress, ErrorCode, FieldError};
use resonance_identity::{NewPassword, PasswordRefusal, Passwords};

use crate::{
    Outcome, ServiceError,
    core::{Core, on_thread},
};

impl Core {
    /// The hash to store of a password.
    pub(crate) async fn hash_password(&self, password: NewPassword) -> Outcome<String> {
        self.with_passwords(move |passwords| passwords.hash(&password))
            .await?
            .map_err(|error| ServiceError::internal("hashing a password", error))
    }

    /// Whether `attempt` is the password behind `stored`; without one it is `false`, after as long a time. Then also
    /// the hash to store instead, which differs if `stored` was made at another cost than is asked for now.
    pub(crate) async fn verify_password(
        &self,
        attempt: String,
        stored: Option<String>,
    ) -> Outcome<Option<String>> {
        self.with_passwords(move |passwords| {
            if !passwords.verify_or_dummy(&attempt, stored.as_deref()) {
                return Ok(None);
            }
            match stored {
                Some(outdated) if passwords.is_outdated(&outdated) => passwords.rehash(&attempt).map(Some),
                current => Ok(current),
            }
        })
        .await?
        .map_err(|error| ServiceError::internal("hashing a password", error))
    }

    /// Hashing keeps a core busy and takes much memory: it runs on a thread for such work, few at a time.
    async fn with_passwords<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Passwords) -> T + Send + 'static,
    ) -> Outcome<T> {
        let permit = Arc::clone(&self.hashing).acquire_owned().await;
        let permit = permit.map_err(|error| ServiceError::internal("hashing a password", error))?;
        let passwords = self.passwords.clone();
        on_thread(permit, move || work(&passwords))
            .await
            .map_err(|error| ServiceError::internal("hashing a password", error))
    }
}

/// Checks a password that somebody with this name and address chooses.
pub(crate) fn new_password(
    raw: &str,
    name: Option<&str>,
    email: Option<&EmailAddress>,
) -> Result<NewPassword, FieldError> {
    // The whole address, too: what stands before the `@` may be too short to count by itself.
    let address = email.map(EmailAddress::key);
    let local_part = address
        .and_then(|address| address.rsplit_once('@'))
        .map(|(local, _)| local);
    let personal: Vec<&str> = [Some("resonance"), name, address, local_part]
        .into_iter()
        .flatten()
        .collect();
    NewPassword::parse(raw, &personal).map_err(|refusal| {
        let code = match refusal {
            PasswordRefusal::TooLong => ErrorCode::TooLong,
            PasswordRefusal::TooShort => ErrorCode::TooShort,
            PasswordRefusal::Common | PasswordRefusal::Personal => ErrorCode::PasswordTooCommon,
        };
        FieldError::new(code, refusal)
    })
}
