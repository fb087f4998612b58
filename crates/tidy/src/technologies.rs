//! Which crate may know which library.

use crate::{Breach, Kind, Workspace};

/// A library (or the beginning of its name, with a `*`), the crates that may name it, and why only those.
type Technology = (&'static str, &'static [&'static str], &'static str);

const TECHNOLOGIES: &[Technology] = &[
    (
        "sea-orm*",
        &["resonance-persistence", "migration"],
        "storage is known to persistence alone",
    ),
    (
        "sqlx*",
        &["resonance-persistence", "resonance-testkit", "tests"],
        "storage is known to persistence alone; the test kit makes databases, and the tests from end to end look at rows",
    ),
    (
        "async-graphql*",
        &["resonance-gateway*"],
        "GraphQL is known to the gateway alone",
    ),
    (
        "axum*",
        // The remote engines' tests are such servers, and so is the sandbox.
        &[
            "resonance-gateway*",
            "resonance",
            "resonance-speech-remote",
            "resonance-polar-sandbox",
        ],
        "HTTP is known to the gateway alone; the binary serves its router",
    ),
    (
        "espeak-ng*",
        &["resonance-speech-espeak"],
        "it is GPL: it stays behind the feature engine-espeak",
    ),
    (
        "jsonwebtoken",
        &["resonance-identity", "tests"],
        "tokens are known to identity alone",
    ),
    (
        "argon2",
        &["resonance-identity"],
        "password hashing is known to identity alone",
    ),
    ("lettre", &["resonance-mail"], "SMTP is known to mail alone"),
    (
        "hickory*",
        &["resonance-dns", "resonance-testkit"],
        "the domain name system is known to dns alone; the test kit answers as one",
    ),
    (
        "object_store",
        &["resonance-blobs"],
        "object stores are known to blobs alone",
    ),
    (
        "symphonia*",
        &["resonance-speech"],
        "codecs are known to speech alone",
    ),
    (
        "image",
        &["resonance-images"],
        "image codecs are known to images alone",
    ),
    (
        "cedar-policy*",
        &["resonance-authz-oracle"],
        "Cedar is a second opinion for tests",
    ),
];

/// What tests may name besides, to look at results with other eyes than the code's.
const WITHIN_TESTS: &[(&str, &str)] = &[("image", "resonance-services")];

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            let names = (dependency.name.as_str(), package.name.as_str());
            if dependency.kind == Kind::Dev && WITHIN_TESTS.contains(&names) {
                continue;
            }
            for (library, knowers, reason) in TECHNOLOGIES {
                if matches(library, &dependency.name)
                    && !knowers.iter().any(|knower| matches(knower, &package.name))
                {
                    let message = format!("{} may not name {}: {reason}", package.name, dependency.name);
                    breaches.push(Breach::new(workspace.manifest(&package.name), message));
                }
            }
        }
    }
    breaches
}
