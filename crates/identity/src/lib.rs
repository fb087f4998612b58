//! Passwords, secret tokens, codes, signed URLs and JWTs: the cryptography of accounts, and no rule of theirs.
//!
//! Everything secret is derived from one [`InstanceSecret`], which all nodes of an instance share. This crate
//! must never know a database, a clock, what a user or an organization is, or how long anything is valid: times
//! and identifiers come in as values, and decisions stay with the caller.
//!
//! ```
//! use resonance_identity::{Codes, InstanceSecret, TokenKind, Tokens};
//!
//! let secret = InstanceSecret::parse("a test secret of at least 32 characters")?;
//!
//! // The database keeps the hash; whoever sends the mail derives the token anew from the row's id.
//! const INVITATION: TokenKind = TokenKind::new("inv");
//! let tokens = Tokens::new(&secret);
//! let sent = tokens.derive(INVITATION, b"id of the row", 0);
//! let stored = sent.hash();
//! let received = resonance_identity::SecretToken::parse(INVITATION, &sent.expose())?;
//! assert!(received.hash().matches(stored.as_bytes()));
//!
//! let codes = Codes::new(&secret);
//! let code = codes.derive("verify-email", b"id of the row", 0);
//! assert!(codes.check("verify-email", b"id of the row", 0, code.expose()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod clerk;
mod code;
mod common_passwords;
mod jwt;
mod jwt_key;
mod password;
mod secret;
mod token;
mod url;
mod webhook;

pub use audit::{AuditHash, AuditKey};
pub use clerk::{ActiveOrganization, ClaimsError, OrganizationClaims};
pub use code::{CODE_DIGITS, Code, CodeHash, Codes};
pub use jwt::{JwtError, JwtRequest, Jwts, SessionClaims};
pub use jwt_key::{RsaKey, RsaKeyError};
pub use password::{
    MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, NewPassword, PasswordCost, PasswordCostError, PasswordHashError,
    PasswordRefusal, Passwords,
};
pub use secret::{InstanceSecret, SecretError};
pub use token::{SecretToken, TokenHash, TokenKind, TokenMalformed, Tokens};
pub use url::{SignedQuery, UrlRefusal, UrlSigner};
pub use webhook::{WebhookSecret, WebhookSecrets};
