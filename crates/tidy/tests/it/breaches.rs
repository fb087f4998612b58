//! Small workspaces with one thing wrong in each.

use resonance_tidy::{Dependency, File, Kind, Package, Workspace, check};

/// The places and messages of the breaches, without those that only say that this is not the whole workspace.
fn breaches(workspace: &Workspace) -> Vec<String> {
    check(workspace)
        .into_iter()
        .filter(|breach| !breach.message.ends_with("remove the entry"))
        .map(|breach| format!("{}: {}", breach.place, breach.message))
        .collect()
}

fn package(name: &str) -> Package {
    let license = if name == "resonance-speech-espeak" {
        "GPL-3.0-or-later"
    } else {
        "MIT OR Apache-2.0"
    };
    Package {
        name: name.to_owned(),
        license: Some(license.to_owned()),
        ..Package::default()
    }
}

/// A workspace in which the first package depends on the second.
fn edge(from: &str, to: &str, kind: Kind) -> Workspace {
    let mut first = package(from);
    first.dependencies.push(Dependency {
        name: to.to_owned(),
        kind,
        optional: false,
    });
    let mut packages = vec![first];
    // What is not ours is not a member.
    if to.starts_with("resonance-") || to == "migration" || to == "tests" {
        packages.push(package(to));
    }
    Workspace {
        packages,
        ..Workspace::default()
    }
}

fn file(path: &str, text: &str) -> Workspace {
    let file = File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    Workspace {
        files: vec![file],
        ..Workspace::default()
    }
}

#[track_caller]
fn assert_breach(workspace: &Workspace, place: &str, part: &str) {
    let found = breaches(workspace);
    assert!(
        found.len() == 1 && found[0].starts_with(place) && found[0].contains(part),
        "{found:?}"
    );
}

#[track_caller]
fn assert_none(workspace: &Workspace) {
    assert_eq!(breaches(workspace), Vec::<String>::new());
}

#[test]
fn a_floor_may_not_know_those_below_it() {
    for (from, to) in [
        ("resonance-domain", "resonance-authz"),
        ("resonance-authz", "resonance-persistence"),
        ("resonance-persistence", "resonance-services"),
        ("resonance-speech", "resonance-authz"),
        ("resonance-services", "resonance-gateway-kit"),
        ("resonance-services", "resonance-speech-espeak"),
        ("resonance-gateway-http", "resonance-services"),
        ("resonance-gateway-accounts", "resonance-persistence"),
        ("resonance-gateway-speech", "resonance-gateway-organizations"),
        ("resonance-gateway", "resonance-persistence"),
        ("migration", "resonance-domain"),
    ] {
        let found = breaches(&edge(from, to, Kind::Normal));
        assert!(
            found.iter().any(|breach| breach.contains("may not know")),
            "{from} → {to}: {found:?}"
        );
    }
    assert_none(&edge("resonance-services", "resonance-persistence", Kind::Normal));
    assert_none(&edge("resonance", "resonance-gateway", Kind::Normal));
}

#[test]
fn a_crate_without_a_floor_is_noticed() {
    let workspace = Workspace {
        packages: vec![package("resonance-novelty")],
        ..Workspace::default()
    };
    assert_breach(&workspace, "crates/novelty/Cargo.toml", "has no floor");
}

#[test]
fn the_test_kit_is_for_tests() {
    let normal = edge("resonance-persistence", "resonance-testkit", Kind::Normal);
    assert_breach(
        &normal,
        "crates/persistence/Cargo.toml",
        "only dev-dependencies may name it",
    );
    assert_none(&edge("resonance-persistence", "resonance-testkit", Kind::Dev));
}

#[test]
fn each_library_stays_with_those_who_may_know_it() {
    for (from, to) in [
        ("resonance-services", "sea-orm"),
        ("resonance-services", "sea-orm-migration"),
        ("resonance-gateway", "sqlx"),
        ("resonance-services", "async-graphql"),
        ("resonance", "async-graphql"),
        ("resonance-blobs", "axum"),
        ("resonance-speech", "espeak-ng"),
    ] {
        for kind in [Kind::Normal, Kind::Dev] {
            assert_breach(&edge(from, to, kind), "crates/", "may not name");
        }
    }
    assert_none(&edge("resonance-gateway-http", "axum", Kind::Normal));
    assert_none(&edge("resonance", "axum", Kind::Normal));
    assert_none(&edge("migration", "sea-orm-migration", Kind::Normal));
}

#[test]
fn only_the_engines_crate_is_gpl() {
    let mut gpl = package("resonance-domain");
    gpl.license = Some("GPL-3.0-or-later".to_owned());
    let workspace = Workspace {
        packages: vec![gpl],
        ..Workspace::default()
    };
    assert_breach(
        &workspace,
        "crates/domain/Cargo.toml",
        "must be MIT OR Apache-2.0",
    );
}

#[test]
fn the_binary_links_the_gpl_engine_by_its_feature_only() {
    let always = edge("resonance", "resonance-speech-espeak", Kind::Normal);
    assert_breach(&always, "crates/server/Cargo.toml", "must be optional");

    let mut optional = always;
    optional.packages[0].dependencies[0].optional = true;
    let switch = vec!["dep:resonance-speech-espeak".to_owned()];
    optional.packages[0]
        .features
        .insert("engine-espeak".to_owned(), switch.clone());
    assert_none(&optional);

    optional.packages[0].features.insert("default".to_owned(), switch);
    assert_breach(&optional, "crates/server/Cargo.toml", "must be optional");
}

#[test]
fn banned_packages_are_noticed_in_the_lock_file() {
    let lock = |name: &str, version: &str, source: &str| Workspace {
        lock: format!(
            "version = 4\n\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{source}\"\n"
        ),
        ..Workspace::default()
    };
    let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
    for (name, version) in [
        ("openssl-sys", "0.9.1"),
        ("aws-lc-sys", "0.3.0"),
        ("native-tls", "0.2.0"),
        ("sqlx", "0.8.6"),
        ("reqwest", "0.12.1"),
    ] {
        assert_breach(&lock(name, version, crates_io), "Cargo.lock", "is banned");
    }
    assert_none(&lock("sqlx", "0.9.0", crates_io));
    assert_breach(
        &lock("serde", "1.0.0", "registry+https://example.org/index"),
        "Cargo.lock",
        "elsewhere",
    );
}

#[test]
fn a_second_source_of_standings_is_noticed() {
    let source = "impl StandingSource for Everybody {\n";
    assert_breach(
        &file("crates/services/src/cache.rs", source),
        "crates/services/src/cache.rs:1",
        "vouch",
    );
    assert_none(&file("crates/persistence/src/standing.rs", source));
    assert_none(&file("crates/services/tests/it/cache.rs", source));
    assert_none(&file(
        "crates/services/src/cache.rs",
        &format!("#[cfg(test)]\nmod tests {{\n{source}"),
    ));
    assert_none(&file("crates/authz/src/lib.rs", &format!("//! {source}")));
}

#[test]
fn the_system_acts_only_where_the_list_says_so_and_only_as_listed() {
    let grant = |job: &str| format!("let grant = SystemGrant::<{job}>::for_job();\n");
    assert_breach(
        &file("crates/services/src/voice.rs", &grant("Purge")),
        "crates/services/src/voice.rs:1",
        "acts here",
    );
    assert_breach(
        &file("crates/services/src/relay.rs", &grant("Purge")),
        "crates/services/src/relay.rs:1",
        "acts here",
    );
    assert_breach(
        &file("crates/services/src/relay.rs", "read(&SystemGrant::for_job());"),
        "crates/services/src/relay.rs:1",
        "acts here",
    );
    assert_none(&file("crates/services/src/relay.rs", &grant("Relay")));
}

#[test]
fn an_entry_that_nothing_needs_is_noticed() {
    let found = check(&Workspace::default());
    assert!(
        found
            .iter()
            .any(|breach| breach.message.ends_with("remove the entry")),
        "{found:?}"
    );
}

#[test]
fn machine_paths_registries_and_work_put_off_are_noticed() {
    for (path, text, part) in [
        ("README.md", concat!("see /ho", "me/ada/resonance"), "machine"),
        ("scripts/test", concat!("cd /wo", "rk/main"), "machine"),
        ("docs/a.md", concat!("in /t", "mp/x"), "machine"),
        (
            "crates/domain/src/id.rs",
            concat!("// TO", "DO: later"),
            "put off",
        ),
        ("crates/domain/src/id.rs", concat!("    to", "do!()"), "put off"),
        (
            "crates/domain/src/id.rs",
            concat!("    #[ign", "ore = \"slow\"]"),
            "does not run",
        ),
        (
            ".cargo/config.toml",
            concat!("replace", "-with = \"mirror\""),
            "registry",
        ),
        ("pip.conf", concat!("index", "-url = http://mirror"), "registry"),
        (
            "web/package-lock.json",
            "      \"resolved\": \"https://mirror.example/a.tgz\",",
            "registry",
        ),
    ] {
        assert_breach(&file(path, text), path, part);
    }
    assert_none(&file(
        "README.md",
        concat!("https://example.org/ho", "me/ and /data/wo", "rk/"),
    ));
    assert_none(&file(
        "web/package-lock.json",
        "\"resolved\": \"https://registry.npmjs.org/a.tgz\",",
    ));
}

#[test]
fn long_files_are_noticed() {
    assert_none(&file("crates/domain/src/id.rs", &"\n".repeat(500)));
    assert_breach(
        &file("crates/domain/src/id.rs", &"\n".repeat(501)),
        "crates/domain/src/id.rs",
        "split it by noun",
    );
    assert_none(&file("schema.graphql", &"\n".repeat(5000)));
}

#[test]
fn a_crate_without_the_workspaces_lints_is_noticed() {
    assert_breach(
        &file("crates/domain/Cargo.toml", "[package]\n"),
        "crates/domain/Cargo.toml",
        "add `[lints]`",
    );
    assert_none(&file(
        "crates/domain/Cargo.toml",
        "[package]\n\n[lints]\nworkspace = true\n",
    ));
}
