//! What a public decoder of Clerk's session tokens makes of ours, where node and npm are there to run it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use resonance_authz::Permission;
use resonance_identity::RsaKey;
use resonance_testkit::{Instance, on_both};
use serde_json::{Value, json};

use crate::{
    roles::{holder, make},
    roles_of_the_instance::{new_role, operator, register},
};

/// A key that is published with the source, for tests alone.
const KEY: &[u8] = include_bytes!("../../../identity/tests/rsa-2048.pem");

/// Installs the decoder outside the source tree; `None` if that cannot be done here.
fn install(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clerk");
    for name in ["package.json", "package-lock.json", "check.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    if !folder.join("node_modules/@clerk/backend/package.json").exists() {
        let mut install = Command::new("npm");
        install
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder);
        match install.output() {
            Ok(output) if output.status.success() => {}
            other => {
                eprintln!("skipped: npm could not install the decoder: {other:?}");
                return None;
            }
        }
    }
    Some(folder)
}

/// What the decoder says.
fn decoded(folder: &Path, question: &Value) -> Value {
    let mut node = Command::new("node")
        .arg("check.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

on_both! {
    async fn clerks_own_library_takes_our_tokens_and_gives_the_permissions_that_our_engine_gives(backend: Backend) {
        let folder = tokio::task::spawn_blocking(move || install(&format!("clerk-{backend:?}"))).await.unwrap();
        let Some(folder) = folder else { return };
        let key = RsaKey::from_pem(KEY).unwrap();
        let instance = Instance::with(backend, |settings| settings.jwt_rsa_key = Some(key)).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.set_member_limit(acme, 0).await;
        let registered = ["org:invoices:create", "org:invoices:read", "org:in-voices_2:re-open", "org:voices:sing"];
        register(&instance, &ada, &registered).await;
        let request = instance.request_of(&ada).await;
        for (key, permissions) in [
            ("org:accountant", &["org:invoices:create", "org:invoices:read", "org:sys_billing:read"][..]),
            ("org:singer", &["org:voices:sing", "org:voices:read", "org:generations:create"][..]),
            ("org:nothing", &[][..]),
        ] {
            make(&request, acme, key, permissions).await.unwrap();
        }
        let reopener = new_role("org:re_opener", &["org:in-voices_2:re-open", "org:usage:read"]);
        request.instance_roles().create(&operator(&ada), reopener).await.unwrap();

        let roles = ["org:admin", "org:member", "org:accountant", "org:singer", "org:nothing", "org:re_opener"];
        // Those of the system stay out of tokens, as Clerk's do.
        let product = Permission::ALL.iter().filter(|permission| !permission.is_system());
        let asked: Vec<&str> = product.map(|permission| permission.key()).chain(registered).collect();
        let mut people = vec![ada.clone()];
        for role in &roles[1..] {
            people.push(holder(&instance, &ada, acme, role.trim_start_matches("org:"), role).await);
        }
        let mut cases = Vec::new();
        let mut expected = Vec::new();
        for (person, role) in people.iter().zip(roles) {
            let request = instance.request_of(person).await;
            let token = request.accounts().mint_jwt(Some(acme)).await.unwrap().token;
            let standing = request.standing(acme).await.unwrap();
            cases.push(json!({ "token": token, "permissions": asked, "roles": roles }));
            expected.push(json!({
                "user": person.user.type_id(),
                "session": request.account().unwrap().session.id.type_id(),
                "organization": acme.type_id(),
                "slug": "acme",
                "role": role,
                "permissions": asked.iter().map(|key| standing.allows(key)).collect::<Vec<_>>(),
                "roles": roles.map(|other| other == role),
            }));
        }
        let question = json!({
            "now": instance.clock.now().timestamp_millis(),
            "jwks": instance.services.jwks(),
            "cases": cases,
        });
        let answers = tokio::task::spawn_blocking(move || decoded(&folder, &question)).await.unwrap();
        assert_eq!(answers, Value::Array(expected));
    }
}
