//! Signing in and out.

use resonance_domain::{EmailAddress, ErrorCode, EventKind, FieldError};
use resonance_persistence::Repositories;

use crate::{
    Accounts, OpenedSession, Outcome, ServiceError,
    changes::Changes,
    codes::ADMIT,
    limits::{SIGN_IN_BY_ADDRESS, SIGN_IN_BY_CLIENT},
    throttling::by_client,
};

impl Accounts<'_> {
    /// Opens a session for whoever knows the password of the account that proved `email`, primary address or not.
    ///
    /// The answer, and the time that it takes, never tell whether the address has an account. Tries are counted
    /// before they are made, so that many at once are not more than allowed; success makes the address's count
    /// begin anew.
    ///
    /// # Errors
    /// `WRONG_CREDENTIALS`, also for a suspended account; `INVALID` for what is no address; `RateLimited` by address
    /// and by client.
    pub async fn sign_in(self, email: &str, password: String) -> Outcome<OpenedSession> {
        let request = self.0;
        let core = request.core();
        let email = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        let by_client = by_client("sign-in", request.origin(), SIGN_IN_BY_CLIENT);
        let by_address = format!("sign-in:address:{}", email.key());
        let mut wanted: Vec<_> = by_client.clone().into_iter().collect();
        wanted.push((by_address.clone(), SIGN_IN_BY_ADDRESS));
        core.throttle(&wanted).await?;

        let found = core.database.users().by_email(&ADMIT, &email).await?;
        let (user, stored) = found.map_or((None, None), |found| (Some(found.user), found.password_hash));
        let hash = core.verify_password(password, stored.clone()).await?;
        let (Some(user), Some(stored), Some(hash)) = (user, stored, hash) else {
            return Err(wrong());
        };
        let opened = core
            .database
            .atomically(async |uow| {
                // Neither suspended nor given another password since it was read.
                if !uow
                    .users()
                    .confirm_password(&ADMIT, user.id, &stored, &hash)
                    .await?
                {
                    return Err(wrong());
                }
                // The client before the address, as they were taken: two that wait for each other would both fail.
                if let Some((key, throttle)) = &by_client {
                    // Not all of it: with an account of one's own one could go on guessing others' for ever.
                    uow.throttles().give_back(key, *throttle).await?;
                }
                uow.throttles().reset(&by_address).await?;
                self.open_session(uow, user).await
            })
            .await?;
        Ok(opened)
    }

    /// Ends the session that the request came through.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn sign_out(self) -> Outcome<()> {
        let request = self.0;
        let own = request.actor().own()?;
        let session = request.signed_in()?.session;
        request
            .core()
            .database
            .atomically(async |uow| {
                if uow.sessions().end(&own, session).await? {
                    let kind = EventKind::SessionRevoked;
                    uow.record(request.event(kind, None, session.type_id(), Changes::default()));
                }
                Ok::<_, ServiceError>(())
            })
            .await
    }
}

fn wrong() -> ServiceError {
    FieldError::new(ErrorCode::WrongCredentials, "address or password is wrong").into()
}
