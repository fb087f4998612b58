//! What goes wrong on request.

use std::time::{Duration, Instant};

use reqwest::Method;
use resonance_polar_sandbox::{Faults, Options};
use serde_json::{Value, json};

use crate::support::{World, options};

fn event(id: usize) -> Value {
    json!({ "events": [{ "name": "speech", "external_customer_id": "a", "external_id": id.to_string() }] })
}

impl World {
    /// Sends events that have not been sent before; the answers' statuses, 0 where there was no whole answer.
    async fn sends(&self, ids: std::ops::Range<usize>) -> Vec<u16> {
        let mut statuses = Vec::new();
        for id in ids {
            let request = self.asks(Method::POST, "/v1/events/ingest").json(&event(id));
            let status = match request.send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.bytes().await.map_or(0, |_| status)
                }
                Err(_) => 0,
            };
            statuses.push(status);
        }
        statuses
    }

    fn counted(&self) -> usize {
        let usage = self.sandbox.usage();
        usage
            .first()
            .map_or(0, |usage| usize::try_from(usage.events).unwrap())
    }
}

#[tokio::test]
async fn whoever_is_down_or_asked_too_much_does_nothing() {
    let world = World::new().await;
    world.sandbox.set_faults(Faults {
        down: true,
        ..Faults::default()
    });
    assert_eq!(world.sends(0..1).await, [503]);
    let set = world
        .asks(Method::PUT, "/sandbox/faults")
        .body(r#"{"too_many": true}"#);
    assert_eq!(set.send().await.unwrap().status(), 200);
    let answer = world.post("/v1/events/ingest", event(0)).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(world.counted(), 0);
    let faults: Faults = serde_json::from_value(world.get("/sandbox/faults").await).unwrap();
    assert!(faults.too_many && !faults.down);
    let set = world.asks(Method::PUT, "/sandbox/faults").body("{}");
    assert_eq!(set.send().await.unwrap().status(), 200);
    assert_eq!(world.sends(0..1).await, [200]);
    assert_eq!(world.counted(), 1);
    let unknown = world
        .asks(Method::PUT, "/sandbox/faults")
        .body(r#"{"dwon": true}"#);
    assert_eq!(unknown.send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn whoever_hangs_does_nothing_and_whoever_is_slow_does_it() {
    let world = World::new().await;
    let patience = Duration::from_millis(100);
    for (faults, done) in [
        (
            Faults {
                hang_ms: 5_000,
                ..Faults::default()
            },
            0,
        ),
        (
            Faults {
                slow_ms: 5_000,
                ..Faults::default()
            },
            1,
        ),
    ] {
        world.sandbox.set_faults(faults);
        let request = world.asks(Method::POST, "/v1/events/ingest").json(&event(0));
        let error = request.timeout(patience).send().await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(world.counted(), done);
    }
    world.sandbox.set_faults(Faults {
        hang_ms: 50,
        ..Faults::default()
    });
    let start = Instant::now();
    assert_eq!(world.sends(1..2).await, [504]);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn errors_come_before_it_is_done_and_lost_answers_after() {
    let world = World::new().await;
    let rate = Faults {
        error_rate: 0.5,
        seed: 7,
        ..Faults::default()
    };
    world.sandbox.set_faults(rate);
    let statuses = world.sends(0..40).await;
    let failed = statuses.iter().filter(|status| **status == 500).count();
    assert!((5..=35).contains(&failed), "{statuses:?}");
    assert_eq!(world.counted(), 40 - failed);
    // The same seed throws the same.
    world.sandbox.set_faults(rate);
    assert_eq!(world.sends(0..40).await, statuses);

    world.sandbox.reset();
    world.sandbox.set_faults(Faults {
        lost_answer_rate: 1.0,
        ..Faults::default()
    });
    let statuses = world.sends(0..20).await;
    assert!(
        statuses.iter().all(|status| [0, 502].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&0) && statuses.contains(&502), "{statuses:?}");
    assert_eq!(world.counted(), 20);
}

#[tokio::test]
async fn calls_beyond_the_limit_are_told_when_to_come_again() {
    let world = World::with(Options {
        requests_per_minute: Some(3),
        ..options()
    })
    .await;
    assert_eq!(world.sends(0..5).await, [200, 200, 200, 429, 429]);
    let answer = world.post("/v1/events/ingest", event(9)).await;
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((55..=60).contains(&seconds), "{seconds}");
    assert_eq!(world.counted(), 3);
    // Those that were refused are counted too, where calls are counted.
    assert_eq!(world.sandbox.requests()["POST /v1/events/ingest"], 6);
    assert_eq!(
        world.get("/sandbox/requests").await,
        json!({ "POST /v1/events/ingest": 6 })
    );
}
