//! Six-digit codes: sending them and trying them.
//!
//! A code belongs to one thing (a sign-up, an address, a user, a domain) and one purpose, and its digits derive from its own
//! id: a code for anything else is just a wrong one.

use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{
    CodePurpose, CodeRefusal, EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, VerificationCode,
};
use resonance_identity::{CODE_DIGITS, Code};
use resonance_persistence::{Repositories, UnitOfWork};
use uuid::Uuid;

use crate::{
    Outcome, Refusal, Request, ServiceError,
    changes::Changes,
    core::Core,
    limits::{CODES_BY_ADDRESS, WRONG_CODES_BY_ADDRESS, sign_ups_by_client},
    throttling::by_client,
};

pub(crate) const ADMIT: SystemGrant<Admit> = SystemGrant::for_job();

impl Refusal for CodeRefusal {
    fn refusal(self) -> FieldError {
        let code = match self {
            Self::Expired => ErrorCode::CodeExpired,
            Self::Exhausted => ErrorCode::CodeExhausted,
        };
        FieldError::new(code, self)
    }
}

impl Core {
    /// The digits of a code.
    pub(crate) fn digits(&self, code: &VerificationCode) -> Code {
        self.codes
            .derive(code.purpose.as_str(), code.id.as_uuid().as_bytes(), 0)
    }
}

/// Checks that what somebody typed can be a code at all: what cannot costs no try.
pub(crate) fn typed_code(raw: &str) -> Result<&str, FieldError> {
    let typed = raw.chars().filter(|c| !c.is_whitespace() && *c != '-');
    if typed.clone().count() == CODE_DIGITS && typed.clone().all(|c| c.is_ascii_digit()) {
        Ok(raw)
    } else {
        Err(FieldError::new(ErrorCode::Invalid, "must be the six digits of the mail").at("code"))
    }
}

/// Counts a code that is to be sent, for the client and for the address.
pub(crate) async fn throttle_code(
    request: &Request,
    purpose: CodePurpose,
    address: &EmailAddress,
) -> Outcome<()> {
    let by_address = format!("code:{}:address:{}", purpose.as_str(), address.key());
    let mut wanted: Vec<_> = by_client(
        "code",
        request.origin(),
        sign_ups_by_client(&request.core().settings),
    )
    .into_iter()
    .collect();
    wanted.push((by_address, CODES_BY_ADDRESS));
    request.core().throttle(&wanted).await
}

/// Makes a code and says so by an event of the given kind, from which the mail follows.
pub(crate) async fn send_code(
    request: &Request,
    uow: &UnitOfWork,
    kind: EventKind,
    purpose: CodePurpose,
    subject: Option<Uuid>,
    address: &EmailAddress,
) -> Outcome<VerificationCode> {
    let code = make_code(request, uow, purpose, subject, address).await?;
    uow.record(request.event(
        kind,
        None,
        code.id.type_id(),
        Changes::default().with("purpose", purpose.as_str()),
    ));
    Ok(code)
}

/// Makes a code; whoever calls this says so by an event.
pub(crate) async fn make_code(
    request: &Request,
    uow: &UnitOfWork,
    purpose: CodePurpose,
    subject: Option<Uuid>,
    address: &EmailAddress,
) -> Outcome<VerificationCode> {
    let code = VerificationCode {
        id: request.core().ids.next(),
        purpose,
        subject,
        address: address.as_str().to_owned(),
        created_at: request.core().clock.now(),
        attempts: 0,
        consumed_at: None,
    };
    uow.verification_codes().insert(&ADMIT, &code).await?;
    Ok(code)
}

/// Tries a code that the unit of work holds locked: compares it if that is still allowed, and counts the try if it is
/// wrong. The refusal is a value and no error, so that the count is committed.
///
/// A code that `opens_something` is false for is wrong whatever was typed, by the same way.
pub(crate) async fn try_code(
    core: &Core,
    uow: &UnitOfWork,
    code: Option<VerificationCode>,
    typed: &str,
    opens_something: bool,
) -> Outcome<Result<VerificationCode, FieldError>> {
    let now = core.clock.now();
    let Some(code) = code else {
        return Ok(Err(CodeRefusal::Expired.refusal().at("code")));
    };
    if let Err(refusal) = code.usable_at(now) {
        return Ok(Err(refusal.refusal().at("code")));
    }
    let key = format!("wrong-code:address:{}", code.address.to_lowercase());
    if let Err(wait) = uow.throttles().check(&key, WRONG_CODES_BY_ADDRESS, now).await? {
        return Err(ServiceError::RateLimited { wait });
    }
    let matches = core
        .codes
        .check(code.purpose.as_str(), code.id.as_uuid().as_bytes(), 0, typed);
    if matches && opens_something {
        return Ok(Ok(code));
    }
    uow.verification_codes().count_wrong(&ADMIT, code.id).await?;
    // Its answer does not matter: it was asked above whether there is any left.
    let _ = uow.throttles().take(&key, WRONG_CODES_BY_ADDRESS, 1, now).await?;
    Ok(Err(
        FieldError::new(ErrorCode::CodeWrong, "the code is wrong").at("code")
    ))
}
