//! Polar's own client, from its registry, at the sandbox.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Came, LARGE, Receiver, SECRET, STANDARD, TOKEN};

const CLIENT: &str = "node_modules/@polar-sh/sdk/package.json";
const STATES: [&str; 8] = [
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
];

/// Installs the client outside the source tree; where it is. `None` if that cannot be done here.
fn install() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(target.join("polar.lock")).unwrap();
    lock.lock().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let folder = target.join("polar-node");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json", "calls.mjs", "webhooks.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdout(Stdio::null());
    let installed = folder.join(CLIENT).exists() || npm.status().is_ok_and(|status| status.success());
    if !installed {
        eprintln!("SKIPPED: npm could not install Polar's client");
        return None;
    }
    Some(folder)
}

/// What a script says.
fn told(folder: &Path, script: &str, question: &Value) -> Value {
    let mut node = Command::new("node")
        .arg(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let question = question.to_string();
    node.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn polars_client_understands_every_answer_and_every_webhook() {
    let Some(folder) = tokio::task::spawn_blocking(install).await.unwrap() else {
        return;
    };
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    let question = json!({
        "url": world.sandbox.base_url(), "token": TOKEN, "product": STANDARD, "other": LARGE, "states": STATES,
    });
    let script = folder.clone();
    let calls = tokio::task::spawn_blocking(move || told(&script, "calls.mjs", &question));
    let told_of_calls = calls.await.unwrap();
    check_calls(&told_of_calls);
    // Every path of the API was called.
    let requests = world.sandbox.requests();
    assert_eq!(requests.len(), 19, "{requests:?}");

    world.settled().await;
    let came = receiver.came();
    let mut tampered = came[0].clone();
    tampered.body = tampered.body.replace("customer.created", "customer.deleted");
    let mut forged = came[0].clone();
    forged
        .headers
        .insert("webhook-signature".to_owned(), "v1,AAAA".to_owned());
    let mut all = came.clone();
    all.extend([tampered, forged]);
    let question = json!({ "secret": SECRET, "webhooks": all });
    let checking = tokio::task::spawn_blocking(move || told(&folder, "webhooks.mjs", &question));
    let answers = checking.await.unwrap();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), came.len() + 2);
    for (answer, webhook) in answers.iter().zip(&came) {
        let webhook = webhook.json();
        assert_eq!(*answer, json!([webhook["type"], webhook["data"]["id"], true]));
    }
    for answer in &answers[came.len()..] {
        assert_eq!(answer[0], "WebhookVerificationError", "{answer}");
    }
    let mut kinds: Vec<String> = came.iter().map(Came::kind).collect();
    kinds.sort();
    kinds.dedup();
    let expected = [
        "checkout.created",
        "checkout.updated",
        "customer.created",
        "customer.deleted",
        "order.created",
        "order.paid",
        "order.updated",
        "subscription.active",
        "subscription.canceled",
        "subscription.created",
        "subscription.past_due",
        "subscription.revoked",
        "subscription.uncanceled",
        "subscription.updated",
    ];
    assert_eq!(kinds, expected);
}

fn check_calls(told: &Value) {
    let is = |name: &str, expected: Value| assert_eq!(told[name], expected, "{name}");
    is(
        "customers",
        json!({
            "made": ["individual", "ada@example.com", "org_ada", "Ada", { "plan": "pro", "seats": 3 }, true],
            "team": ["team", null, "org_team"],
            "same": true,
            "listed": ["org_team", "org_ada"],
            "byEmail": 1,
        }),
    );
    is(
        "events",
        json!({
            "first": { "inserted": 2, "duplicates": 1 },
            "again": { "inserted": 1, "duplicates": 1 },
            "byId": { "inserted": 1, "duplicates": 0 },
            "stranger": { "inserted": 1, "duplicates": 0 },
            "page": [1, { "totalCount": 4, "maxPage": 2 }, { "characters": 5, "voice": "alto" }, true],
            "source": "user",
            "withoutCustomer": ["org_later"],
        }),
    );
    is(
        "checkouts",
        json!({
            "open": ["open", 2000, "usd", "Standard", true],
            "paid": ["succeeded", true, true],
            "successUrl": true,
        }),
    );
    let metadata = json!({ "organization": "org_new" });
    is(
        "subscription",
        json!(["active", "org_new", STANDARD, 2000, metadata, 2000, true]),
    );
    assert!(
        (28..=31).contains(&told["days"].as_i64().unwrap()),
        "{}",
        told["days"]
    );
    is("states", json!(STATES));
    is(
        "listed",
        json!({
            "mine": [true],
            "byId": 1,
            "active": ["org_active", "org_trialing", "org_new"],
            "inactive": 6,
            "two": 2,
            "state": [[true, "active"]],
        }),
    );
    is(
        "changed",
        json!({
            "canceled": ["active", true, true, "too_expensive"],
            "resumed": ["active", false, null, null],
            "product": ["Large", 9900, 9900],
            "renewed": true,
            "revoked": ["canceled", true],
        }),
    );
    let order = |reason: &str, cents: i64| json!([reason, cents, true, true]);
    let orders = json!([
        order("subscription_cycle", 9900),
        order("subscription_create", 2000)
    ]);
    is("orders", orders);
    is("invoice", json!(true));
    is("session", json!([true, "org_new", "org_ada"]));
    is(
        "products",
        json!([["Standard", "month", 2000], ["Large", "month", 9900]]),
    );
    is("product", json!("Large"));
    is("deleted", json!([["canceled"], true]));
    let unknown = json!(["ResourceNotFound", 404, "ResourceNotFound"]);
    let canceled = json!(["AlreadyCanceledSubscription", 403, "AlreadyCanceledSubscription"]);
    let invalid = |place: Value| json!(["HTTPValidationError", 422, [place]]);
    is(
        "refused",
        json!({
            "no token": ["SDKError", 401, null],
            "a wrong token": ["SDKError", 401, null],
            "a customer twice": ["HTTPValidationError", 422, [["body", "email"], ["body", "external_id"]]],
            "no such customer": unknown,
            "no state": unknown,
            "an event to come": invalid(json!(["body", "events", 1, "timestamp"])),
            "an event of nobody": invalid(json!(["body", "events", 0, "customer_id"])),
            "no such checkout": unknown,
            "no such product": invalid(json!(["body", "products", 1])),
            "no such buyer": invalid(json!(["body", "customer_id"])),
            "a team without a member": invalid(json!(["body", "member_id"])),
            "no such session": invalid(json!(["body", "external_customer_id"])),
            "no such subscription": unknown,
            "another product": invalid(json!(["body", "product_id"])),
            "no such order": unknown,
            "invoice that is not there": unknown,
            "canceled again": canceled,
            "revoked again": canceled,
            "deleted": unknown,
        }),
    );
}
