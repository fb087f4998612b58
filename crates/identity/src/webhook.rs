//! Secrets and signatures of webhooks, as [Standard Webhooks](https://www.standardwebhooks.com) has them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::{InstanceSecret, secret::Purpose, token::mac};

/// Derives the secrets of webhook endpoints; none is stored.
#[derive(Clone)]
pub struct WebhookSecrets {
    key: [u8; 32],
}

impl WebhookSecrets {
    /// With the instance's key for webhooks.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        Self {
            key: secret.key(Purpose::Webhook),
        }
    }

    /// The secret of the endpoint with the id `endpoint`; each generation has another.
    #[must_use]
    pub fn derive(&self, endpoint: &[u8], generation: u32) -> WebhookSecret {
        WebhookSecret(mac(&self.key, &[endpoint, &generation.to_be_bytes()]))
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecrets(..)")
    }
}

/// What an endpoint and its receiver share.
#[derive(Clone)]
pub struct WebhookSecret([u8; 32]);

impl WebhookSecret {
    /// The form in which receivers' libraries take it: `whsec_` and base64.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The signature of one message, `v1,` and base64: HMAC-SHA256 over id, Unix seconds and body, joined by dots.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn sign(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> String {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0).expect("a key of 32 bytes");
        mac.update(format!("{id}.{}.", at.timestamp()).as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = WebhookSecret([7; 32]);
        let at = DateTime::from_timestamp(1_674_087_231, 0).unwrap();
        // Computed by Python: hmac.new(bytes([7] * 32), b'evt_1.1674087231.{"a":1}', 'sha256').
        assert_eq!(
            secret.sign("evt_1", at, br#"{"a":1}"#),
            "v1,xKci9NiI0u4v0k8DDN9V6CF2jEU5sXoM/JEbHI8Rwc4="
        );
        assert!(secret.expose().starts_with("whsec_BwcHBwcH"));
    }

    #[test]
    fn every_endpoint_and_generation_has_a_secret_of_its_own_that_can_be_derived_again() {
        let of = |text: &str| WebhookSecrets::new(&InstanceSecret::parse(text).unwrap());
        let (here, there) = (
            of("0123456789abcdef0123456789abcdef"),
            of("0123456789abcdef0123456789abcdee"),
        );
        let secrets = [
            here.derive(b"one", 1),
            here.derive(b"one", 2),
            here.derive(b"two", 1),
            there.derive(b"one", 1),
        ]
        .map(|secret| secret.expose());
        for (nth, secret) in secrets.iter().enumerate() {
            assert!(!secrets[..nth].contains(secret));
        }
        assert_eq!(secrets[0], here.derive(b"one", 1).expose());
        assert!(!format!("{:?}{here:?}", here.derive(b"one", 1)).contains(&secrets[0][6..]));
    }
}
