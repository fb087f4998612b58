//! A receiver built on somebody else's library.

use std::process::{Command, Stdio};

use resonance_testkit::Backend;

use super::Shop;

/// Verifies what stands in the arguments with the published library for JavaScript.
const VERIFY: &str = "
const { Webhook } = require('standardwebhooks');
const [secret, id, timestamp, signature, body] = process.argv.slice(1);
try {
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  console.log('accepted ' + new Webhook(secret).verify(body, headers).type);
} catch (error) {
  console.log('rejected');
}";

/// Installs the library into a folder; `false` where there is no npm or no registry.
fn install(folder: &std::path::Path) -> bool {
    let npm = Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "standardwebhooks@1",
        ])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    npm.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_library_accepts_a_delivery_and_rejects_a_tampered_one() {
    let folder = tempfile::tempdir().unwrap();
    if !install(folder.path()) {
        eprintln!("skipped: npm cannot install standardwebhooks here");
        return;
    }
    let shop = Shop::new(Backend::Sqlite).await;
    let endpoint = shop.endpoint(&["organization.*"]).await;
    let request = shop.as_ada().await;
    let old = request.webhooks().secret(&endpoint);
    let rotated = request
        .webhooks()
        .rotate_secret(super::address(&endpoint), None)
        .await
        .unwrap();
    let new = request.webhooks().secret(&rotated);
    shop.rename("Grüße 🎙").await;
    shop.settle().await;
    let got = shop.receiver.take().remove(0);
    let verify = |secret: &str, id: &str, body: &str| {
        let [timestamp, signature] =
            ["webhook-timestamp", "webhook-signature"].map(|name| &got.headers[name]);
        let output = Command::new("node")
            .args(["-e", VERIFY, secret, id, timestamp, signature, body])
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let id = &got.headers["webhook-id"];
    // The old secret is good for a day yet.
    for secret in [&old, &new] {
        assert_eq!(verify(secret, id, &got.body), "accepted organization.updated");
    }
    let tampered = got.body.replace("Grüße", "Gruesse");
    assert_eq!(verify(&new, id, &tampered), "rejected");
    assert_eq!(verify(&new, "evt_another", &got.body), "rejected");
    let foreign = format!("whsec_{}=", "A".repeat(43));
    assert_eq!(verify(&foreign, id, &got.body), "rejected");
}
