//! Signing up.
//!
//! No account exists before its address is proved. A sign-up waits apart with the password that was chosen for it, and
//! its code belongs to that one sign-up: whoever signs up with somebody else's address cannot have its owner's code
//! turn their sign-up, and so their password, into the account, as the owner's code opens the owner's sign-up only. The
//! first one to be proved becomes the account, and from then on the codes of all others are wrong.

use std::fmt;

use chrono::{DateTime, Utc};
use resonance_domain::{
    CodePurpose, EmailAddress, ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, InvitationRefusal,
    InvitationState, PersonName, SIGN_UP_LIFETIME, SignUpId, User, VerificationCode,
};
use resonance_identity::{NewPassword, SecretToken};
use resonance_persistence::{NewUser, Repositories, SignUp, StorageError, UnitOfWork};

use crate::{
    Accounts, INVITATION_TOKEN, OpenedSession, Outcome, Refusal, ServiceError,
    changes::Changes,
    codes::{ADMIT, send_code, throttle_code, try_code, typed_code},
    hashing::new_password,
    limits::sign_ups_by_client,
    throttling::by_client,
};

/// What signing up takes. `Debug` shows neither password nor token.
#[derive(Clone)]
pub struct NewSignUp {
    /// The display name: 1 to 128 characters on one line.
    pub name: String,
    /// The address.
    pub email: String,
    /// The password: 8 to 128 characters.
    pub password: String,
    /// The token of an invitation's link, if it is by one; it proves the address.
    pub invitation_token: Option<String>,
}

impl fmt::Debug for NewSignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSignUp")
            .field("email", &self.email)
            .field("by_invitation", &self.invitation_token.is_some())
            .finish_non_exhaustive()
    }
}

/// A sign-up that waits for its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignUp {
    /// Its identity, which the code is tried with.
    pub id: SignUpId,
    /// Where the code was sent.
    pub email: String,
    /// The first moment at which the code is no longer valid.
    pub expires_at: DateTime<Utc>,
}

/// What became of signing up.
#[derive(Debug, Clone)]
pub enum SignedUp {
    /// A code was sent; the account is made when it comes back.
    CodeSent(PendingSignUp),
    /// An invitation's link proved the address: the account is made, and signed in.
    Opened(Box<OpenedSession>),
}

/// A sign-up's checked input.
struct Applicant {
    name: PersonName,
    email: EmailAddress,
    password: NewPassword,
}

impl Accounts<'_> {
    /// Asks for an account. A six-digit code goes to the address; [`Accounts::verify_sign_up`] takes it.
    ///
    /// If the address has an account, the answer is the same, the code is never right, and a mail tells the address's
    /// owner of the account that is there.
    ///
    /// With the token of a pending invitation to this very address there is no code: the account is made at once, with
    /// the address proved, and signed in. The invitation stays pending; joining is a step of its own.
    ///
    /// # Errors
    /// Errors of the fields; `RateLimited` by client and address. With an invitation: `NOT_FOUND`,
    /// `INVITATION_EXPIRED` or `INVITATION_CLOSED` for `invitationToken`, `EMAIL_MISMATCH` or `TAKEN` for `email`.
    pub async fn sign_up(self, input: NewSignUp) -> Outcome<SignedUp> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", PersonName::parse(&input.name));
        let email = errors.take("email", EmailAddress::parse(&input.email));
        let personal = name.as_ref().map(PersonName::as_str);
        let password = errors.take(
            "password",
            new_password(&input.password, personal, email.as_ref()),
        );
        let (Some(name), Some(email), Some(password)) = (name, email, password) else {
            return Err(errors.into());
        };
        let applicant = Applicant {
            name,
            email,
            password,
        };
        match input.invitation_token {
            None => self.sign_up_by_code(applicant).await.map(SignedUp::CodeSent),
            Some(token) => {
                let opened = self.sign_up_by_invitation(applicant, &token).await?;
                Ok(SignedUp::Opened(Box::new(opened)))
            }
        }
    }

    async fn sign_up_by_code(self, applicant: Applicant) -> Outcome<PendingSignUp> {
        let core = self.0.core();
        throttle_code(self.0, CodePurpose::SignUp, &applicant.email).await?;
        // Also if the address has an account: the answer must not come sooner then.
        let password_hash = core.hash_password(applicant.password).await?;
        let sign_up = SignUp {
            id: core.ids.next(),
            name: applicant.name,
            email: applicant.email,
            password_hash,
            created_at: core.clock.now(),
        };
        let code = core
            .database
            .atomically(async |uow| {
                uow.sign_ups().insert(&ADMIT, &sign_up).await?;
                self.send_sign_up_code(uow, &sign_up).await
            })
            .await?;
        Ok(pending(&sign_up, &code))
    }

    async fn sign_up_by_invitation(self, applicant: Applicant, token: &str) -> Outcome<OpenedSession> {
        let request = self.0;
        let core = request.core();
        let by_client: Vec<_> = by_client(
            "code",
            request.origin(),
            sign_ups_by_client(&request.core().settings),
        )
        .into_iter()
        .collect();
        core.throttle(&by_client).await?;
        let unknown = || FieldError::new(ErrorCode::NotFound, "no such invitation").at("invitationToken");
        let token = SecretToken::parse(INVITATION_TOKEN, token).map_err(|_| unknown())?;
        let now = core.clock.now();
        let invited = core
            .database
            .sign_ups()
            .invited_by_token(&ADMIT, token.hash().as_bytes())
            .await?
            .ok_or_else(unknown)?;
        let refusal = match invited.state {
            InvitationState::Pending if invited.expires_at > now => None,
            InvitationState::Pending | InvitationState::Expired => Some(InvitationRefusal::Expired),
            closed => Some(InvitationRefusal::Closed(closed)),
        };
        if let Some(refusal) = refusal {
            return Err(refusal.refusal().at("invitationToken").into());
        }
        if !invited.email.same_as(&applicant.email) {
            let message = "the invitation went to another address";
            return Err(FieldError::new(ErrorCode::EmailMismatch, message)
                .at("email")
                .into());
        }
        let password_hash = core.hash_password(applicant.password).await?;
        let sign_up = SignUp {
            id: core.ids.next(),
            name: applicant.name,
            email: applicant.email,
            password_hash,
            created_at: now,
        };
        let opened = core
            .database
            .atomically(async |uow| self.make_account(uow, &sign_up).await)
            .await;
        opened.map_err(|error| match error {
            // Whoever holds the link reads the address's mails: this tells nothing new.
            ServiceError::Storage(error) if error.is_unique() => {
                let message = "this address has an account; sign in instead";
                FieldError::new(ErrorCode::Taken, message).at("email").into()
            }
            error => error,
        })
    }

    /// Sends the code of a sign-up again: another code, which makes the earlier ones void.
    ///
    /// # Errors
    /// `NOT_FOUND` for `signUpId` when it is more than a day old or an account by now; `RateLimited`, also within 30
    /// seconds of the last code.
    pub async fn resend_sign_up_code(self, id: SignUpId) -> Outcome<PendingSignUp> {
        let core = self.0.core();
        let sign_up = core
            .database
            .sign_ups()
            .get(&ADMIT, id, core.clock.now() - SIGN_UP_LIFETIME)
            .await?
            .ok_or_else(|| FieldError::new(ErrorCode::NotFound, "sign up again").at("signUpId"))?;
        throttle_code(self.0, CodePurpose::SignUp, &sign_up.email).await?;
        let code = core
            .database
            .atomically(async |uow| self.send_sign_up_code(uow, &sign_up).await)
            .await?;
        Ok(pending(&sign_up, &code))
    }

    /// Takes the code of a sign-up: makes the account and opens a session.
    ///
    /// # Errors
    /// `CODE_WRONG`, `CODE_EXHAUSTED` after five wrong tries, `CODE_EXPIRED` (also for a code that was used, and for
    /// an unknown sign-up), `INVALID` for what is no code, all for `code`; `RateLimited` after 50 wrong codes for one
    /// address in a day.
    pub async fn verify_sign_up(self, id: SignUpId, code: &str) -> Outcome<OpenedSession> {
        let core = self.0.core();
        let typed = typed_code(code)?;
        let now = core.clock.now();
        let verified = core
            .database
            .atomically(async |uow| {
                let code = uow
                    .verification_codes()
                    .lock_newest(&ADMIT, CodePurpose::SignUp, id.as_uuid())
                    .await?;
                let sign_up = uow.sign_ups().get(&ADMIT, id, now - SIGN_UP_LIFETIME).await?;
                let Some(sign_up) = sign_up else {
                    return Ok(try_code(core, uow, None, typed, false).await?.map(|_| None));
                };
                let taken = uow.users().by_email(&ADMIT, &sign_up.email).await?.is_some();
                if let Err(refusal) = try_code(core, uow, code, typed, !taken).await? {
                    return Ok(Err(refusal));
                }
                uow.verification_codes()
                    .consume(&ADMIT, CodePurpose::SignUp, id.as_uuid(), now)
                    .await?;
                uow.sign_ups().forget(&ADMIT, id).await?;
                Ok::<_, ServiceError>(Ok(Some(self.make_account(uow, &sign_up).await?)))
            })
            .await;
        let expired = || resonance_domain::CodeRefusal::Expired.refusal().at("code");
        match verified {
            // Another sign-up with the same address was proved at the same moment.
            Err(ServiceError::Storage(error)) if StorageError::is_unique(&error) => Err(expired().into()),
            verified => Ok(verified??.ok_or_else(expired)?),
        }
    }

    async fn send_sign_up_code(self, uow: &UnitOfWork, sign_up: &SignUp) -> Outcome<VerificationCode> {
        let taken = uow.users().by_email(&ADMIT, &sign_up.email).await?.is_some();
        let kind = if taken {
            EventKind::SignUpRepeated
        } else {
            EventKind::CodeRequested
        };
        let subject = Some(sign_up.id.as_uuid());
        send_code(self.0, uow, kind, CodePurpose::SignUp, subject, &sign_up.email).await
    }

    async fn make_account(self, uow: &UnitOfWork, sign_up: &SignUp) -> Outcome<OpenedSession> {
        let core = self.0.core();
        let now = core.clock.now();
        let user = User {
            id: core.ids.next(),
            name: sign_up.name.as_str().to_owned(),
            email: sign_up.email.as_str().to_owned(),
            email_verified: true,
            last_active_organization: None,
            suspended_at: None,
            created_at: now,
        };
        let new = NewUser {
            id: user.id,
            name: &sign_up.name,
            email_id: core.ids.next(),
            email: &sign_up.email,
            password_hash: Some(&sign_up.password_hash),
            created_at: now,
        };
        uow.users().insert(&ADMIT, &new).await?;
        let payload = Changes::default()
            .made("name", user.name.as_str())
            .made("email", user.email.as_str());
        let kind = EventKind::UserCreated;
        uow.record(self.0.event_of(user.id, kind, user.id.type_id(), payload));
        self.open_session(uow, user).await
    }
}

fn pending(sign_up: &SignUp, code: &VerificationCode) -> PendingSignUp {
    PendingSignUp {
        id: sign_up.id,
        email: sign_up.email.as_str().to_owned(),
        expires_at: code.expires_at(),
    }
}
