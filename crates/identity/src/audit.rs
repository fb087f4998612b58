//! Signatures of the audit log: of each record, of its place among the others, and of where the log ends.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{InstanceSecret, secret::Purpose};

/// A signature, or a link of a chain: HMAC-SHA256.
pub type AuditHash = [u8; 32];

/// What signs the audit log. Whoever has the database alone cannot make one of these values; what they were handed
/// earlier they can put back.
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
    /// The key of an instance.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        // Of the block's length, so that there is no length that it could refuse.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&secret.key(Purpose::Audit));
        Self(<Hmac<Sha256> as Mac>::new(&block.into()))
    }

    /// The signature of a record.
    #[must_use]
    pub fn sign(&self, record: &[u8]) -> AuditHash {
        self.over(b'r', &[record])
    }

    /// Whether `mac` is the signature of a record; compared in constant time.
    #[must_use]
    pub fn is_signature(&self, record: &[u8], mac: &[u8]) -> bool {
        self.keyed(b'r', &[record]).verify_slice(mac).is_ok()
    }

    /// What the first link of a chain follows on.
    #[must_use]
    pub fn origin(&self, chain: &[u8; 16]) -> AuditHash {
        self.over(b'o', &[chain])
    }

    /// The link of a record with the signature `mac` at a position, counted from 1, that follows on `previous`.
    #[must_use]
    pub fn link(&self, previous: &AuditHash, position: u64, mac: &[u8]) -> AuditHash {
        self.over(b'l', &[previous, &position.to_be_bytes(), mac])
    }

    /// The signature of a chain's end: how many links there are, and the last.
    #[must_use]
    pub fn sign_head(&self, chain: &[u8; 16], length: u64, hash: &[u8]) -> AuditHash {
        self.over(b'h', &[chain, &length.to_be_bytes(), hash])
    }

    /// Whether `mac` is the signature of a chain's end.
    #[must_use]
    pub fn is_head(&self, chain: &[u8; 16], length: u64, hash: &[u8], mac: &[u8]) -> bool {
        self.keyed(b'h', &[chain, &length.to_be_bytes(), hash])
            .verify_slice(mac)
            .is_ok()
    }

    fn over(&self, what: u8, parts: &[&[u8]]) -> AuditHash {
        self.keyed(what, parts).finalize().into_bytes().into()
    }

    /// `what` keeps the kinds of values apart; of the parts only the last has no fixed length.
    fn keyed(&self, what: u8, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut keyed = self.0.clone();
        keyed.update(&[what]);
        parts.iter().for_each(|part| keyed.update(part));
        keyed
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> AuditKey {
        AuditKey::new(&InstanceSecret::parse(secret).unwrap())
    }

    #[test]
    fn a_signature_holds_for_its_record_and_its_secret_only() {
        let ours = key("0123456789abcdef0123456789abcdef");
        let mac = ours.sign(b"record");
        assert!(ours.is_signature(b"record", &mac));
        assert!(!ours.is_signature(b"recorD", &mac));
        assert!(!ours.is_signature(b"record", &mac[..31]));
        assert!(!ours.is_signature(b"record", b""));
        assert!(!key("0123456789abcdef0123456789abcdee").is_signature(b"record", &mac));
    }

    #[test]
    fn a_link_depends_on_all_before_it_and_on_its_place() {
        let key = key("0123456789abcdef0123456789abcdef");
        let (a, b) = (key.origin(&[1; 16]), key.origin(&[2; 16]));
        let mac = key.sign(b"record");
        let links = [
            key.link(&a, 1, &mac),
            key.link(&b, 1, &mac),
            key.link(&a, 2, &mac),
            key.link(&a, 1, &a),
        ];
        for (nth, link) in links.iter().enumerate() {
            assert!(!links[..nth].contains(link), "{nth}");
        }
        let head = key.sign_head(&[1; 16], 1, &links[0]);
        assert!(key.is_head(&[1; 16], 1, &links[0], &head));
        assert!(!key.is_head(&[2; 16], 1, &links[0], &head));
        assert!(!key.is_head(&[1; 16], 2, &links[0], &head));
        assert!(!key.is_head(&[1; 16], 1, &links[1], &head));
    }
}
