//! Codes of six digits, which people type.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::{InstanceSecret, secret::Purpose, token::mac};

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// How many codes there are.
const CODES: u64 = 1_000_000;

/// A code: `000000` to `999999`, all equally likely. `Debug` never shows it.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// The six digits, for a mail to their owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// Derives codes and checks what people typed.
///
/// A code is short: only a limit on wrong tries makes it safe, and that is the caller's.
#[derive(Clone)]
pub struct Codes {
    key: [u8; 32],
}

impl Codes {
    /// With the instance's key for codes.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        Self {
            key: secret.key(Purpose::Code),
        }
    }

    /// The code of one thing for one purpose. Count `counter` up for a fresh one.
    ///
    /// Of HMAC-SHA256 over all three, the first 64 bits modulo 10⁶: the likelihoods of two codes differ by less
    /// than one part in 10¹³.
    #[must_use]
    pub fn derive(&self, purpose: &str, id: &[u8], counter: u32) -> Code {
        let mac = mac(
            &self.key,
            &[b"code", purpose.as_bytes(), id, &counter.to_be_bytes()],
        );
        let number = mac
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Code(format!("{:0width$}", number % CODES, width = CODE_DIGITS))
    }

    /// Whether `typed`, but for spaces and a hyphen, is the code that [`derive`](Self::derive) gives, in a time
    /// that does not tell how nearly.
    #[must_use]
    pub fn check(&self, purpose: &str, id: &[u8], counter: u32, typed: &str) -> bool {
        clean(typed).is_some_and(|typed| {
            self.derive(purpose, id, counter)
                .0
                .as_bytes()
                .ct_eq(typed.as_bytes())
                .into()
        })
    }

    /// What may be stored of a code: HMAC-SHA256 over purpose, id and code. Keyed, since all codes are tried in
    /// no time by whoever has a hash without a key.
    ///
    /// `None` when `typed` is not six digits, but for spaces and a hyphen.
    #[must_use]
    pub fn hash(&self, purpose: &str, id: &[u8], typed: &str) -> Option<CodeHash> {
        let typed = clean(typed)?;
        Some(CodeHash(mac(
            &self.key,
            &[b"hash", purpose.as_bytes(), id, typed.as_bytes()],
        )))
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codes(..)")
    }
}

/// The six digits of what somebody typed: `123 456` and `123-456` are what mail programs make of a code.
fn clean(typed: &str) -> Option<String> {
    let digits: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(CODE_DIGITS + 1)
        .collect();
    (digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// The stored form of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// The 32 bytes to store.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Codes {
        Codes::new(&InstanceSecret::parse("0123456789abcdef0123456789abcdef").unwrap())
    }

    #[test]
    fn a_code_is_six_digits_and_the_same_again() {
        for counter in 0..1_000 {
            let code = codes().derive("verify", b"id", counter);
            assert_eq!(code.expose().len(), 6);
            assert!(code.expose().bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(code.expose(), codes().derive("verify", b"id", counter).expose());
        }
    }

    #[test]
    fn every_digit_is_equally_likely_in_every_place() {
        let mut counts = [[0_u32; 10]; CODE_DIGITS];
        for counter in 0..20_000 {
            for (place, digit) in codes()
                .derive("verify", b"id", counter)
                .expose()
                .bytes()
                .enumerate()
            {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Each is drawn 2,000 times on average, with a standard deviation of 42: 6 of them is never by chance.
        for count in counts.iter().flatten() {
            assert!((1_745..2_255).contains(count), "{counts:?}");
        }
    }

    #[test]
    fn only_the_right_code_for_the_right_thing_passes() {
        let codes = codes();
        let code = codes.derive("verify", b"id", 3);
        let [head, tail] = [&code.expose()[..3], &code.expose()[3..]];
        for typed in [
            code.expose(),
            &format!(" {head} {tail}\n"),
            &format!("{head}-{tail}"),
        ] {
            assert!(codes.check("verify", b"id", 3, typed), "{typed}");
        }
        assert!(!codes.check("verify", b"id", 4, code.expose()));
        assert!(!codes.check("reset", b"id", 3, code.expose()));
        assert!(!codes.check("verify", b"ie", 3, code.expose()));
        for typed in [
            "",
            "12345",
            &format!("{}0", code.expose()),
            "١٢٣٤٥٦",
            "12345x",
            &"1".repeat(1_000_000),
        ] {
            assert!(!codes.check("verify", b"id", 3, typed), "{typed}");
        }
    }

    #[test]
    fn a_hash_is_bound_to_purpose_id_code_and_instance() {
        let codes = codes();
        let stored = codes.hash("verify", b"id", "012345").unwrap();
        assert!(
            codes
                .hash("verify", b"id", "012-345")
                .unwrap()
                .matches(stored.as_bytes())
        );
        assert!(
            !codes
                .hash("verify", b"id", "012346")
                .unwrap()
                .matches(stored.as_bytes())
        );
        assert!(
            !codes
                .hash("reset", b"id", "012345")
                .unwrap()
                .matches(stored.as_bytes())
        );
        assert!(
            !codes
                .hash("verify", b"ie", "012345")
                .unwrap()
                .matches(stored.as_bytes())
        );
        assert!(codes.hash("verify", b"id", "01234").is_none());
        let elsewhere = Codes::new(&InstanceSecret::parse("0123456789abcdef0123456789abcdee").unwrap());
        assert!(
            !elsewhere
                .hash("verify", b"id", "012345")
                .unwrap()
                .matches(stored.as_bytes())
        );
    }

    #[test]
    fn debug_shows_no_code() {
        assert_eq!(format!("{:?}", codes().derive("verify", b"id", 0)), "Code(..)");
    }
}
