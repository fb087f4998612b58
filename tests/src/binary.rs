//! The binary itself.

use std::{path::PathBuf, process::Output};

/// Where cargo put the binary: beside this test's own folder.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("resonance");
    assert!(path.exists(), "build the binary first: cargo build -p resonance");
    path
}

/// Runs a command of the binary in `folder` to its end.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn run(folder: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    std::process::Command::new(binary())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}
