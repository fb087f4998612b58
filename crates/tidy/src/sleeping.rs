//! Tests that do not run.

use crate::{Breach, Workspace};

/// Files whose ignored tests may stay, and what they wait for.
const ON_REQUEST: &[(&str, &str)] = &[
    (
        "crates/persistence/tests/it/history.rs",
        "a million rows on each database take minutes",
    ),
    (
        "crates/services/tests/it/webhooks/load.rs",
        "a measurement, which needs the machine for itself",
    ),
];

/// In two halves, so that this file does not hold it itself.
const IGNORED: &str = concat!("#[ign", "ore");

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    workspace
        .files
        .iter()
        .filter(|file| file.is_rust() && !ON_REQUEST.iter().any(|(path, _)| *path == file.path))
        .flat_map(|file| {
            file.lines().filter(|(_, line)| line.trim_start().starts_with(IGNORED)).map(|(number, _)| {
                Breach::new(
                    format!("{}:{number}", file.path),
                    "a test that does not run: make it run, or remove it, or say why in crates/tidy/src/sleeping.rs",
                )
            })
        })
        .collect()
}
