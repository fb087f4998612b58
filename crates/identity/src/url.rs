//! URLs that are their own permission, for a while.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::{InstanceSecret, secret::Purpose, token::mac};

/// Signs paths, so that an `<audio>` element, which sends no header, can fetch what lies there.
#[derive(Clone)]
pub struct UrlSigner {
    key: [u8; 32],
}

/// The query parameters of a signed URL, as they come in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SignedQuery {
    /// The first Unix second at which the URL is no longer valid.
    pub expires: i64,
    /// The signature, in base64url.
    pub signature: String,
}

impl UrlSigner {
    /// With the instance's key for URLs of audio.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        Self {
            key: secret.key(Purpose::AudioUrl),
        }
    }

    /// `path` with the query that makes it valid until `expires` (cut to seconds). The path is signed byte for
    /// byte: sign it as the server will see it, percent-encoded and without a query.
    #[must_use]
    pub fn sign(&self, path: &str, expires: DateTime<Utc>) -> String {
        let expires = expires.timestamp();
        format!(
            "{path}?expires={expires}&signature={}",
            self.signature(path, expires)
        )
    }

    /// Whether `query` makes `path` valid at the time `now`.
    ///
    /// # Errors
    /// [`UrlRefusal::Forged`] when the instance never signed that; else [`UrlRefusal::Expired`].
    pub fn verify(&self, path: &str, query: &SignedQuery, now: DateTime<Utc>) -> Result<(), UrlRefusal> {
        let expected = self.signature(path, query.expires);
        if !bool::from(expected.as_bytes().ct_eq(query.signature.as_bytes())) {
            return Err(UrlRefusal::Forged);
        }
        if now.timestamp() >= query.expires {
            return Err(UrlRefusal::Expired);
        }
        Ok(())
    }

    fn signature(&self, path: &str, expires: i64) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.key, &[path.as_bytes(), &expires.to_be_bytes()]))
    }
}

impl fmt::Debug for UrlSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlSigner(..)")
    }
}

/// Why a signed URL opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// The signature is not the instance's for this path and time.
    #[error("invalid signature")]
    Forged,
    /// Its time is over.
    #[error("expired link")]
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: &str) -> UrlSigner {
        UrlSigner::new(&InstanceSecret::parse(secret).unwrap())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 999_999_000).unwrap()
    }

    fn query(url: &str) -> SignedQuery {
        let (_, query) = url.split_once("?expires=").unwrap();
        let (expires, signature) = query.split_once("&signature=").unwrap();
        SignedQuery {
            expires: expires.parse().unwrap(),
            signature: signature.to_owned(),
        }
    }

    #[test]
    fn a_signed_url_opens_its_path_until_it_expires() {
        let signer = signer("0123456789abcdef0123456789abcdef");
        let url = signer.sign("/audio/gen_1", at(1_000));
        assert!(url.starts_with("/audio/gen_1?expires=1000&signature="), "{url}");
        assert_eq!(signer.verify("/audio/gen_1", &query(&url), at(999)), Ok(()));
        assert_eq!(
            signer.verify("/audio/gen_1", &query(&url), at(1_000)),
            Err(UrlRefusal::Expired)
        );
    }

    #[test]
    fn another_path_time_signature_or_instance_opens_nothing() {
        let here = signer("0123456789abcdef0123456789abcdef");
        let good = query(&here.sign("/audio/gen_1", at(1_000)));
        let refused = Err(UrlRefusal::Forged);
        assert_eq!(here.verify("/audio/gen_2", &good, at(0)), refused);
        assert_eq!(here.verify("/audio/gen_1/", &good, at(0)), refused);
        assert_eq!(
            here.verify(
                "/audio/gen_1",
                &SignedQuery {
                    expires: 1_001,
                    ..good.clone()
                },
                at(0)
            ),
            refused
        );
        for signature in ["", "A", &good.signature[1..], &format!("{}=", good.signature)] {
            let forged = SignedQuery {
                signature: signature.to_owned(),
                ..good.clone()
            };
            assert_eq!(here.verify("/audio/gen_1", &forged, at(0)), refused);
        }
        let elsewhere = signer("0123456789abcdef0123456789abcdee");
        assert_eq!(elsewhere.verify("/audio/gen_1", &good, at(0)), refused);
    }
}
