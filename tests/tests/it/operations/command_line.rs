//! What the binary says about itself.

use std::collections::BTreeSet;

use tests::run;

const COMMANDS: [&[&str]; 8] = [
    &["serve"],
    &["migrate"],
    &["schema"],
    &["seed"],
    &["operator", "add"],
    &["operator", "remove"],
    &["operator", "list"],
    &["config", "check"],
];

#[tokio::test]
async fn the_schema_command_prints_the_committed_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = run(folder.path(), &["schema"], &[]).await;
    assert_eq!(schema.code, Some(0), "{}", schema.err);
    // No comparison by `assert_eq`: its message would be both of them.
    assert!(
        schema.out == include_str!("../../../../schema.graphql"),
        "cargo run -p resonance -- schema > schema.graphql"
    );
    let schema = run(folder.path(), &["schema", "--operators"], &[]).await;
    assert!(
        schema.out == include_str!("../../../../operator-schema.graphql"),
        "cargo run -p resonance -- schema --operators > operator-schema.graphql"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "printing the schema needs no data: {left:?}");
}

/// The flags that a help text explains.
fn flags(help: &str) -> BTreeSet<&str> {
    help.lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .map(|line| line.split([' ', ',']).next().unwrap())
        .collect()
}

#[tokio::test]
async fn help_names_every_command_and_each_key_as_flag_and_variable() {
    let folder = tempfile::tempdir().unwrap();
    // Not even a broken configuration keeps anybody from help.
    let variables = [("RESONANCE_LISTEN", "nowhere"), ("RESONANCE_SECRET", "hunter2")];
    let help = run(folder.path(), &["--help"], &variables).await;
    assert_eq!(help.code, Some(0), "{}", help.err);
    for command in COMMANDS {
        assert!(help.out.contains(&format!("\n  {} ", command[0])), "{command:?}");
    }
    let keys = flags(&help.out);
    assert!(keys.len() > 30, "{keys:?}");
    for key in &keys {
        let variable = format!("[env: RESONANCE_{}", key.to_uppercase().replace('-', "_"));
        assert!(help.out.contains(&variable), "{key}");
    }
    assert!(!help.out.contains("hunter2"), "help shows no values");

    for command in COMMANDS {
        let help = run(folder.path(), &[command, &["--help"]].concat(), &[]).await;
        assert_eq!(help.code, Some(0), "{command:?}: {}", help.err);
        let usage = format!("Usage: resonance {} [OPTIONS]", command.join(" "));
        assert!(help.out.contains(&usage), "{}", help.out);
        assert!(flags(&help.out).is_superset(&keys), "{command:?}: {}", help.out);
    }
    let help = run(folder.path(), &["seed", "--help"], &[]).await;
    let own: Vec<_> = flags(&help.out).difference(&keys).copied().collect();
    assert_eq!(
        own,
        [
            "generations-per-organization",
            "members-per-organization",
            "organizations",
            "seed",
            "tokens",
            "tokens-for",
            "users",
            "voices-per-organization",
        ]
    );
    let help = run(folder.path(), &["operator", "add", "--help"], &[]).await;
    assert!(help.out.contains("<EMAIL>"), "{}", help.out);
}

#[tokio::test]
async fn what_the_command_line_does_not_know_it_names() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, names) in [
        (&["migrat"][..], "'migrat'"),
        (&["migrate", "--datadir", "x"], "'--datadir'"),
        (&["operator", "add"], "<EMAIL>"),
        (&["config"], "check"),
    ] {
        let ended = run(folder.path(), arguments, &[]).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.err.contains(names), "{arguments:?}: {}", ended.err);
    }
}
