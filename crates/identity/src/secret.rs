//! The one secret of an instance, and the keys derived from it.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use hkdf::Hkdf;
use sha2::Sha256;

/// The fewest bytes that a secret may have: 256 bits, if they are random.
const MIN_BYTES: usize = 32;

/// Fewer different bytes than this, and the secret was typed rather than drawn: 32 random hexadecimal digits
/// have fewer than 8 different ones about once in 3 × 10⁷ draws, 64 of them practically never.
const MIN_DIFFERENT_BYTES: usize = 8;

/// The secret that all nodes of an instance share and from which every other key is derived.
///
/// Changing it ends all that was derived from it: sent links and codes, signed URLs, the published signing key.
/// Sessions outlive it, as their tokens are random.
///
/// `Debug` shows the public [fingerprint](Self::fingerprint) only.
pub struct InstanceSecret {
    derivation: Hkdf<Sha256>,
}

/// What a derived key is for. A key is never used for two things.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Jwt,
    AudioUrl,
    Code,
    Token,
    Webhook,
    Fingerprint,
    Audit,
}

impl Purpose {
    /// The HKDF `info` of the key. Frozen: another label is another key.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Jwt => b"resonance/v1/jwt",
            Self::AudioUrl => b"resonance/v1/audio-url",
            Self::Code => b"resonance/v1/code",
            Self::Token => b"resonance/v1/token",
            Self::Webhook => b"resonance/v1/webhook",
            Self::Fingerprint => b"resonance/v1/fingerprint",
            Self::Audit => b"resonance/v1/audit",
        }
    }
}

impl InstanceSecret {
    /// Takes a configured secret: any text of at least 32 bytes, white space around it ignored.
    ///
    /// The text itself is the key material; hexadecimal and base64 are not decoded, so every node must be given
    /// the same text.
    ///
    /// # Errors
    /// [`SecretError::TooShort`], [`SecretError::TooUniform`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let material = text.trim().as_bytes();
        if material.len() < MIN_BYTES {
            return Err(SecretError::TooShort);
        }
        let mut seen = [false; 256];
        for byte in material {
            seen[usize::from(*byte)] = true;
        }
        if seen.iter().filter(|seen| **seen).count() < MIN_DIFFERENT_BYTES {
            return Err(SecretError::TooUniform);
        }
        Ok(Self {
            derivation: Hkdf::new(None, material),
        })
    }

    /// Reads the secret from `path`, or draws one and keeps it there, readable by its owner only.
    ///
    /// Whole or not at all, and safe when several processes start at once: one of them wins, and all of them
    /// return what it wrote. Missing folders are created. Blocks on the file system.
    ///
    /// # Errors
    /// [`SecretError::File`] when the file cannot be read or made, and as [`parse`](Self::parse).
    pub fn load_or_create(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File {
            path: path.to_owned(),
            source,
        };
        match fs::read_to_string(path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(failed)?;
                Self::parse(&fs::read_to_string(path).map_err(failed)?)
            }
            read => Self::parse(&read.map_err(failed)?),
        }
    }

    /// A public value that is equal exactly where the secret is: nodes compare it, logs may show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.key(Purpose::Fingerprint)[..8])
    }

    /// The key for one purpose (HKDF-SHA256, RFC 5869, without salt, as the input is to be a strong key).
    pub(crate) fn key(&self, purpose: Purpose) -> [u8; 32] {
        let mut key = [0; 32];
        // HKDF-SHA256 can fail only for outputs of more than 255 × 32 bytes.
        let expanded = self.derivation.expand(purpose.label(), &mut key);
        debug_assert!(expanded.is_ok());
        key
    }
}

/// Puts a fresh secret at `path` unless a file is there by then.
fn create(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    // A named temporary file is made with mode 0600, and without clobbering the first of several wins.
    let mut file = tempfile::Builder::new().prefix(".secret-").tempfile_in(folder)?;
    writeln!(file, "{}", hex::encode(rand::random::<[u8; MIN_BYTES]>()))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(failed.error),
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceSecret")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// Why there is no instance secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It has fewer than 32 bytes.
    #[error("the secret must have at least {MIN_BYTES} bytes")]
    TooShort,
    /// It repeats a few characters, so it was not drawn at random.
    #[error("the secret must be random: it has fewer than {MIN_DIFFERENT_BYTES} different characters")]
    TooUniform,
    /// The file that keeps it cannot be read or made.
    #[error("cannot read or make the secret's file `{}`", path.display())]
    File {
        /// Where the file is, or should be.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_gives_the_same_keys_and_another_text_others() {
        let one = InstanceSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        let same = InstanceSecret::parse("  0123456789abcdef0123456789abcdef\n").unwrap();
        let other = InstanceSecret::parse("0123456789abcdef0123456789abcdee").unwrap();
        assert_eq!(one.key(Purpose::Jwt), same.key(Purpose::Jwt));
        assert_ne!(one.key(Purpose::Jwt), other.key(Purpose::Jwt));
        assert_eq!(one.fingerprint(), same.fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own_and_it_never_changes_between_versions() {
        let secret = InstanceSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        let keys = [
            Purpose::Jwt,
            Purpose::AudioUrl,
            Purpose::Code,
            Purpose::Token,
            Purpose::Webhook,
            Purpose::Fingerprint,
            Purpose::Audit,
        ]
        .map(|purpose| hex::encode(secret.key(purpose)));
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key));
        }
        // Computed with another implementation of RFC 5869.
        assert_eq!(
            keys[0],
            "aeccffb8d42e8b62539e065773781e75c77fdeea3429af1ea5205f698caf4a38"
        );
    }

    #[test]
    fn short_and_repeated_texts_are_no_secrets() {
        let refusal = |text: &str| InstanceSecret::parse(text).err().map(|e| e.to_string()).unwrap();
        assert_eq!(
            refusal("0123456789abcdef0123456789abcde"),
            "the secret must have at least 32 bytes"
        );
        assert!(refusal("changemechangemechangemechangeme").starts_with("the secret must be random"));
    }

    #[test]
    fn debug_shows_the_fingerprint_and_not_the_secret() {
        let secret = InstanceSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        let shown = format!("{secret:?}");
        assert_eq!(
            shown,
            format!(
                "InstanceSecret {{ fingerprint: \"{}\", .. }}",
                secret.fingerprint()
            )
        );
    }

    #[test]
    fn the_file_is_made_once_and_kept_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/yet/there/secret");
        let made = InstanceSecret::load_or_create(&path).unwrap();
        let read = InstanceSecret::load_or_create(&path).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "a temporary file was left");
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let barrier = std::sync::Barrier::new(16);
        let fingerprints: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        InstanceSecret::load_or_create(&path).unwrap().fingerprint()
                    })
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(
            fingerprints
                .iter()
                .all(|fingerprint| *fingerprint == fingerprints[0])
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_with_too_little_in_it_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "short").unwrap();
        assert!(matches!(
            InstanceSecret::load_or_create(&path),
            Err(SecretError::TooShort)
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
    }
}
