//! Keys: where they come from, and what is said about wrong ones.

use std::path::Path;

use tests::{Ended, run};

/// Checks the configuration in `folder`.
async fn check(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    run(folder, &[&["config", "check"], arguments].concat(), variables).await
}

/// What the check says about a key.
fn shown<'a>(check: &'a Ended, key: &str) -> &'a str {
    let line = check.out.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_else(|| panic!("{check:#?}")).trim()
}

#[tokio::test]
async fn nothing_has_to_be_configured() {
    let folder = tempfile::tempdir().unwrap();
    let check = check(folder.path(), &[], &[]).await;
    assert_eq!(check.code, Some(0), "{}", check.err);
    assert_eq!(shown(&check, "listen"), "127.0.0.1:8080");
    assert_eq!(shown(&check, "database_url"), "sqlite:data/resonance.db");
    assert_eq!(shown(&check, "database  "), "answers");
    assert_eq!(shown(&check, "objects"), "answers");
}

#[tokio::test]
async fn flags_win_over_variables_and_variables_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resonance.toml");
    std::fs::write(
        &file,
        "public_url = \"http://file.test\"\ndata_dir = \"elsewhere\"\n",
    )
    .unwrap();
    let variable = [("RESONANCE_PUBLIC_URL", "http://variable.test")];
    let flag = ["--public-url", "http://flag.test"];
    for (flags, variables, wins) in [
        (&[][..], &[][..], "http://file.test"),
        (&[], &variable, "http://variable.test"),
        (&flag, &[], "http://flag.test"),
        (&flag, &variable, "http://flag.test"),
    ] {
        let check = check(folder.path(), flags, variables).await;
        assert_eq!(check.code, Some(0), "{}", check.err);
        assert_eq!(shown(&check, "public_url"), wins);
        // What neither says still comes from the file.
        assert_eq!(shown(&check, "data_dir"), "elsewhere");
    }

    // The file may lie anywhere, and then it has to be there.
    let named = folder.path().join("named.toml");
    std::fs::rename(file, &named).unwrap();
    let named = named.to_str().unwrap();
    let check_named = check(folder.path(), &["--config", named], &[]).await;
    assert_eq!(shown(&check_named, "public_url"), "http://file.test");
    let check_named = check(folder.path(), &[], &[("RESONANCE_CONFIG", named)]).await;
    assert_eq!(shown(&check_named, "public_url"), "http://file.test");
    let missing = check(folder.path(), &["--config", "missing.toml"], &[]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("missing.toml"), "{}", missing.err);
}

#[tokio::test]
async fn a_mistake_in_the_file_is_named_with_its_line_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    for (line, says) in [
        ("membr_limit = 7", &["membr_limit", "`member_limit`"][..]),
        ("member_limit = 'many'", &["member_limit", "expected u32"]),
        ("log_format = 'xml'", &["log_format", "`json`"]),
        ("secret = 'short'", &["secret", "openssl rand -base64 32"]),
        ("query_depth = 3", &["query_depth", "at least 15"]),
        ("member_limit 7", &["expected"]),
    ] {
        let file = format!("# How we run it.\nlog = 'info'\n{line}\n");
        std::fs::write(folder.path().join("resonance.toml"), file).unwrap();
        let check = check(folder.path(), &[], &[]).await;
        assert_eq!(check.code, Some(1), "{line}");
        for word in says {
            assert!(check.err.contains(word), "{line}: {}", check.err);
        }
        if !line.contains("secret") && !line.contains("depth") {
            assert!(check.err.contains("resonance.toml"), "{line}: {}", check.err);
            assert!(check.err.contains("line 3"), "{line}: {}", check.err);
        }
    }
}

#[tokio::test]
async fn a_wrong_value_in_a_variable_or_a_flag_is_named_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, says) in [
        ("member-limit", "many", "invalid digit"),
        ("playground", "maybe", "true, false"),
        ("listen", "8080", "socket address"),
        ("log-format", "xml", "text, json"),
        ("public-url", "speech.example.org", "such as https://"),
        ("allowed-origins", "https://a.test/b", "without a path"),
        ("database-url", "mysql://x", "sqlite:PATH or postgres://"),
        ("blobs-url", "ftp://x", "file:folder"),
        ("mail-from", "nobody", "such as"),
        ("smtp-url", "mail.example.org", "smtps://"),
        ("job-lease-seconds", "0", "at least 1"),
        ("operator", "ada", "operator"),
        ("log", "info=loud", "a level such as info"),
    ] {
        let variable = format!("RESONANCE_{}", key.to_uppercase().replace('-', "_"));
        let by_variable = check(folder.path(), &[], &[(&variable, value)]).await;
        let by_flag = check(folder.path(), &[&format!("--{key}"), value], &[]).await;
        for check in [by_variable, by_flag] {
            assert!(matches!(check.code, Some(1 | 2)), "{key}: {check:#?}");
            let err = check.err.replace('_', "-");
            assert!(err.contains(key), "{key}: {}", check.err);
            assert!(check.err.contains(says), "{key}: {}", check.err);
        }
    }
}

#[tokio::test]
async fn no_message_about_the_configuration_repeats_a_secret() {
    const HIDDEN: &str = "hunter2-hunter2";
    let folder = tempfile::tempdir().unwrap();
    let in_url = |scheme: &str| format!("{scheme}://resonance:{HIDDEN}@127.0.0.1:1/x");
    for (variable, value) in [
        // Right, and nobody there.
        ("RESONANCE_DATABASE_URL", in_url("postgres")),
        // Wrong.
        ("RESONANCE_DATABASE_URL", in_url("mysql")),
        (
            "RESONANCE_DATABASE_URL",
            format!("postgres://resonance:{HIDDEN}@:x:/"),
        ),
        ("RESONANCE_SMTP_URL", in_url("http")),
        ("RESONANCE_SMTP_URL", format!("smtps://resonance:{HIDDEN}@")),
        ("RESONANCE_SECRET", HIDDEN.to_owned()),
    ] {
        let check = check(folder.path(), &[], &[(variable, &value)]).await;
        assert_eq!(check.code, Some(1), "{value}");
        let key = variable.trim_start_matches("RESONANCE_").to_lowercase();
        assert!(check.err.contains(&key), "{check:#?}");
        assert!(!format!("{check:?}").contains(HIDDEN), "{check:#?}");
    }
    // The commonest mistake: no quotes.
    for key in ["secret", "database_url", "smtp_url", "s3_secret_access_key"] {
        for file in [format!("{key} = {HIDDEN}"), format!("{key} = [\"{HIDDEN}\"]")] {
            std::fs::write(folder.path().join("resonance.toml"), file).unwrap();
            let check = check(folder.path(), &[], &[]).await;
            assert_eq!(check.code, Some(1));
            assert!(check.err.contains(key), "{check:#?}");
            assert!(!format!("{check:?}").contains(HIDDEN), "{check:#?}");
        }
    }
}
