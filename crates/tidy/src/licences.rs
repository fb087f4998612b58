//! Licences of our own crates, and the one GPL engine.

use crate::{Breach, Kind, Package, Workspace};

/// The crate that is GPL, because the engine that it wraps is.
const GPL: &str = "resonance-speech-espeak";
/// What tests share: nothing that is delivered contains it.
const TEST_KIT: &str = "resonance-testkit";
/// The binary, and the feature that brings the engine in.
const BINARY: &str = "resonance";
const FEATURE: &str = "engine-espeak";

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    for package in &workspace.packages {
        let place = workspace.manifest(&package.name);
        let expected = if package.name == GPL {
            "GPL-3.0-or-later"
        } else {
            "MIT OR Apache-2.0"
        };
        if package.license.as_deref() != Some(expected) {
            breaches.push(Breach::new(
                place.clone(),
                format!("the licence must be {expected}"),
            ));
        }
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.name == GPL)
        {
            let message = match package.name.as_str() {
                _ if dependency.kind == Kind::Dev => continue,
                TEST_KIT => continue,
                BINARY if dependency.optional && only_by_feature(package) => continue,
                BINARY => format!("{GPL} must be optional, and only the feature {FEATURE} may switch it on"),
                _ => format!("{GPL} is GPL: only the binary may link it, by the feature {FEATURE}"),
            };
            breaches.push(Breach::new(place.clone(), message));
        }
    }
    breaches
}

/// Whether no other feature switches the engine on.
fn only_by_feature(package: &Package) -> bool {
    package
        .features
        .iter()
        .filter(|(feature, _)| *feature != FEATURE)
        .all(|(_, switches)| !switches.iter().any(|switch| switch.contains(GPL)))
}
