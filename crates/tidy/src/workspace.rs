//! What the rules look at.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The workspace as cargo and git see it.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// The member packages.
    pub packages: Vec<Package>,
    /// The text of `Cargo.lock`.
    pub lock: String,
    /// The files that git tracks or would add, as far as they are text.
    pub files: Vec<File>,
}

/// A member package.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Package {
    /// Its name, such as `resonance-domain`.
    pub name: String,
    /// The licence expression.
    pub license: Option<String>,
    /// What it names in its manifest.
    pub dependencies: Vec<Dependency>,
    /// Its features, and what each switches on.
    pub features: BTreeMap<String, Vec<String>>,
}

/// An entry in a manifest's dependencies.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Dependency {
    /// The package.
    pub name: String,
    /// What for.
    #[serde(default, deserialize_with = "nullable_kind")]
    pub kind: Kind,
    /// Whether only a feature brings it in.
    #[serde(default)]
    pub optional: bool,
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The library or binary itself.
    #[default]
    Normal,
    /// Tests, benches and examples.
    Dev,
    /// The build script.
    Build,
}

/// Cargo writes null for normal dependencies.
fn nullable_kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A text file.
#[derive(Debug, Clone)]
pub struct File {
    /// The path from the workspace's root, with slashes.
    pub path: String,
    /// The text.
    pub text: String,
}

impl File {
    /// The lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Whether it is Rust.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Workspace {
    /// Reads the workspace that `inside` is a folder of.
    ///
    /// # Errors
    /// If cargo or git does not answer as expected.
    pub fn read(inside: &Path) -> anyhow::Result<Self> {
        let root = run(
            inside,
            "git",
            &["-c", "safe.directory=*", "rev-parse", "--show-toplevel"],
        )?;
        let root = Path::new(root.trim_end());
        let metadata = run(
            root,
            env!("CARGO"),
            &["metadata", "--no-deps", "--format-version", "1"],
        )?;
        let metadata: Metadata = serde_json::from_str(&metadata).context("unreadable cargo metadata")?;
        let listed = run(
            root,
            "git",
            &[
                "-c",
                "safe.directory=*",
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ],
        )?;
        let files = listed
            .split_terminator('\0')
            .filter_map(|path| {
                // What is no text (a sample, an image) and what is deleted but not yet committed is passed over.
                let text = fs::read_to_string(root.join(path)).ok()?;
                Some(File {
                    path: path.to_owned(),
                    text,
                })
            })
            .collect();
        Ok(Self {
            packages: metadata.packages,
            lock: fs::read_to_string(root.join("Cargo.lock")).context("no Cargo.lock")?,
            files,
        })
    }

    /// The path of a package's manifest, as far as the names tell.
    pub(crate) fn manifest(&self, package: &str) -> String {
        let folder = match package {
            "migration" | "tests" => package.to_owned(),
            "resonance" => "crates/server".to_owned(),
            _ => format!("crates/{}", package.trim_start_matches("resonance-")),
        };
        format!("{folder}/Cargo.toml")
    }
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).with_context(|| format!("{program} does not answer in UTF-8"))
}
