//! Signatures of [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::WebhookRefusal;

/// How far the clocks may be apart, and how long a message may be on its way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What comes with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// `webhook-id`.
    pub(crate) id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub(crate) timestamp: &'a str,
    /// `webhook-signature`: several, divided by spaces.
    pub(crate) signatures: &'a str,
}

/// Believes a message or does not. Signatures are compared in constant time.
pub(crate) fn verify(
    key: &[u8],
    signed: Signed<'_>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), WebhookRefusal> {
    let at = signed.timestamp.parse().ok();
    let at = at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let at = at.ok_or(WebhookRefusal::Forged)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| WebhookRefusal::Forged)?;
    mac.update(format!("{}.{}.", signed.id, signed.timestamp).as_bytes());
    mac.update(body);
    let theirs = signed
        .signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    let genuine = theirs
        .take(16)
        .any(|theirs| mac.clone().verify_slice(&theirs).is_ok());
    if !genuine {
        return Err(WebhookRefusal::Forged);
    }
    if (now - at).abs() > TOLERANCE {
        return Err(WebhookRefusal::Stale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's own test suites: secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };

    fn key() -> Vec<u8> {
        STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_signed_message_is_believed_for_five_minutes() {
        let now = 1_614_265_330;
        assert_eq!(verify(&key(), SIGNED, BODY, at(now)), Ok(()));
        assert_eq!(verify(&key(), SIGNED, BODY, at(now + 300)), Ok(()));
        assert_eq!(
            verify(&key(), SIGNED, BODY, at(now + 301)),
            Err(WebhookRefusal::Stale)
        );
        assert_eq!(
            verify(&key(), SIGNED, BODY, at(now - 301)),
            Err(WebhookRefusal::Stale)
        );
    }

    #[test]
    fn a_message_that_was_changed_or_signed_by_others_is_not_believed() {
        let now = at(1_614_265_330);
        let forged = Err(WebhookRefusal::Forged);
        assert_eq!(verify(&key(), SIGNED, br#"{"test": 2432232315}"#, now), forged);
        assert_eq!(verify(b"another key", SIGNED, BODY, now), forged);
        let id = Signed {
            id: "msg_other",
            ..SIGNED
        };
        assert_eq!(verify(&key(), id, BODY, now), forged);
        for signatures in [
            "",
            "v1,",
            "v1,AAAA",
            "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ] {
            let signed = Signed { signatures, ..SIGNED };
            assert_eq!(verify(&key(), signed, BODY, now), forged, "{signatures}");
        }
        let several = format!("v1,AAAA {}", SIGNED.signatures);
        let signed = Signed {
            signatures: &several,
            ..SIGNED
        };
        assert_eq!(verify(&key(), signed, BODY, now), Ok(()));
    }
}
