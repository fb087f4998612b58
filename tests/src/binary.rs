//! The binary itself.

use std::{path::Path, path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;

/// What a command said until it ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Where cargo put the binary: beside this test's own folder.
///
/// # Panics
/// If it was not built.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("resonance");
    assert!(path.exists(), "build the binary first: cargo build -p resonance");
    path
}

/// The binary in `folder`, with no other variables than these.
pub(crate) fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command of the binary in `folder` to its end.
///
/// # Panics
/// If it cannot be started, or does not end within a minute.
pub async fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let ends = command(folder, variables).args(arguments).output();
    let output = tokio::time::timeout(Duration::from_secs(60), ends)
        .await
        .unwrap_or_else(|_| panic!("{arguments:?} does not end"))
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
