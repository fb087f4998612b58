//! What balancers and monitors ask.

use std::collections::{BTreeMap, BTreeSet};

use resonance_testkit::{Backend, on_both};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tests::{Client, Server};

use super::until;

/// The status and the body of a path.
async fn get(client: &Client, path: &str) -> (u16, String) {
    let response = client.get(path).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_database_is_alive_but_not_ready_until_it_is_back() {
    let server = Server::start(Backend::Postgres).await;
    let ada = server.sign_up("Ada", "ada@ready.test").await;
    let client = server.anonymous();
    assert_eq!(get(&client, "/healthz").await, (200, "ok".to_owned()));
    let ready = client.fetch("/readyz").await;
    assert_eq!(ready.status, 200);
    let mut told = ready.json();
    let depths = told.as_object_mut().unwrap().remove("queues").unwrap();
    assert_eq!(
        (&depths["speak"], &depths["purge"]),
        (&json!(0), &json!(0)),
        "{depths}"
    );
    assert_eq!(
        told,
        json!({ "ready": true, "checks": { "database": "ok", "objects": "ok" }, "engines": { "builtin": "ok" } })
    );
    assert!(
        ready
            .headers
            .contains(&("cache-control".to_owned(), "no-store".to_owned())),
        "{ready:#?}"
    );

    let (url, name) = server.database_url().rsplit_once('/').unwrap();
    let name = name.split('?').next().unwrap();
    let mut admin = PgConnection::connect(&format!("{url}/postgres")).await.unwrap();
    let mut execute = async |statement: String| {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    };
    execute(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    execute(format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    until("the node is not ready", async || {
        get(&client, "/readyz").await.0 == 503
    })
    .await;
    let unready = client.fetch("/readyz").await;
    assert_eq!(
        unready.json(),
        json!({ "ready": false, "checks": { "database": "unavailable", "objects": "ok" }, "engines": { "builtin": "ok" },
            "queues": null })
    );
    assert_eq!(
        get(&client, "/healthz").await,
        (200, "ok".to_owned()),
        "a restart would not help"
    );
    assert_eq!(get(&client, "/metrics").await.0, 200);
    // Credentials that cannot be looked up are not wrong ones: nobody is signed out by an outage.
    let answer = ada.client.answer("{ viewer { id } }", json!({})).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "INTERNAL"),
        "{answer:#?}"
    );
    assert!(
        answer.headers.iter().any(|(name, _)| name == "retry-after"),
        "{answer:#?}"
    );

    execute(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    until("the node is ready again", async || {
        get(&client, "/readyz").await.0 == 200
    })
    .await;
    let data = ada.client.data("{ viewer { id } }", json!({})).await;
    assert_eq!(data["viewer"]["id"], ada.user.as_str());
    // So is what it does in the background.
    let organization = ada.found("Acme", "acme").await;
    ada.invite(&organization, "org:member", &["max@ready.test"]).await;
    server.join("Max", "max@ready.test").await;
}

/// Metrics in Prometheus' text format: the kind of each family, and each sample's value by name and labels.
struct Metrics {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    async fn of(server: &Server) -> Self {
        let response = server.anonymous().get("/metrics").await;
        assert_eq!(response.status(), 200);
        // Without a type that it knows, Prometheus refuses the answer.
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/plain"), "{kind}");
        assert!(kind.contains("version=0.0.4"), "{kind}");
        Self::read(&response.text().await.unwrap())
    }

    fn read(text: &str) -> Self {
        let (mut kinds, mut samples) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(line) = line.strip_prefix("# TYPE ") {
                let (name, kind) = line.split_once(' ').unwrap();
                assert!(
                    ["counter", "gauge", "histogram", "summary"].contains(&kind),
                    "{line}"
                );
                let twice = kinds.insert(name.to_owned(), kind.to_owned());
                assert!(twice.is_none(), "{line}");
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let name = sample.split('{').next().unwrap();
                assert!(
                    name.chars()
                        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'),
                    "{line}"
                );
                if let Some((_, labels)) = sample.split_once('{') {
                    assert!(labels.ends_with("\"}") && labels.contains("=\""), "{line}");
                }
                let of_histogram = ["_bucket", "_sum", "_count"];
                let family = of_histogram
                    .iter()
                    .find_map(|suffix| name.strip_suffix(suffix))
                    .unwrap_or(name);
                assert!(
                    kinds.contains_key(family) || kinds.contains_key(name),
                    "no type: {line}"
                );
                let twice = samples.insert(sample.to_owned(), value.parse().unwrap());
                assert!(twice.is_none(), "{line}");
            }
        }
        Self { kinds, samples }
    }

    fn jobs(&self, queue: &str, state: &str) -> f64 {
        self.samples[&format!("resonance_jobs{{queue=\"{queue}\",state=\"{state}\"}}")]
    }
}

on_both! {
    async fn metrics_are_prometheus_text_and_show_the_jobs_that_are_there(backend: Backend) {
        let server = Server::start_with(backend, &[("RESONANCE_SPEECH_CONCURRENCY", "1")]).await;
        let ada = server.sign_up("Ada", "ada@metrics.test").await;
        let organization = ada.found("Acme", "acme").await;
        server.settle().await;
        let metrics = Metrics::of(&server).await;
        assert_eq!(metrics.kinds["resonance_jobs"], "gauge");
        assert_eq!(metrics.kinds["resonance_http_request_seconds"], "histogram");
        let routes = metrics.samples.iter().filter(|(sample, count)| {
            sample.starts_with("resonance_http_request_seconds_count") && **count > 0.0
        });
        assert!(routes.into_iter().any(|(sample, _)| {
            sample.contains("route=\"/graphql\"") && sample.contains("status=\"200\"")
        }));
        // Queues are there before they hold anything, or no alarm could be set.
        let gauges: BTreeSet<_> =
            metrics.samples.keys().filter(|sample| sample.starts_with("resonance_jobs{")).collect();
        assert_eq!(gauges.len(), 24, "{gauges:#?}");
        for queue in ["mail", "speak", "sweep", "purge", "preview"] {
            for state in ["waiting", "queued", "running", "dead"] {
                assert_eq!(metrics.jobs(queue, state), 0.0, "{queue} {state}");
            }
        }

        // What was cancelled leaves a removal that waits for uploads to end.
        let voice = ada.client.system_voice().await;
        let mut asked = Vec::new();
        for n in 0..3 {
            let text = format!("{n}. {}", "This is going to take a while. ".repeat(150));
            asked.push(ada.speak(&organization, &voice, &text).await);
        }
        for id in asked.iter().rev() {
            let input = json!({ "id": id });
            ada.client.mutate("cancelGeneration", "CancelGenerationInput", "__typename", input).await;
        }
        server.settle().await;
        let metrics = Metrics::of(&server).await;
        assert_eq!(metrics.jobs("sweep", "waiting"), 3.0);
        assert_eq!(metrics.jobs("speak", "queued"), 0.0);
        // A job that was given up shows, for somebody to look at it.
        server.execute("UPDATE jobs SET state = 'dead'").await;
        let metrics = Metrics::of(&server).await;
        assert_eq!((metrics.jobs("sweep", "waiting"), metrics.jobs("sweep", "dead")), (0.0, 3.0));
    }
}
