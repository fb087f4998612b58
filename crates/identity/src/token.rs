//! Opaque secret tokens: sessions, invitation links, keys.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{InstanceSecret, secret::Purpose};

/// Bytes of a token: 256 bits.
const BYTES: usize = 32;

/// What a token is for; the text before the underscore in its written form, which lets people and secret
/// scanners see what they have found.
///
/// ```
/// use resonance_identity::TokenKind;
/// const SESSION: TokenKind = TokenKind::new("ses");
/// ```
///
/// ```compile_fail
/// # use resonance_identity::TokenKind;
/// const ODD: TokenKind = TokenKind::new("Ses_");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKind(&'static str);

impl TokenKind {
    /// A kind with a prefix of lower-case ASCII letters.
    ///
    /// # Panics
    /// For another prefix; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(prefix: &'static str) -> Self {
        let bytes = prefix.as_bytes();
        assert!(!bytes.is_empty(), "a token's prefix must not be empty");
        let mut i = 0;
        while i < bytes.len() {
            assert!(
                bytes[i].is_ascii_lowercase(),
                "a token's prefix must be lower-case letters"
            );
            i += 1;
        }
        Self(prefix)
    }

    /// The prefix, without the underscore.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        self.0
    }
}

/// A token of 256 bits, written `ses_` and 43 characters of base64url.
///
/// It is a secret: hand it to its owner, store its [hash](Self::hash) only. `Debug` shows the kind alone.
#[derive(Clone)]
pub struct SecretToken {
    kind: TokenKind,
    bytes: [u8; BYTES],
}

impl SecretToken {
    /// Draws a token.
    #[must_use]
    pub fn random<R: CryptoRng + ?Sized>(kind: TokenKind, random: &mut R) -> Self {
        let mut bytes = [0; BYTES];
        random.fill_bytes(&mut bytes);
        Self { kind, bytes }
    }

    /// Reads the written form of a token of this kind.
    ///
    /// # Errors
    /// [`TokenMalformed`] for every other text; a token has one written form only.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, TokenMalformed> {
        let encoded = text
            .strip_prefix(kind.prefix())
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(TokenMalformed)?;
        let decoded = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenMalformed)?;
        Ok(Self {
            kind,
            bytes: decoded.try_into().map_err(|_| TokenMalformed)?,
        })
    }

    /// The written form, for its owner's eyes.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}_{}", self.kind.prefix(), URL_SAFE_NO_PAD.encode(self.bytes))
    }

    /// What to store: SHA-256 of the written form. A token of 256 bits needs no slow hash, since nobody can try
    /// them all.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose()).into())
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretToken({}_..)", self.kind.prefix())
    }
}

/// The stored form of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 bytes to store or to look up by.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `stored` is this hash, in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// The text is no token of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct TokenMalformed;

/// Derives tokens that can be derived again.
///
/// What sends the link of an invitation needs its token after the transaction that made the row, and perhaps
/// twice: it derives it from the row's id, so the plain token is never stored. Whoever reads the database learns
/// no token, as the key is the instance's.
#[derive(Clone)]
pub struct Tokens {
    key: [u8; 32],
}

impl Tokens {
    /// With the instance's key for tokens.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        Self {
            key: secret.key(Purpose::Token),
        }
    }

    /// The token of one thing. `generation` tells apart the tokens that one thing has had: count it up to make
    /// what was sent before worthless.
    ///
    /// It is HMAC-SHA256 over kind, id and generation.
    #[must_use]
    pub fn derive(&self, kind: TokenKind, id: &[u8], generation: u32) -> SecretToken {
        SecretToken {
            kind,
            bytes: mac(
                &self.key,
                &[kind.prefix().as_bytes(), id, &generation.to_be_bytes()],
            ),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// HMAC-SHA256 of several parts, each preceded by its length, so that no two lists of parts give the same input.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const SESSION: TokenKind = TokenKind::new("ses");
    const INVITATION: TokenKind = TokenKind::new("inv");

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&InstanceSecret::parse(secret).unwrap())
    }

    #[test]
    fn a_token_is_read_back_from_its_text_and_hashes_alike() {
        let token = SecretToken::random(SESSION, &mut StdRng::seed_from_u64(7));
        let text = token.expose();
        assert_eq!(text.len(), "ses_".len() + 43);
        let read = SecretToken::parse(SESSION, &text).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert!(read.hash().matches(token.hash().as_bytes()));
    }

    #[test]
    fn every_other_text_is_malformed() {
        let good = SecretToken::random(SESSION, &mut StdRng::seed_from_u64(7)).expose();
        // The last of 43 characters carries two unused bits, which must be zero: one token, one text.
        let last = good.chars().last().unwrap();
        let sloppy = ('A'..='z')
            .filter(|c| c.is_ascii_alphabetic() && *c != last)
            .find(|c| {
                let same_bits = |c: char| URL_SAFE_NO_PAD.decode(format!("A{c}")).is_err();
                same_bits(*c)
            });
        let sloppy = format!("{}{}", &good[..good.len() - 1], sloppy.unwrap());
        let bad = [
            "",
            "ses_",
            "ses",
            &good[4..],
            &good[..good.len() - 1],
            &format!("{good}A"),
            &format!("{good}="),
            &good.replace("ses_", "inv_"),
            &good.replace("ses_", "SES_"),
            &format!(" {good}"),
            &sloppy,
            "ses_äääääääääääääääääääää1",
        ];
        for text in bad {
            assert_eq!(
                SecretToken::parse(SESSION, text).err(),
                Some(TokenMalformed),
                "{text}"
            );
        }
    }

    #[test]
    fn a_derived_token_is_the_same_again_and_differs_by_kind_id_generation_and_instance() {
        let here = tokens("0123456789abcdef0123456789abcdef");
        let elsewhere = tokens("0123456789abcdef0123456789abcdee");
        let all: Vec<String> = vec![
            here.derive(INVITATION, b"id", 0).expose(),
            here.derive(SESSION, b"id", 0).expose(),
            here.derive(INVITATION, b"ie", 0).expose(),
            here.derive(INVITATION, b"id", 1).expose(),
            here.derive(INVITATION, b"id\0\0\0\0", 0).expose(),
            here.derive(TokenKind::new("in"), b"vid", 0).expose(),
            elsewhere.derive(INVITATION, b"id", 0).expose(),
        ];
        assert_eq!(all[0], here.derive(INVITATION, b"id", 0).expose());
        let bodies: HashSet<&str> = all
            .iter()
            .filter_map(|text| text.split_once('_'))
            .map(|(_, body)| body)
            .collect();
        assert_eq!(bodies.len(), all.len());
    }

    #[test]
    fn a_hash_matches_itself_only() {
        let hash = SecretToken::random(SESSION, &mut StdRng::seed_from_u64(7)).hash();
        let mut other = *hash.as_bytes();
        other[31] ^= 1;
        assert!(!hash.matches(&other));
        assert!(!hash.matches(&hash.as_bytes()[..31]));
        assert!(!hash.matches(b""));
    }

    #[test]
    fn debug_shows_the_kind_alone() {
        let token = SecretToken::random(SESSION, &mut StdRng::seed_from_u64(7));
        assert_eq!(format!("{token:?}"), "SecretToken(ses_..)");
    }
}
