//! How long a Rust file may be.

use crate::{Breach, Workspace};

/// More lines than this, and the file holds more than one thing.
const LINES: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    for file in workspace.files.iter().filter(|file| file.is_rust()) {
        let lines = file.lines().count();
        let excepted = LONGER.iter().any(|(path, _)| *path == file.path);
        if lines > LINES && !excepted {
            let message = format!("{lines} lines, more than {LINES}: split it by noun");
            breaches.push(Breach::new(file.path.clone(), message));
        } else if lines <= LINES && excepted {
            let message = "no longer too long: remove it from crates/tidy/src/size.rs";
            breaches.push(Breach::new(file.path.clone(), message));
        }
    }
    breaches
}
