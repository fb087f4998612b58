//! The policy as a table that a person can read, kept in `docs/authz-matrix.txt`.

use std::{fmt::Write, fs, path::Path};

use resonance_authz::{ACTIONS, Actor, Denied, Extent, Permission, StandError, Standing};
use resonance_domain::RoleKey;

use crate::one_member::{STRANGER, ada, ada_on_record, standing, unknown_role};

const LEGEND: &str = "\
Who may do what. Written by the tests of resonance-authz (UPDATE_MATRIX=1 cargo test -p resonance-authz); read the
difference when it changes.

  yes        with everything of the organization
  own        only with what one made oneself
  -          no

The custom role is one with the permissions org:generations:create and org:invoices:create, the latter registered by an
operator.
";

/// The columns: who asks, and what they are in the organization.
fn columns() -> [(&'static str, Result<Standing, Denied>); 6] {
    let stranger = match standing(STRANGER, Some(RoleKey::ADMIN)) {
        Err(StandError::Denied(denied)) => Err(denied),
        other => panic!("{other:?}"),
    };
    [
        ("admin", Ok(ada(RoleKey::ADMIN))),
        ("member", Ok(ada(RoleKey::MEMBER))),
        (
            "custom role",
            Ok(ada_on_record(
                unknown_role(),
                "org:generations:create org:invoices:create",
            )),
        ),
        ("unknown role", Ok(ada(unknown_role()))),
        ("stranger", stranger),
        (
            "anonymous",
            Actor::Anonymous.signed_in().map(|_| ada(RoleKey::ADMIN)),
        ),
    ]
}

/// How far somebody reaches with a permission; none stands for what every member may.
fn cell(who: &Result<Standing, Denied>, permission: Option<Permission>) -> &'static str {
    let Ok(standing) = who else { return "-" };
    match permission.map_or(Some(Extent::All), |permission| standing.reaches(permission)) {
        Some(Extent::All) => "yes",
        Some(Extent::Own) => "own",
        None => "-",
    }
}

/// What a refusal looks like to somebody.
fn refusal(who: &Result<Standing, Denied>) -> &'static str {
    match who {
        Ok(_) => "FORBIDDEN",
        Err(Denied::NotVisible) => "NOT_FOUND",
        Err(Denied::Unauthenticated) => "UNAUTHENTICATED",
        Err(other) => panic!("{other:?}"),
    }
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = &'static str>) {
    let mut line = format!("{name:<27}");
    for cell in cells {
        write!(line, "{cell:<14}").unwrap();
    }
    writeln!(text, "{}", line.trim_end()).unwrap();
}

fn matrix() -> String {
    let mut text = format!("{LEGEND}\n");
    let columns = columns();
    row(&mut text, "permission", columns.iter().map(|(name, _)| *name));
    row(
        &mut text,
        "(any membership)",
        columns.iter().map(|(_, who)| cell(who, None)),
    );
    for permission in Permission::ALL {
        let cells = columns.iter().map(|(_, who)| cell(who, Some(*permission)));
        row(&mut text, permission.key(), cells);
    }
    for key in ["org:invoices:create", "org:invoices:delete"] {
        let cells = columns.iter().map(|(_, who)| match who {
            Ok(standing) if standing.allows(key) => "yes",
            _ => "-",
        });
        row(&mut text, key, cells);
    }
    row(&mut text, "", []);
    row(
        &mut text,
        "what is refused is",
        columns.iter().map(|(_, who)| refusal(who)),
    );
    row(&mut text, "", []);
    row(&mut text, "action", ["needs"]);
    for (action, permission) in ACTIONS {
        row(
            &mut text,
            action,
            [permission.map_or("(any membership)", Permission::key)],
        );
    }
    text
}

#[test]
fn the_committed_matrix_is_what_the_policy_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/authz-matrix.txt");
    let now = matrix();
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by the environment"
    )]
    if std::env::var("UPDATE_MATRIX").is_ok() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, now,
        "the policy changed: run with UPDATE_MATRIX=1 and read the difference"
    );
}
