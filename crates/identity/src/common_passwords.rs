//! What everybody guesses first.

/// The passwords of at least 8 characters among the 30,000 most common ones; see `data/README.md`.
static LIST: &str = include_str!("../data/common_passwords.txt");

/// Whether `password`, in lower case, is among the common ones, or repeats or counts up or down one character.
///
/// The list is searched from end to end: some 50 µs, against the milliseconds that the hash costs, and no memory.
pub(crate) fn contains(password: &str) -> bool {
    counts(password) || LIST.lines().any(|common| common == password)
}

/// Whether each character follows the one before it by the same step of -1, 0 or 1: `aaaaaaaa`, `23456789`.
fn counts(password: &str) -> bool {
    let steps = || {
        password
            .chars()
            .zip(password.chars().skip(1))
            .map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)))
    };
    steps()
        .next()
        .is_none_or(|first| (-1..=1).contains(&first) && steps().all(|step| step == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_repeated_and_counted_passwords_are_common() {
        for common in [
            "password",
            "password1",
            "iloveyou1",
            "qwertyuiop",
            "zzzzzzzzzzzz",
            "23456789",
            "hgfedcba",
            "ееееееее",
        ] {
            assert!(contains(common), "{common}");
        }
        for rare in [
            "correct horse battery staple",
            "24681359",
            "aaaaaaab",
            "tr0ub4dor&3",
        ] {
            assert!(!contains(rare), "{rare}");
        }
    }

    #[test]
    fn every_listed_password_can_be_met() {
        assert_eq!(LIST.lines().count(), 11_611);
        for entry in LIST.lines() {
            assert!(
                entry.chars().count() >= crate::MIN_PASSWORD_CHARS && entry == entry.to_lowercase(),
                "{entry}"
            );
        }
    }
}
