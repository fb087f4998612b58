//! The letters around accounts.
//!
//! None of them repeats a name that somebody typed without having proved the address: who signs up with a stranger's
//! address must not get to write them anything.

use resonance_domain::{CODE_LIFETIME, CodePurpose, Event, EventKind, UserId, VerificationCode};
use resonance_persistence::Repositories;
use serde_json::{Value, json};

use super::Letter;
use crate::{Outcome, codes::ADMIT, core::Core};

/// The payloads of the mail jobs that an event around accounts calls for.
pub(crate) fn jobs_for(event: &Event) -> Vec<Value> {
    match event.kind {
        EventKind::CodeRequested => vec![json!({ "letter": "code", "code": event.subject })],
        EventKind::DomainCodeSent => {
            vec![json!({ "letter": "code", "code": event.payload.get("codeId") })]
        }
        EventKind::SignUpRepeated => vec![json!({ "letter": "account_exists", "code": event.subject })],
        EventKind::UserPasswordChanged => {
            vec![json!({ "letter": "password_changed", "user": event.subject })]
        }
        _ => Vec::new(),
    }
}

/// The recipient and the letter of a job of [`jobs_for`]; `None` for what became pointless.
pub(crate) async fn compose(core: &Core, payload: &Value) -> Outcome<Option<(String, Letter)>> {
    let url = &core.settings.public_url;
    let letter = payload.get("letter").and_then(Value::as_str);
    if letter == Some("password_changed") {
        let Some(user) = id::<UserId>(payload, "user") else {
            return Ok(None);
        };
        let found = core.database.users().by_id(&ADMIT, user).await?;
        return Ok(found.map(|found| (found.user.email, password_changed(&found.user.name, url))));
    }
    let Some(code) = usable_code(core, payload).await? else {
        return Ok(None);
    };
    let digits = core.digits(&code);
    let letter = match (letter, code.purpose) {
        (Some("account_exists"), _) => account_exists(&code.address, url),
        (Some("code"), CodePurpose::SignUp) => sign_up_code(digits.expose(), url),
        (Some("code"), CodePurpose::VerifyEmail) => email_code(digits.expose(), url),
        (Some("code"), CodePurpose::VerifyDomain) => domain_code(digits.expose(), &code.address, url),
        // Asked for by an address without an account.
        (Some("code"), CodePurpose::ResetPassword) if code.subject.is_none() => return Ok(None),
        (Some("code"), CodePurpose::ResetPassword) => password_reset_code(digits.expose(), url),
        _ => return Ok(None),
    };
    Ok(Some((code.address, letter)))
}

/// The code that a job names, unless it was used or is too old to be of use.
async fn usable_code(core: &Core, payload: &Value) -> Outcome<Option<VerificationCode>> {
    let Some(id) = id(payload, "code") else {
        return Ok(None);
    };
    let code = core.database.verification_codes().get(&ADMIT, id).await?;
    Ok(code.filter(|code| code.usable_at(core.clock.now()).is_ok()))
}

fn id<T: std::str::FromStr>(payload: &Value, key: &str) -> Option<T> {
    payload.get(key)?.as_str()?.parse().ok()
}

fn sign_up_code(digits: &str, url: &str) -> Letter {
    with_code(
        "is your code for Resonance",
        "Your code for signing up is",
        "If you did not sign up, somebody else typed your address; you need do nothing, and no account is made.",
        digits,
        url,
    )
}

fn email_code(digits: &str, url: &str) -> Letter {
    with_code(
        "is your code for Resonance",
        "Your code for adding this address to your account is",
        "If you did not ask for it, you need do nothing. Tell the code to nobody.",
        digits,
        url,
    )
}

fn domain_code(digits: &str, address: &str, url: &str) -> Letter {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    with_code(
        "is your code for Resonance",
        &format!("Somebody who wants to prove that {domain} is their organization's domain needs the code"),
        "Hand it on only if you know who asks: people with an address at this domain may then join that organization. \
         Otherwise you need do nothing.",
        digits,
        url,
    )
}

fn password_reset_code(digits: &str, url: &str) -> Letter {
    with_code(
        "is your code for a new password",
        "Your code for setting a new password is",
        "If you did not ask for it, you need do nothing: your password stays as it is. Tell the code to nobody.",
        digits,
        url,
    )
}

fn account_exists(address: &str, url: &str) -> Letter {
    letter(
        "You already have an account".to_owned(),
        &[
            format!(
                "Somebody, perhaps you, signed up with {address}, but this address has an account already."
            ),
            "If it was you, sign in instead; if you forgot the password, ask for a new one there.".to_owned(),
            "If it was not, you need do nothing.".to_owned(),
        ],
        url,
    )
}

fn password_changed(name: &str, url: &str) -> Letter {
    letter(
        "Your password was changed".to_owned(),
        &[
            format!("Hello {name},"),
            "The password of your account was just changed, and sessions on other devices were ended."
                .to_owned(),
            "If that was not you, set a new password by a code at once.".to_owned(),
        ],
        url,
    )
}

fn with_code(subject: &str, intro: &str, otherwise: &str, digits: &str, url: &str) -> Letter {
    let minutes = CODE_LIFETIME.num_minutes();
    letter(
        format!("{digits} {subject}"),
        &[
            format!("{intro} {digits}."),
            format!("It is valid for {minutes} minutes."),
            otherwise.to_owned(),
        ],
        url,
    )
}

fn letter(subject: String, paragraphs: &[String], url: &str) -> Letter {
    Letter::new(subject, paragraphs, None, url)
}
