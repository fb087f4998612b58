//! Texts that no file may hold.

use crate::{Breach, File, Workspace};

/// A text, the ends of the names of files that it is looked for in, and what is wrong with it. Written in two halves,
/// so that this file does not hold them itself.
struct Mark {
    text: &'static str,
    within: &'static [&'static str],
    message: &'static str,
}

/// What others wrote, kept here as it came.
const VENDORED: &[&str] = &[".min.js", ".min.css", "COPYING"];

const EVERYWHERE: &[&str] = &[""];
const MACHINE: &str = "a path of somebody's machine: write it relative to the repository";
const LATER: &str = "work put off: do it, or leave it out";
const REGISTRY: &str = "the address of a package registry: every machine has its own";

const MARKS: &[Mark] = &[
    Mark {
        text: concat!("/ho", "me/"),
        within: EVERYWHERE,
        message: MACHINE,
    },
    Mark {
        text: concat!("/Us", "ers/"),
        within: EVERYWHERE,
        message: MACHINE,
    },
    Mark {
        text: concat!("/ro", "ot/"),
        within: EVERYWHERE,
        message: MACHINE,
    },
    Mark {
        text: concat!("/wo", "rk/"),
        within: EVERYWHERE,
        message: MACHINE,
    },
    Mark {
        text: concat!("/t", "mp/"),
        within: &[".toml", ".md", ".yml", ".json"],
        message: MACHINE,
    },
    Mark {
        text: concat!("to", "do!("),
        within: EVERYWHERE,
        message: LATER,
    },
    Mark {
        text: concat!("TO", "DO"),
        within: EVERYWHERE,
        message: LATER,
    },
    Mark {
        text: concat!("FIX", "ME"),
        within: EVERYWHERE,
        message: LATER,
    },
    Mark {
        text: concat!("unimple", "mented!("),
        within: EVERYWHERE,
        message: LATER,
    },
    Mark {
        text: concat!("replace", "-with"),
        within: &[".toml"],
        message: REGISTRY,
    },
    Mark {
        text: concat!("sparse", "+http"),
        within: EVERYWHERE,
        message: REGISTRY,
    },
    Mark {
        text: concat!("index", "-url"),
        within: EVERYWHERE,
        message: REGISTRY,
    },
    Mark {
        text: concat!("regis", "try="),
        within: &[".npmrc"],
        message: REGISTRY,
    },
];

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let ours = |file: &&File| !VENDORED.iter().any(|end| file.path.ends_with(end));
    workspace
        .files
        .iter()
        .filter(ours)
        .flat_map(|file| marked(file).chain(resolved_elsewhere(file)))
        .collect()
}

fn marked(file: &File) -> impl Iterator<Item = Breach> {
    let marks: Vec<&Mark> = MARKS
        .iter()
        .filter(|mark| mark.within.iter().any(|end| file.path.ends_with(end)))
        .collect();
    file.lines().flat_map(move |(number, line)| {
        marks
            .iter()
            .filter(|mark| holds(line, mark.text))
            .map(|mark| Breach::new(format!("{}:{number}", file.path), mark.message))
            .collect::<Vec<_>>()
    })
}

/// Whether a line holds a mark that is not the middle of something longer, such as a path inside an address.
fn holds(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(start, _)| {
        !line[..start].ends_with(|before: char| before.is_ascii_alphanumeric() || "_-.}".contains(before))
    })
}

/// npm writes down where it found each package.
fn resolved_elsewhere(file: &File) -> impl Iterator<Item = Breach> {
    let is_lock = file.path.ends_with("package-lock.json");
    file.lines()
        .filter(move |_| is_lock)
        .filter_map(|(number, line)| {
            let address = line.trim().strip_prefix("\"resolved\": \"")?;
            (!address.starts_with("https://registry.npmjs.org/"))
                .then(|| Breach::new(format!("{}:{number}", file.path), REGISTRY))
        })
}
