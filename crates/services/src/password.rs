//! Passwords of existing accounts.

use chrono::{DateTime, Utc};
use resonance_domain::{
    CodePurpose, EmailAddress, ErrorCode, EventKind, FieldError, FieldErrors, UserId, VerificationCodeId,
};
use resonance_persistence::Repositories;

use crate::{
    Accounts, Outcome, ServiceError,
    changes::Changes,
    codes::{ADMIT, send_code, throttle_code, try_code, typed_code},
    hashing::new_password,
    limits::SIGN_IN_BY_ADDRESS,
};

/// A password reset that waits for its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPasswordReset {
    /// Its identity, which the code is tried with.
    pub id: VerificationCodeId,
    /// Where the code was sent, if the address has an account.
    pub email: String,
    /// The first moment at which the code is no longer valid.
    pub expires_at: DateTime<Utc>,
}

impl Accounts<'_> {
    /// Sends a code to an address by which its owner can set a new password.
    ///
    /// For an address without an account the same is done, answered and counted, but for the mail; so neither this
    /// answer nor those to the code's tries tell whether there is an account. The code is tried with the reset's id:
    /// whoever does not know that cannot use up the tries.
    ///
    /// # Errors
    /// `INVALID` for what is no address; `RateLimited`, also within 30 seconds of the last code.
    pub async fn request_password_reset(self, email: &str) -> Outcome<PendingPasswordReset> {
        let request = self.0;
        let email = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        throttle_code(request, CodePurpose::ResetPassword, &email).await?;
        let code = request
            .core()
            .database
            .atomically(async |uow| {
                let found = uow.users().by_email(&ADMIT, &email).await?;
                let subject = found.map(|found| found.user.id.as_uuid());
                let kind = EventKind::CodeRequested;
                send_code(request, uow, kind, CodePurpose::ResetPassword, subject, &email).await
            })
            .await?;
        Ok(PendingPasswordReset {
            id: code.id,
            email: email.as_str().to_owned(),
            expires_at: code.expires_at(),
        })
    }

    /// Sets a new password by the code of a reset, and ends every session of the account.
    ///
    /// # Errors
    /// `TOO_SHORT`, `TOO_LONG` or `PASSWORD_TOO_COMMON` for `newPassword`; `CODE_WRONG`, `CODE_EXHAUSTED`,
    /// `CODE_EXPIRED` or `INVALID` for `code`; `RateLimited` after 50 wrong codes for one address in a day.
    pub async fn reset_password(self, id: VerificationCodeId, code: &str, new: &str) -> Outcome<()> {
        let request = self.0;
        let core = request.core();
        // What is told of the password may rest on the address, which the caller typed, but not on the account's name.
        let sent = core.database.verification_codes().get(&ADMIT, id).await?;
        let address = sent
            .as_ref()
            .and_then(|code| EmailAddress::parse(&code.address).ok());
        let mut errors = FieldErrors::default();
        let typed = errors.take("code", typed_code(code));
        let new = errors.take("newPassword", new_password(new, None, address.as_ref()));
        let (Some(typed), Some(new)) = (typed, new) else {
            return Err(errors.into());
        };
        let now = core.clock.now();
        // Hashing takes memory and a processor, and anybody may ask: it is done for right codes only, whether they open
        // something or not. What is wrong here is so below, too, where it is counted.
        let right = sent.is_some_and(|code| {
            let purpose = CodePurpose::ResetPassword;
            let id = code.id.as_uuid();
            code.purpose == purpose
                && code.usable_at(now).is_ok()
                && core.codes.check(purpose.as_str(), id.as_bytes(), 0, typed)
        });
        let hash = match right {
            true => Some(core.hash_password(new).await?),
            false => None,
        };
        let reset = core
            .database
            .atomically(async |uow| {
                let code = uow.verification_codes().lock(&ADMIT, id).await?;
                let code = code.filter(|code| code.purpose == CodePurpose::ResetPassword);
                let subject = code.as_ref().and_then(|code| code.subject);
                let tried = try_code(core, uow, code, typed, subject.is_some()).await?;
                let (code, user, hash) = match (tried, subject, &hash) {
                    (Ok(code), Some(subject), Some(hash)) => (code, UserId::from_uuid(subject), hash),
                    (Err(refusal), ..) => return Ok(Err(refusal)),
                    (Ok(_), ..) => {
                        return Err(ServiceError::internal(
                            "resetting a password",
                            "a code became right",
                        ));
                    }
                };
                uow.verification_codes()
                    .consume(&ADMIT, CodePurpose::ResetPassword, user.as_uuid(), now)
                    .await?;
                uow.users().set_password(&ADMIT, user, hash, now).await?;
                uow.sessions().end_all(&ADMIT, user).await?;
                let key = format!("sign-in:address:{}", code.address.to_lowercase());
                uow.throttles().reset(&key).await?;
                let payload = Changes::default().secret("password").with("by", "code");
                uow.record(request.event_of(user, EventKind::UserPasswordChanged, user.type_id(), payload));
                Ok::<_, ServiceError>(Ok(()))
            })
            .await?;
        Ok(reset?)
    }

    /// Changes the own password, knowing the present one, and ends the account's other sessions.
    ///
    /// # Errors
    /// `Unauthenticated`; `WRONG_CREDENTIALS` for `currentPassword`; `TOO_SHORT`, `TOO_LONG` or `PASSWORD_TOO_COMMON`
    /// for `newPassword`; `RateLimited` as for signing in.
    pub async fn change_password(self, current: String, new: &str) -> Outcome<()> {
        let request = self.0;
        let own = request.actor().own()?;
        let session = request.signed_in()?.session;
        let core = request.core();
        let wrong = || {
            FieldError::new(ErrorCode::WrongCredentials, "the current password is wrong")
                .at("currentPassword")
        };
        let found = core.database.users().by_id(&ADMIT, own.user()).await?;
        let found = found.ok_or(resonance_authz::Denied::Unauthenticated)?;
        let email = EmailAddress::parse(&found.user.email).ok();
        let new = new_password(new, Some(&found.user.name), email.as_ref())
            .map_err(|error| error.at("newPassword"))?;
        let key = format!("sign-in:user:{}", own.user().type_id());
        core.throttle(&[(key.clone(), SIGN_IN_BY_ADDRESS)]).await?;
        let stored = found.password_hash;
        if core.verify_password(current, stored.clone()).await?.is_none() {
            return Err(wrong().into());
        }
        let hash = core.hash_password(new).await?;
        core.database
            .atomically(async |uow| {
                let verified = stored.as_deref().unwrap_or_default();
                // Codes before the account, as in a reset: two that wait for each other would both fail.
                let (purpose, user) = (CodePurpose::ResetPassword, own.user());
                uow.verification_codes()
                    .consume(&ADMIT, purpose, user.as_uuid(), core.clock.now())
                    .await?;
                if !uow
                    .users()
                    .confirm_password(&ADMIT, user, verified, &hash)
                    .await?
                {
                    return Err(wrong().into());
                }
                uow.sessions().end_others(&own, session).await?;
                uow.throttles().reset(&key).await?;
                let payload = Changes::default().secret("password").with("by", "password");
                uow.record(request.event(
                    EventKind::UserPasswordChanged,
                    None,
                    own.user().type_id(),
                    payload,
                ));
                Ok::<_, ServiceError>(())
            })
            .await
    }
}
