//! Every crate takes the workspace's lints.

use crate::{Breach, Workspace};

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    workspace
        .files
        .iter()
        .filter(|file| {
            file.path.ends_with("/Cargo.toml") && !file.text.contains("[lints]\nworkspace = true\n")
        })
        .map(|file| Breach::new(file.path.clone(), "add `[lints]` with `workspace = true`"))
        .collect()
}
