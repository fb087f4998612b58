//! `cargo run -p resonance-tidy`: prints every breach of the workspace's law.

use std::{io::Write, path::Path, process::ExitCode};

use resonance_tidy::{Workspace, check};

fn main() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::read(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let breaches = check(&workspace);
    let mut out = std::io::stdout().lock();
    for breach in &breaches {
        writeln!(out, "{}: {}", breach.place, breach.message)?;
    }
    if breaches.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} breaches of the law (crates/tidy says why each is one)",
        breaches.len()
    )?;
    Ok(ExitCode::FAILURE)
}
