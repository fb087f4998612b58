//! Keys by which JWTs are signed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey as _};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyAlgorithm, OctetKeyPairParameters,
        OctetKeyPairType, PublicKeyUse, ThumbprintHash,
    },
};

use crate::{InstanceSecret, JwtError, secret::Purpose};

/// A private RSA key, by which tokens are signed for verifiers that know no EdDSA.
#[derive(Clone)]
pub struct RsaKey {
    signing: EncodingKey,
    public: Jwk,
}

/// The least length of an RSA key, in bits (RFC 7518, section 3.3).
const RSA_BITS: usize = 2048;

impl RsaKey {
    /// Reads a private key in PEM, PKCS #1 or PKCS #8, as `openssl genrsa` writes it.
    ///
    /// # Errors
    /// [`RsaKeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, RsaKeyError> {
        let signing = EncodingKey::from_rsa_pem(pem).map_err(|_| RsaKeyError::NotRsa)?;
        let mut public =
            Jwk::from_encoding_key(&signing, Algorithm::RS256).map_err(|_| RsaKeyError::NotRsa)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let AlgorithmParameters::RSA(parameters) = &public.algorithm else {
            return Err(RsaKeyError::NotRsa);
        };
        let modulus = URL_SAFE_NO_PAD
            .decode(&parameters.n)
            .map_err(|_| RsaKeyError::NotRsa)?;
        if modulus.len() * 8 < RSA_BITS {
            return Err(RsaKeyError::TooShort);
        }
        Ok(Self { signing, public })
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey")
    }
}

/// Why a text is no key to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// It is no private RSA key in PEM.
    #[error("is no private RSA key in PEM")]
    NotRsa,
    /// It is too short to be safe.
    #[error("is shorter than {RSA_BITS} bits")]
    TooShort,
}

/// A key pair, and the name under which it is published.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
    pub(crate) public: Jwk,
}

impl Key {
    fn new(algorithm: Algorithm, signing: EncodingKey, mut public: Jwk) -> Result<Self, JwtError> {
        let id = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| JwtError::Key)?;
        public.common.key_id = Some(id.clone());
        Ok(Self {
            id,
            algorithm,
            signing,
            verifying: DecodingKey::from_jwk(&public).map_err(|_| JwtError::Key)?,
            public,
        })
    }

    /// RS256 (RFC 7518) with a key that every node is given.
    pub(crate) fn given(key: &RsaKey) -> Result<Self, JwtError> {
        Self::new(Algorithm::RS256, key.signing.clone(), key.public.clone())
    }

    /// EdDSA over Ed25519 (RFC 8037), derived from the instance's secret.
    pub(crate) fn derived(secret: &InstanceSecret) -> Result<Self, JwtError> {
        let key = SigningKey::from_bytes(&secret.key(Purpose::Jwt));
        let public = Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::EdDSA),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
            }),
        };
        let der = key.to_pkcs8_der().map_err(|_| JwtError::Key)?;
        Self::new(Algorithm::EdDSA, EncodingKey::from_ed_der(der.as_bytes()), public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT_KEY: &str = include_str!("../tests/rsa-1024.pem");

    #[test]
    fn what_is_no_rsa_key_or_too_short_is_refused() {
        for bad in [
            "",
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
            "nonsense",
        ] {
            assert_eq!(RsaKey::from_pem(bad.as_bytes()).unwrap_err(), RsaKeyError::NotRsa);
        }
        assert_eq!(
            RsaKey::from_pem(SHORT_KEY.as_bytes()).unwrap_err(),
            RsaKeyError::TooShort
        );
    }
}
