//! Webhooks, and what goes wrong with them.

use std::{collections::BTreeMap, time::Duration};

use resonance_polar_sandbox::{Faults, Status};
use serde_json::json;

use crate::support::{Came, Receiver, SECRET, STANDARD, World, within};

const BEGINNING: [&str; 4] = [
    "customer.created",
    "subscription.created",
    "subscription.active",
    "subscription.updated",
];

fn begin(world: &World) {
    let begun = world.sandbox.create_subscription("a", STANDARD, Status::Active);
    assert_eq!(begun.unwrap()["customer"]["external_id"], "a");
}

fn id(came: &Came) -> String {
    came.headers["webhook-id"].clone()
}

#[tokio::test]
async fn webhooks_are_tried_again_until_they_are_taken_and_keep_their_order() {
    let receiver = Receiver::refusing(3).await;
    let world = receiver.world().await;
    begin(&world);
    world.settled().await;
    let came = receiver.came();
    let kinds: Vec<String> = came.iter().map(Came::kind).collect();
    assert_eq!(
        kinds[..3],
        ["customer.created", "customer.created", "customer.created"]
    );
    assert_eq!(kinds[3..], BEGINNING);
    // It is the same one that comes again, and the others are others.
    assert!(
        came[..4]
            .iter()
            .all(|again| id(again) == id(&came[0]) && again.body == came[0].body)
    );
    assert!(came[4..].iter().all(|other| id(other) != id(&came[0])));
    assert_eq!(world.sandbox.deliveries().delivered, 4);
}

#[tokio::test]
async fn webhooks_that_nobody_takes_are_given_up() {
    let receiver = Receiver::refusing(10).await;
    let world = receiver.world().await;
    begin(&world);
    world.settled().await;
    let deliveries = world.sandbox.deliveries();
    assert_eq!((deliveries.failed, deliveries.delivered), (1, 3));
    assert_eq!(receiver.kinds()[10..], BEGINNING[1..]);
}

#[tokio::test]
async fn webhooks_come_twice_with_the_same_id() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    world.sandbox.set_faults(Faults {
        webhooks_duplicate: true,
        ..Faults::default()
    });
    begin(&world);
    world.settled().await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for came in receiver.came() {
        *times.entry(id(&came)).or_default() += 1;
    }
    assert_eq!(times.into_values().collect::<Vec<_>>(), [2, 2, 2, 2]);
}

#[tokio::test]
async fn webhooks_come_in_another_order() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    world.sandbox.set_faults(Faults {
        webhooks_reorder: true,
        ..Faults::default()
    });
    begin(&world);
    world.settled().await;
    let mut kinds = receiver.kinds();
    assert_ne!(kinds, BEGINNING);
    kinds.sort();
    let mut expected = BEGINNING;
    expected.sort_unstable();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn webhooks_are_late_or_never_come() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    world.sandbox.set_faults(Faults {
        webhooks_drop: true,
        ..Faults::default()
    });
    begin(&world);
    world.sandbox.set_faults(Faults {
        webhooks_delay_ms: 150,
        ..Faults::default()
    });
    assert_eq!(world.sandbox.deliveries().dropped, 4);
    let made = json!({ "type": "individual", "email": "b@example.com" });
    assert_eq!(world.post("/v1/customers/", made).await.status(), 201);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(receiver.kinds().is_empty());
    world.settled().await;
    assert_eq!(receiver.kinds(), ["customer.created"]);
}

#[tokio::test]
async fn webhooks_go_where_they_are_sent_later_and_not_after_all_is_forgotten() {
    let nowhere = Receiver::refusing(usize::MAX).await;
    let world = nowhere.world().await;
    begin(&world);
    within(Duration::from_secs(5), || !nowhere.came().is_empty()).await;
    let receiver = Receiver::refusing(0).await;
    let webhook = json!({ "url": receiver.url, "secret": SECRET }).to_string();
    let set = world.asks(reqwest::Method::PUT, "/sandbox/webhook").body(webhook);
    assert_eq!(set.send().await.unwrap().status(), 204);
    world.settled().await;
    assert_eq!(receiver.taken(), BEGINNING);
    world.sandbox.set_faults(Faults {
        webhooks_delay_ms: 100,
        ..Faults::default()
    });
    begin(&world);
    assert_eq!(world.post("/sandbox/reset", json!({})).await.status(), 204);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(receiver.taken().is_empty());
    assert_eq!(
        world.get("/v1/subscriptions/").await["pagination"]["total_count"],
        0
    );
}
