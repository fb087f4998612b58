//! The workspace keeps the law, and each breach of it is noticed.

mod breaches;

use std::path::Path;

use anyhow::Result;
use resonance_tidy::{Workspace, check};

#[test]
fn the_workspace_keeps_the_law() -> Result<()> {
    let workspace = Workspace::read(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    assert!(workspace.packages.len() > 15, "{}", workspace.packages.len());
    assert!(workspace.files.len() > 100, "{}", workspace.files.len());
    assert_eq!(check(&workspace), []);
    Ok(())
}
