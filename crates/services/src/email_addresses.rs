//! One's own e-mail addresses.

use resonance_authz::{Denied, OwnGrant};
use resonance_domain::{
    CodePurpose, EMAILS_PER_USER, EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, UserEmail,
    UserEmailId,
};
use resonance_persistence::{Repositories, UnitOfWork};

use crate::{
    Outcome, Request, ServiceError,
    changes::Changes,
    codes::{ADMIT, send_code, throttle_code, try_code, typed_code},
    membership_requests::withdrawn,
};

impl Request {
    /// One's own e-mail addresses.
    #[must_use]
    pub const fn email_addresses(&self) -> EmailAddresses<'_> {
        EmailAddresses(self)
    }
}

/// The use cases around one's own e-mail addresses.
#[derive(Debug, Clone, Copy)]
pub struct EmailAddresses<'a>(&'a Request);

impl EmailAddresses<'_> {
    /// All of them, oldest first: at most ten.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn list(self) -> Outcome<Vec<UserEmail>> {
        let own = self.0.actor().own()?;
        Ok(self.0.core().database.user_emails().list(&own).await?)
    }

    /// Adds an address, not proved yet, and sends a code to it. For one that was added and is not proved yet, the code
    /// is sent again.
    ///
    /// Whether another account has the address is told only to whoever proves it.
    ///
    /// # Errors
    /// `Unauthenticated`; `INVALID`, `TAKEN` (one's own already) or `CONFLICT` (ten addresses) for `email`;
    /// `RateLimited`, also within 30 seconds of the last code.
    pub async fn add(self, email: &str) -> Outcome<UserEmail> {
        let request = self.0;
        let own = request.actor().own()?;
        let address = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        throttle_code(request, CodePurpose::VerifyEmail, &address).await?;
        let core = request.core();
        core.database
            .atomically(async |uow| {
                let addresses = locked(uow, &own).await?;
                let known = addresses
                    .iter()
                    .find(|known| known.address.to_lowercase() == address.key());
                let added = match known {
                    Some(proved) if proved.verified_at.is_some() => {
                        let message = "is one of your addresses already";
                        return Err(FieldError::new(ErrorCode::Taken, message).at("email").into());
                    }
                    Some(known) => known.clone(),
                    None if addresses.len() >= EMAILS_PER_USER => {
                        let message = format_args!("an account has at most {EMAILS_PER_USER} addresses");
                        return Err(FieldError::new(ErrorCode::Conflict, message).at("email").into());
                    }
                    None => {
                        let id = core.ids.next();
                        uow.user_emails()
                            .insert(&own, id, &address, core.clock.now())
                            .await?;
                        let payload = Changes::default()
                            .made("email", address.as_str())
                            .made("verified", false);
                        uow.record(request.event(EventKind::UserEmailAdded, None, id.type_id(), payload));
                        UserEmail {
                            id,
                            user: own.user(),
                            address: address.as_str().to_owned(),
                            verified_at: None,
                            primary: false,
                        }
                    }
                };
                let subject = Some(added.id.as_uuid());
                let kind = EventKind::CodeRequested;
                send_code(request, uow, kind, CodePurpose::VerifyEmail, subject, &address).await?;
                Ok::<_, ServiceError>(added)
            })
            .await
    }

    /// Proves an address by its code. An address that is proved already stays so, whatever the code.
    ///
    /// # Errors
    /// `Unauthenticated`; `NOT_FOUND` for `emailAddressId`, `TAKEN` if another account proved it before;
    /// `CODE_WRONG`, `CODE_EXHAUSTED`, `CODE_EXPIRED` or `INVALID` for `code`; `RateLimited` after 50 wrong codes for
    /// one address in a day.
    pub async fn verify(self, id: UserEmailId, code: &str) -> Outcome<UserEmail> {
        let request = self.0;
        let own = request.actor().own()?;
        let typed = typed_code(code)?;
        let core = request.core();
        let now = core.clock.now();
        let verified = core
            .database
            .atomically(async |uow| {
                let address = one_of(locked(uow, &own).await?, id)?;
                if address.verified_at.is_some() {
                    return Ok(Ok(address));
                }
                let code = uow
                    .verification_codes()
                    .lock_newest(&ADMIT, CodePurpose::VerifyEmail, id.as_uuid())
                    .await?;
                if let Err(refusal) = try_code(core, uow, code, typed, true).await? {
                    return Ok(Err(refusal));
                }
                uow.verification_codes()
                    .consume(&ADMIT, CodePurpose::VerifyEmail, id.as_uuid(), now)
                    .await?;
                uow.user_emails().prove(&own, id, now).await?;
                let payload = Changes::default()
                    .field("verified", false, true)
                    .with("email", address.address.as_str());
                uow.record(request.event(EventKind::UserEmailVerified, None, id.type_id(), payload));
                Ok(Ok(UserEmail {
                    verified_at: Some(now),
                    ..address
                }))
            })
            .await;
        match verified {
            Err(ServiceError::Storage(error)) if error.is_unique() => {
                let message = "another account has this address";
                Err(FieldError::new(ErrorCode::Taken, message)
                    .at("emailAddressId")
                    .into())
            }
            verified => Ok(verified??),
        }
    }

    /// Makes a proved address the one that mails go to and that other members see.
    ///
    /// # Errors
    /// `Unauthenticated`; `NOT_FOUND`, or `CONFLICT` for an address that is not proved, for `emailAddressId`.
    pub async fn make_primary(self, id: UserEmailId) -> Outcome<UserEmail> {
        let request = self.0;
        let own = request.actor().own()?;
        let core = request.core();
        core.database
            .atomically(async |uow| {
                let addresses = locked(uow, &own).await?;
                let old = addresses.iter().find(|address| address.primary);
                let old = old.map(|old| old.address.clone());
                let chosen = one_of(addresses, id)?;
                if chosen.primary {
                    return Ok(chosen);
                }
                if chosen.verified_at.is_none() {
                    return Err(conflict("prove the address first"));
                }
                let address = EmailAddress::parse(&chosen.address)?;
                uow.user_emails()
                    .make_primary(&own, id, &address, core.clock.now())
                    .await?;
                let payload = Changes::default().field("email", old, chosen.address.as_str());
                let subject = own.user().type_id();
                uow.record(request.event(EventKind::UserUpdated, None, subject, payload));
                Ok(UserEmail {
                    primary: true,
                    ..chosen
                })
            })
            .await
    }

    /// Removes an address; never the primary one, so never the last. Pending requests to join that rest on it are taken
    /// back.
    ///
    /// # Errors
    /// `Unauthenticated`; `NOT_FOUND`, or `CONFLICT` for the primary address, for `emailAddressId`.
    pub async fn remove(self, id: UserEmailId) -> Outcome<()> {
        let request = self.0;
        let own = request.actor().own()?;
        request
            .core()
            .database
            .atomically(async |uow| {
                let address = one_of(locked(uow, &own).await?, id)?;
                if address.primary {
                    return Err(conflict("make another address the primary one first"));
                }
                uow.user_emails().delete(&own, id).await?;
                // What was asked for by right of the address goes with it.
                let now = request.core().clock.now();
                let given_up = EmailAddress::parse(&address.address)?;
                let requests = uow.sent_membership_requests();
                for asked in requests.withdraw_at(&own, &given_up, now).await? {
                    uow.record(withdrawn(request, &asked));
                }
                let payload = Changes::default().gone("email", address.address);
                uow.record(request.event(EventKind::UserEmailRemoved, None, id.type_id(), payload));
                Ok(())
            })
            .await
    }
}

/// The user's addresses; the account is held until the unit of work ends.
async fn locked(uow: &UnitOfWork, own: &OwnGrant) -> Outcome<Vec<UserEmail>> {
    uow.users().lock(own).await?.ok_or(Denied::Unauthenticated)?;
    Ok(uow.user_emails().list(own).await?)
}

fn one_of(addresses: Vec<UserEmail>, id: UserEmailId) -> Outcome<UserEmail> {
    let found = addresses.into_iter().find(|address| address.id == id);
    found.ok_or_else(|| {
        FieldError::new(ErrorCode::NotFound, "no such address")
            .at("emailAddressId")
            .into()
    })
}

fn conflict(message: &str) -> ServiceError {
    FieldError::new(ErrorCode::Conflict, message)
        .at("emailAddressId")
        .into()
}
