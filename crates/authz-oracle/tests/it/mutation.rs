//! A broken policy is noticed.

use crate::{
    cedar::{Cedar, POLICIES},
    disagreement,
    universe::Universe,
};

/// The ways to break a line.
const BREAKS: &[(&str, &str)] = &[
    ("permit (", "forbid ("),
    ("forbid (", "permit ("),
    (".people", ".members"),
    (".members", ".people"),
    (".members", ".admins"),
    (".admins", ".members"),
    (" == principal", " != principal"),
    (" == context", " != context"),
    ("when {", "unless {"),
    ("unless {", "when {"),
    ("&&", "||"),
    ("Action::\"", "Action::\"no-"),
];

/// The committed policies with one line broken, one for each way to break it.
fn broken() -> Vec<String> {
    let lines: Vec<&str> = POLICIES.lines().collect();
    let mut all = vec![];
    for (number, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.starts_with("//"))
    {
        for (from, to) in BREAKS {
            let mutant = line.replacen(from, to, 1);
            if mutant != *line {
                let mut lines = lines.clone();
                lines[number] = &mutant;
                all.push(lines.join("\n"));
            }
        }
    }
    all
}

#[test]
fn every_broken_line_of_the_policies_is_noticed() {
    let universe = Universe::small();
    let cases = universe.all_cases();
    let broken = broken();
    assert!(broken.len() > 20, "{}", broken.len());
    for policies in &broken {
        let found = disagreement(&Cedar::new(policies), &universe, cases.iter().copied());
        assert!(found.is_some(), "nobody noticed:\n{policies}");
    }
    eprintln!("{} broken policies noticed", broken.len());
}
