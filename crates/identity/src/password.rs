//! Passwords: which may be chosen, and how they are kept.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};
use unicode_normalization::UnicodeNormalization as _;

use crate::common_passwords;

/// The fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 8;

/// The most characters of a password.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// Bytes beyond which a text is too long whatever its characters are, so that nothing huge is normalised:
/// no character takes more than 18 decomposed ones of 4 bytes.
const MAX_RAW_BYTES: usize = MAX_PASSWORD_CHARS * 18 * 4;

/// The shortest personal word that a password may not contain: a three-letter name is part of too many words.
const MIN_PERSONAL_CHARS: usize = 4;

/// A password that may be chosen, normalised.
///
/// After NIST SP 800-63B (revision 4, 3.1.1.2): 8 to 128 characters, counted as Unicode code points after NFKC
/// normalisation, so that the same keys pressed on two keyboards are the same password; every character is
/// allowed, spaces too; no rules of composition; what is on a list of common passwords, or counts through the
/// alphabet, or contains the person's own name or address, is refused.
///
/// `Debug` never shows it.
#[derive(Clone)]
pub struct NewPassword(String);

impl NewPassword {
    /// Checks a password that somebody chooses. `personal` is what others know of that person (the part of the
    /// address before the `@`, the name) or of the place (the product's name): each is refused as a whole,
    /// whatever its case, spaces and punctuation, if it has four letters and digits or more.
    ///
    /// # Errors
    /// [`PasswordRefusal`], the first that holds of the order in which it lists its variants.
    pub fn parse(raw: &str, personal: &[&str]) -> Result<Self, PasswordRefusal> {
        let text = normalise(raw).ok_or(PasswordRefusal::TooLong)?;
        let chars = text.chars().count();
        if chars > MAX_PASSWORD_CHARS {
            return Err(PasswordRefusal::TooLong);
        }
        if chars < MIN_PASSWORD_CHARS {
            return Err(PasswordRefusal::TooShort);
        }
        let lower = text.to_lowercase();
        if common_passwords::contains(&lower) {
            return Err(PasswordRefusal::Common);
        }
        let letters = letters_and_digits(&lower);
        let is_personal = |word: &&str| {
            let word = letters_and_digits(&word.nfkc().collect::<String>().to_lowercase());
            word.chars().count() >= MIN_PERSONAL_CHARS && letters.contains(&word)
        };
        if personal.iter().any(is_personal) {
            return Err(PasswordRefusal::Personal);
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

/// The NFKC form of a text, unless the text is longer than any password can be.
fn normalise(raw: &str) -> Option<String> {
    (raw.len() <= MAX_RAW_BYTES).then(|| raw.nfkc().collect())
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// It has more than 128 characters.
    #[error("must have at most {MAX_PASSWORD_CHARS} characters")]
    TooLong,
    /// It has fewer than 8 characters.
    #[error("must have at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// It is among those that are guessed first.
    #[error("is one of the most common passwords")]
    Common,
    /// It contains the person's name or address.
    #[error("must not contain your name or e-mail address")]
    Personal,
}

/// What hashing one password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// How often the memory is walked through.
    pub passes: u32,
    /// Lanes. They are worked off one after another here.
    pub lanes: u32,
}

impl Default for PasswordCost {
    /// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// Hashes and verifies passwords with Argon2id; stored hashes are PHC strings.
///
/// Each call keeps a core busy for some 20 ms and takes [`PasswordCost::memory_kib`]: call it from
/// `spawn_blocking`, and let few run at once. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// The hash of a password that nobody has.
    dummy: Arc<str>,
}

impl Passwords {
    /// Hashes once, so that there is a [dummy](Self::verify_or_dummy) of this cost.
    ///
    /// # Errors
    /// [`PasswordCostError`] when Argon2 has no such parameters.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordCostError> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| PasswordCostError)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys = hex::encode(rand::random::<[u8; 16]>());
        let dummy = argon2
            .hash_password(nobodys.as_bytes())
            .map_err(|_| PasswordCostError)?
            .to_string()
            .into();
        Ok(Self { argon2, dummy })
    }

    /// The PHC string to store, with a fresh random salt of 128 bits.
    ///
    /// # Errors
    /// [`PasswordHashError`] when the system has no randomness or no memory to give.
    pub fn hash(&self, password: &NewPassword) -> Result<String, PasswordHashError> {
        match self.argon2.hash_password(password.0.as_bytes()) {
            Ok(hash) => Ok(hash.to_string()),
            Err(_) => Err(PasswordHashError),
        }
    }

    /// Whether `attempt` is the password behind `stored`. A damaged stored hash matches nothing.
    #[must_use]
    pub fn verify(&self, attempt: &str, stored: &str) -> bool {
        // Whoever sends more than a password can be waits for nobody; that tells only what they sent.
        normalise(attempt)
            .filter(|text| text.chars().count() <= MAX_PASSWORD_CHARS)
            .is_some_and(|text| self.argon2.verify_password(text.as_bytes(), stored).is_ok())
    }

    /// As [`verify`](Self::verify); without a stored hash it is `false`, after as long a time.
    ///
    /// Use it where an account may be absent, or the answer's time tells whether it is.
    #[must_use]
    pub fn verify_or_dummy(&self, attempt: &str, stored: Option<&str>) -> bool {
        let matches = self.verify(attempt, stored.unwrap_or(&self.dummy));
        matches && stored.is_some()
    }

    /// Whether a stored hash was made at another cost than is asked for now: when its owner signs in next, the
    /// password should be hashed anew (see [`rehash`](Self::rehash)).
    #[must_use]
    pub fn is_outdated(&self, stored: &str) -> bool {
        let outdated = |hash: PasswordHash| {
            hash.algorithm != Algorithm::Argon2id.ident()
                || Params::try_from(&hash).is_ok_and(|made_with| {
                    let now = self.argon2.params();
                    (made_with.m_cost(), made_with.t_cost(), made_with.p_cost())
                        != (now.m_cost(), now.t_cost(), now.p_cost())
                })
        };
        PasswordHash::new(stored).is_ok_and(outdated)
    }

    /// Hashes a password that was just verified, without the checks of a newly chosen one.
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    pub fn rehash(&self, verified: &str) -> Result<String, PasswordHashError> {
        self.hash(&NewPassword(normalise(verified).ok_or(PasswordHashError)?))
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("params", self.argon2.params())
            .finish_non_exhaustive()
    }
}

/// Argon2 has no such parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("argon2 needs at least one pass, one lane and 8 KiB of memory for each lane")]
pub struct PasswordCostError;

/// The system could not hash a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct PasswordHashError;

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordCost {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        })
        .unwrap()
    }

    fn refusal(raw: &str, personal: &[&str]) -> Option<PasswordRefusal> {
        NewPassword::parse(raw, personal).err()
    }

    #[test]
    fn a_hashed_password_is_recognised_and_another_is_not() {
        let passwords = cheap();
        let stored = passwords
            .hash(&NewPassword::parse("correct horse battery", &[]).unwrap())
            .unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(passwords.verify("correct horse battery", &stored));
        assert!(!passwords.verify("correct horse batterY", &stored));
        assert!(!passwords.verify("", &stored));
        assert!(!passwords.verify("correct horse battery", "no hash"));
    }

    #[test]
    fn the_same_password_is_stored_differently_each_time() {
        let passwords = cheap();
        let password = NewPassword::parse("correct horse battery", &[]).unwrap();
        assert_ne!(
            passwords.hash(&password).unwrap(),
            passwords.hash(&password).unwrap()
        );
    }

    #[test]
    fn the_default_cost_is_owasps() {
        let stored = Passwords::new(PasswordCost::default()).unwrap().dummy;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }

    #[test]
    fn a_password_typed_on_a_keyboard_that_composes_accents_otherwise_is_the_same() {
        let passwords = cheap();
        let stored = passwords
            .hash(&NewPassword::parse("Zu\u{308}rich-mädchen", &[]).unwrap())
            .unwrap();
        assert!(passwords.verify("Zürich-ma\u{308}dchen", &stored));
        assert!(passwords.verify("Ｚürich-mädchen", &stored));
    }

    #[test]
    fn length_is_counted_in_characters_from_8_to_128() {
        assert_eq!(refusal("päßwört", &[]), Some(PasswordRefusal::TooShort));
        assert_eq!(refusal("päßwörter", &[]), None);
        assert_eq!(refusal("        x", &[]), None);
        assert_eq!(refusal(&"🎙a".repeat(64), &[]), None);
        assert_eq!(
            refusal(&format!("{}b", "🎙a".repeat(64)), &[]),
            Some(PasswordRefusal::TooLong)
        );
        assert_eq!(
            refusal(&"x".repeat(50_000_000), &[]),
            Some(PasswordRefusal::TooLong)
        );
        // Eight combining marks on four letters are four characters once composed.
        assert_eq!(
            refusal("u\u{308}a\u{308}o\u{308}e\u{308}", &[]),
            Some(PasswordRefusal::TooShort)
        );
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        for common in [
            "password",
            "Password1",
            "ILOVEYOU",
            "12345678",
            "QwertyUiop",
            "aaaaaaaaaaaa",
            "ｐａｓｓｗｏｒｄ",
        ] {
            assert_eq!(refusal(common, &[]), Some(PasswordRefusal::Common), "{common}");
        }
    }

    #[test]
    fn a_password_may_not_contain_the_whole_name_or_address() {
        let ada = ["ada.lovelace", "Ada Lovelace", "Resonance"];
        for personal in [
            "AdaLovelace1815",
            "x-ada.lovelace-x",
            "resonance-2026",
            "a d a l o v e l a c e",
        ] {
            assert_eq!(
                refusal(personal, &ada),
                Some(PasswordRefusal::Personal),
                "{personal}"
            );
        }
        assert_eq!(refusal("lovely-adagio-1815", &ada), None);
        assert_eq!(
            refusal("edible paper", &["ed", ""]),
            None,
            "two letters are no secret's end"
        );
    }

    #[test]
    fn an_absent_account_is_never_matched() {
        let passwords = Passwords::new(PasswordCost {
            memory_kib: 4096,
            passes: 2,
            lanes: 1,
        })
        .unwrap();
        let stored = passwords
            .hash(&NewPassword::parse("correct horse battery", &[]).unwrap())
            .unwrap();
        assert!(passwords.verify_or_dummy("correct horse battery", Some(&stored)));
        assert!(!passwords.verify_or_dummy("wrong horse battery", Some(&stored)));
        assert!(!passwords.verify_or_dummy("correct horse battery", None));
    }

    #[test]
    fn a_hash_of_another_cost_still_verifies_and_is_seen_to_be_outdated() {
        let old = cheap();
        let new = Passwords::new(PasswordCost {
            memory_kib: 128,
            passes: 1,
            lanes: 1,
        })
        .unwrap();
        let stored = old
            .hash(&NewPassword::parse("correct horse battery", &[]).unwrap())
            .unwrap();
        assert!(!old.is_outdated(&stored));
        assert!(new.verify("correct horse battery", &stored));
        assert!(new.is_outdated(&stored));
        assert!(!new.is_outdated(&new.rehash("correct horse battery").unwrap()));
    }

    #[test]
    fn impossible_costs_are_refused() {
        assert!(
            Passwords::new(PasswordCost {
                memory_kib: 1,
                passes: 1,
                lanes: 1
            })
            .is_err()
        );
        assert!(
            Passwords::new(PasswordCost {
                memory_kib: 64,
                passes: 0,
                lanes: 1
            })
            .is_err()
        );
    }

    #[test]
    fn debug_shows_no_password() {
        assert_eq!(
            format!("{:?}", NewPassword::parse("correct horse battery", &[]).unwrap()),
            "NewPassword(..)"
        );
        assert!(!format!("{:?}", cheap()).contains("argon2id$"));
    }
}
