//! Usage events.

use std::collections::BTreeMap;

use reqwest::Method;
use resonance_polar_sandbox::Usage;
use serde_json::{Value, json};

use crate::support::World;

async fn ingest(world: &World, events: Value) -> (u16, Value) {
    let answer = world.post("/v1/events/ingest", json!({ "events": events })).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn usage(customer: &str, events: u64, sums: &[(&str, i64)]) -> Usage {
    Usage {
        external_customer_id: Some(customer.to_owned()),
        name: "speech".to_owned(),
        events,
        sums: sums
            .iter()
            .map(|(key, sum)| ((*key).to_owned(), *sum))
            .collect::<BTreeMap<_, _>>(),
    }
}

#[tokio::test]
async fn what_comes_again_is_not_counted_again() {
    let world = World::new().await;
    let event = |id: &str, customer: &str, characters: i64| {
        json!({
            "name": "speech", "external_customer_id": customer, "external_id": id,
            "metadata": { "characters": characters, "seconds": 2, "voice": "alto", "rate": 1.5 },
        })
    };
    let batch = json!([
        event("1", "a", 10),
        event("2", "a", 20),
        event("3", "b", 5),
        event("1", "a", 10)
    ]);
    let answer = json!({ "inserted": 3, "duplicates": 1 });
    assert_eq!(ingest(&world, batch.clone()).await, (200, answer));
    let answer = json!({ "inserted": 0, "duplicates": 4 });
    assert_eq!(ingest(&world, batch).await, (200, answer));
    let expected = vec![
        usage("a", 2, &[("characters", 30), ("seconds", 4)]),
        usage("b", 1, &[("characters", 5), ("seconds", 2)]),
    ];
    assert_eq!(world.sandbox.usage(), expected);
    let told: Vec<Usage> = serde_json::from_value(world.get("/sandbox/usage").await).unwrap();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn one_wrong_event_lets_none_in_and_is_named_by_its_place() {
    let world = World::new().await;
    let well = json!({ "name": "speech", "external_customer_id": "a", "external_id": "1" });
    let of_nobody = json!({ "name": "speech" });
    let (status, answer) = ingest(&world, json!([well, well, well, of_nobody])).await;
    assert_eq!(status, 422);
    assert_eq!(
        answer["detail"][0]["loc"],
        json!(["body", "events", 3, "external_customer_id"])
    );
    let nested = json!({ "name": "speech", "external_customer_id": "a", "metadata": { "list": [1] } });
    let (status, answer) = ingest(&world, json!([well, nested, "text"])).await;
    assert_eq!(status, 422);
    assert_eq!(
        answer["detail"][0]["loc"],
        json!(["body", "events", 1, "metadata", "list"])
    );
    assert_eq!(answer["detail"][1]["loc"], json!(["body", "events", 2]));
    assert_eq!(world.sandbox.usage(), []);
    // What was refused was not remembered either.
    assert_eq!(ingest(&world, json!([well])).await.1["inserted"], 1);
}

#[tokio::test]
async fn times_to_come_and_more_than_a_thousand_are_refused() {
    let world = World::new().await;
    let at = |seconds: i64| {
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        json!({
            "name": "speech", "external_customer_id": "a",
            "timestamp": (now + chrono::TimeDelta::seconds(seconds)).to_rfc3339(),
        })
    };
    assert_eq!(ingest(&world, json!([at(-5), at(30)])).await.0, 200);
    let (status, answer) = ingest(&world, json!([at(-5), at(90)])).await;
    assert_eq!(
        (status, &answer["detail"][0]["loc"]),
        (422, &json!(["body", "events", 1, "timestamp"]))
    );
    assert_eq!(ingest(&world, json!(vec![at(0); 1_000])).await.0, 200);
    let (status, answer) = ingest(&world, json!(vec![at(0); 1_001])).await;
    assert_eq!(
        (status, &answer["detail"][0]["loc"]),
        (422, &json!(["body", "events"]))
    );
    assert_eq!(world.sandbox.usage()[0].events, 1_002);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let world = World::new().await;
    let request = world.asks(Method::POST, "/v1/events/ingest").body("{");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["detail"][0]["type"], "json_invalid");
}
