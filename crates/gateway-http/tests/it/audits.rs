//! The conformance audits of the npm package `graphql-http`, where node and npm are there to run them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::call::{app, listen};

/// Installs the audits outside the source tree; `None` if that cannot be done here.
fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphql-http-audits");
    std::fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audits");
    for name in ["package.json", "package-lock.json", "audit.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    if !folder.join("node_modules/graphql-http/package.json").exists() {
        let mut install = Command::new("npm");
        install
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder);
        match install.output() {
            Ok(output) if output.status.success() => {}
            other => {
                eprintln!("skipped: npm could not install the audits: {other:?}");
                return None;
            }
        }
    }
    Some(folder)
}

#[tokio::test]
async fn every_audit_of_graphql_http_passes() {
    let Some(folder) = tokio::task::spawn_blocking(install).await.unwrap() else {
        return;
    };
    let url = format!("http://{}/graphql", listen(app()).await);
    let run = move || {
        Command::new("node")
            .arg("audit.mjs")
            .arg(url)
            .current_dir(folder)
            .output()
    };
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let report = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{report}{}", String::from_utf8_lossy(&stderr));
    assert!(report.contains("61 of 61"), "{report}");
}
