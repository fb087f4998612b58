//! The kinds of secret tokens.

use resonance_identity::TokenKind;

/// An API key: opens what it permits in its organization. Random; only its hash is stored.
pub const API_KEY_TOKEN: TokenKind = TokenKind::new("rsk");
/// Opens a session. Random; only its hash is stored.
pub const SESSION_TOKEN: TokenKind = TokenKind::new("ses");
/// Proves a domain to be an organization's, in a public record; no secret once it is there. Derived from the domain's id.
pub(crate) const DOMAIN_TOKEN: TokenKind = TokenKind::new("dom");
/// Opens one invitation. Derived from the invitation's id and the count of its sendings.
pub const INVITATION_TOKEN: TokenKind = TokenKind::new("inv");
