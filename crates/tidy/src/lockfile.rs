//! Libraries that must not come in, not even through another one.

use crate::{Breach, Workspace};

/// A package, the beginning of the banned versions (all, if empty), and the reason.
const BANNED: &[(&str, &str, &str)] = &[
    ("openssl-sys", "", "TLS is rustls with ring, and nothing else"),
    ("native-tls", "", "TLS is rustls with ring, and nothing else"),
    ("aws-lc-sys", "", "TLS is rustls with ring; aws-lc wants cmake"),
    ("aws-lc-rs", "", "TLS is rustls with ring; aws-lc wants cmake"),
    ("sqlx", "0.8.", "a second sqlx downgrades SQLite for both"),
    ("sqlx-core", "0.8.", "a second sqlx downgrades SQLite for both"),
    ("reqwest", "0.12.", "one HTTP client is enough"),
    ("reqwest", "0.11.", "one HTTP client is enough"),
];

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    for package in workspace.lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            package
                .lines()
                .find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
                .unwrap_or_default()
        };
        let (name, version, source) = (field("name"), field("version"), field("source"));
        for (banned, versions, reason) in BANNED {
            if name == *banned && version.starts_with(versions) {
                let message = format!(
                    "{name} {version} is banned: {reason}; `cargo tree -i {name}` tells who wants it"
                );
                breaches.push(Breach::new("Cargo.lock", message));
            }
        }
        if !source.is_empty() && source != "registry+https://github.com/rust-lang/crates.io-index" {
            let message = format!("{name} {version} comes from elsewhere than crates.io");
            breaches.push(Breach::new("Cargo.lock", message));
        }
    }
    breaches
}
