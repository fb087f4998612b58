//! The law of the workspace: which crate may know which, and what no file may hold.
//!
//! `cargo run -p resonance-tidy` prints every breach and fails if there is one; the same check is a test. Each rule is
//! a function from the [`Workspace`] to its [`Breach`]es, and its exceptions stand beside it with their reasons.
//!
//! This crate knows the workspace from `cargo metadata`, `Cargo.lock` and the files that git would commit. It never
//! knows what the code means; that is for the compiler, clippy and the tests.

mod authority;
mod floors;
mod licences;
mod lints;
mod lockfile;
mod marks;
mod size;
mod sleeping;
mod technologies;
mod workspace;

pub use workspace::{Dependency, File, Kind, Package, Workspace};

/// One breach of the law.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// The file, as git names it, with the line where there is one.
    pub place: String,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl Breach {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

/// Every breach in the workspace, sorted by place.
#[must_use]
pub fn check(workspace: &Workspace) -> Vec<Breach> {
    let rules = [
        floors::check,
        technologies::check,
        licences::check,
        lints::check,
        lockfile::check,
        authority::check,
        marks::check,
        size::check,
        sleeping::check,
    ];
    let mut breaches: Vec<_> = rules.iter().flat_map(|rule| rule(workspace)).collect();
    breaches.sort();
    breaches
}
