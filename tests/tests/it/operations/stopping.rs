//! A node that is told to stop, as at every upgrade.

use resonance_testkit::{Backend, on_both};
use serde_json::json;
use tests::{Person, Server};
use tokio::net::TcpListener;

use super::until;

/// A lease that no test waits for: whoever goes on before it is over was given the work.
const LEASE: (&str, &str) = ("RESONANCE_JOB_LEASE_SECONDS", "600");
const ONE_AT_A_TIME: (&str, &str) = ("RESONANCE_SPEECH_CONCURRENCY", "1");

/// Somebody who has texts spoken.
async fn speaker(server: &Server, texts: usize, sentences: usize) -> (Person, Vec<String>) {
    let ada = server.sign_up("Ada", "ada@stopping.test").await;
    let organization = ada.found("Acme", "acme").await;
    let voice = ada.client.system_voice().await;
    let mut asked = Vec::new();
    for n in 0..texts {
        let text = format!(
            "Number {n}. {}",
            "It goes on and on, and nobody listens. ".repeat(sentences)
        );
        asked.push(ada.speak(&organization, &voice, &text).await);
    }
    (ada, asked)
}

async fn generations(server: &Server, state: &str) -> usize {
    server
        .count(&format!("generations WHERE state = '{state}'"))
        .await
}

/// Everything that was asked for is spoken in the end, and on the ledger once.
async fn all_is_spoken_once(server: &Server, ada: &Person, asked: &[String]) {
    let ada = Person {
        client: ada.client.at(server),
        ..ada.clone()
    };
    for id in asked {
        assert_eq!(ada.hear(id).await, "SUCCEEDED");
    }
    for kind in ["hold", "settle"] {
        let entries = server
            .count(&format!("usage_entries WHERE kind = '{kind}'"))
            .await;
        assert_eq!(entries, asked.len(), "{kind}");
    }
    assert_eq!(server.count("usage_entries WHERE kind = 'release'").await, 0);
    server.settle().await;
    // The pieces of long texts are removed later: somebody may be listening to them.
    assert_eq!(server.count("jobs WHERE queue NOT IN ('sweep', 'bill')").await, 0);
}

on_both! {
    async fn a_node_that_stops_ends_what_it_began_and_leaves_the_rest_to_the_next_one(backend: Backend) {
        let mut server = Server::start_with(backend, &[LEASE, ONE_AT_A_TIME]).await;
        let (ada, asked) = speaker(&server, 4, 40).await;
        // Whoever listens does not hold the node up.
        let query = "subscription($id: ID!) { generation(id: $id) { state } }";
        let mut socket = ada.client.subscribe(&server, query, json!({ "id": asked[3] })).await;
        until("something is being spoken", async || generations(&server, "running").await > 0).await;
        server.stop().await;
        while socket.hear().await.is_some() {}
        let log = server.log();
        assert!(log.iter().any(|line| line.contains("\"stopped\"")), "{log:#?}");
        assert!(!log.iter().any(|line| line.contains("given up")), "{log:#?}");

        assert_eq!(generations(&server, "running").await, 0);
        assert_eq!(server.count("jobs WHERE state = 'running'").await, 0);
        assert!(generations(&server, "queued").await > 0, "it went on to the end instead of stopping");
        let server = server.restart().await;
        all_is_spoken_once(&server, &ada, &asked).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_ended_in_time_is_handed_back() {
    // An object store that takes connections and never answers.
    let silence = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silence.local_addr().unwrap());
    let held = [
        LEASE,
        ONE_AT_A_TIME,
        ("RESONANCE_BLOBS_URL", "s3://speech"),
        ("RESONANCE_S3_ENDPOINT", &endpoint),
        ("RESONANCE_S3_ACCESS_KEY_ID", "id"),
        ("RESONANCE_S3_SECRET_ACCESS_KEY", "key"),
    ];
    let mut server = Server::start_with(Backend::Postgres, &held).await;
    let (ada, asked) = speaker(&server, 1, 1).await;
    // The upload has begun: nothing but the answer is missing.
    let (_upload, _) = silence.accept().await.unwrap();
    server.stop().await;
    assert_eq!(generations(&server, "queued").await, 1);
    assert_eq!(server.count("jobs WHERE state = 'queued'").await, 1);

    let server = server.site().serve(&[LEASE]).await;
    all_is_spoken_once(&server, &ada, &asked).await;
}
