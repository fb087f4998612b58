//! Which crate may depend on which.

use crate::{Breach, Kind, Workspace};

/// A crate, and the crates of the workspace that it may depend on.
type Floor = (&'static str, &'static [&'static str]);

/// The floors, from the ground up. What is not named here is not allowed; a new crate gets its line.
const FLOORS: &[Floor] = &[
    ("resonance-domain", &[]),
    ("resonance-authz", &["resonance-domain"]),
    // Migrations stay as they were written, whatever becomes of the rest.
    ("migration", &[]),
    (
        "resonance-persistence",
        &["resonance-domain", "resonance-authz", "migration"],
    ),
    // One technology each; they know the domain's words and nothing else.
    ("resonance-speech", &["resonance-domain"]),
    (
        "resonance-speech-espeak",
        &["resonance-domain", "resonance-speech"],
    ),
    (
        "resonance-speech-remote",
        &["resonance-domain", "resonance-speech"],
    ),
    ("resonance-identity", &["resonance-domain"]),
    ("resonance-mail", &["resonance-domain"]),
    ("resonance-blobs", &["resonance-domain"]),
    ("resonance-images", &["resonance-domain"]),
    ("resonance-webhooks", &[]),
    ("resonance-dns", &["resonance-domain"]),
    ("resonance-billing", &["resonance-domain"]),
    (
        "resonance-services",
        &[
            "resonance-domain",
            "resonance-authz",
            "resonance-persistence",
            "resonance-speech",
            "resonance-identity",
            "resonance-mail",
            "resonance-blobs",
            "resonance-images",
            "resonance-webhooks",
            "resonance-dns",
            "resonance-billing",
        ],
    ),
    // The gateway never sees storage: it cannot name a repository, and is handed no grant.
    (
        "resonance-gateway-kit",
        &["resonance-domain", "resonance-authz", "resonance-services"],
    ),
    ("resonance-gateway-http", &["resonance-domain"]),
    (
        "resonance-gateway-accounts",
        &[
            "resonance-domain",
            "resonance-authz",
            "resonance-services",
            "resonance-gateway-kit",
        ],
    ),
    (
        "resonance-gateway-speech",
        &[
            "resonance-domain",
            "resonance-authz",
            "resonance-services",
            "resonance-gateway-kit",
            "resonance-gateway-accounts",
        ],
    ),
    (
        "resonance-gateway-organizations",
        &[
            "resonance-domain",
            "resonance-authz",
            "resonance-services",
            "resonance-gateway-kit",
            "resonance-gateway-accounts",
            "resonance-gateway-speech",
        ],
    ),
    (
        "resonance-gateway-operators",
        &["resonance-domain", "resonance-services", "resonance-gateway-kit"],
    ),
    (
        "resonance-gateway",
        &[
            "resonance-domain",
            "resonance-authz",
            "resonance-services",
            // What a signed URL looks like.
            "resonance-identity",
            // For the page that shows the mails of an embedded instance.
            "resonance-mail",
            "resonance-gateway-kit",
            "resonance-gateway-http",
            "resonance-gateway-accounts",
            "resonance-gateway-speech",
            "resonance-gateway-organizations",
            "resonance-gateway-operators",
        ],
    ),
    // The binary wires everything together.
    (
        "resonance",
        &[
            "resonance-domain",
            "resonance-authz",
            "migration",
            "resonance-persistence",
            "resonance-speech",
            "resonance-speech-espeak",
            "resonance-speech-remote",
            "resonance-identity",
            "resonance-mail",
            "resonance-blobs",
            "resonance-billing",
            "resonance-images",
            "resonance-dns",
            "resonance-services",
            "resonance-gateway-kit",
            "resonance-gateway-http",
            "resonance-gateway",
        ],
    ),
];

/// What exists for tests and measurements only, and may itself know everything.
const FOR_TESTS: &[&str] = &[
    "resonance-bench",
    "resonance-testkit",
    "resonance-polar-sandbox",
    "resonance-authz-oracle",
    "resonance-tidy",
    "tests",
];

/// What tests of any crate may use besides: an engine that really speaks, one that asks a server, and somebody who takes no
/// money.
const WITHIN_TESTS: &[&str] = &[
    "resonance-testkit",
    "resonance-speech-espeak",
    "resonance-speech-remote",
    "resonance-polar-sandbox",
];

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    let is_ours = |name: &str| workspace.packages.iter().any(|package| package.name == name);
    for package in &workspace.packages {
        let place = workspace.manifest(&package.name);
        if FOR_TESTS.contains(&package.name.as_str()) {
            continue;
        }
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == package.name) else {
            let message = format!(
                "{} has no floor: give it one in crates/tidy/src/floors.rs",
                package.name
            );
            breaches.push(Breach::new(place, message));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| is_ours(&dependency.name))
        {
            let name = dependency.name.as_str();
            let in_tests = dependency.kind == Kind::Dev;
            if allowed.contains(&name) || (in_tests && WITHIN_TESTS.contains(&name)) {
                continue;
            }
            let message = if FOR_TESTS.contains(&name) {
                format!("{name} is for tests: only dev-dependencies may name it")
            } else {
                format!(
                    "{} may not know {name}: it lies on another floor (ARCHITECTURE.md)",
                    package.name
                )
            };
            breaches.push(Breach::new(place.clone(), message));
        }
    }
    breaches
}
