//! What a sandbox is made to do.

use chrono::{DateTime, Utc};
use resonance_polar_sandbox::{Change, Status};
use serde_json::{Value, json};

use crate::support::{Receiver, STANDARD, World};

fn modified(subscription: &Value) -> DateTime<Utc> {
    subscription["modified_at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn paying_makes_the_customer_the_subscription_and_the_order() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    let checkout = json!({
        "products": [STANDARD], "external_customer_id": "org_a", "customer_email": "a@example.com",
        "metadata": { "organization": "a" },
    });
    let made: Value = world
        .post("/v1/checkouts/", checkout.clone())
        .await
        .json()
        .await
        .unwrap();
    let completed = world
        .sandbox
        .complete_checkout(made["id"].as_str().unwrap())
        .unwrap();
    let customer = world.get("/v1/customers/external/org_a").await;
    assert_eq!(
        (&customer["id"], &customer["email"]),
        (&json!(completed.customer_id), &json!("a@example.com"))
    );
    world.settled().await;
    let expected = [
        "checkout.created",
        "checkout.updated",
        "customer.created",
        "subscription.created",
        "subscription.active",
        "subscription.updated",
        "order.created",
        "order.paid",
    ];
    assert_eq!(receiver.taken(), expected);
    let again = world
        .sandbox
        .complete_checkout(made["client_secret"].as_str().unwrap());
    assert_eq!(again.unwrap_err().status, 403);

    // Whoever is known already is not made again.
    let made: Value = world.post("/v1/checkouts/", checkout).await.json().await.unwrap();
    assert_eq!(made["customer_id"], json!(completed.customer_id));
    let path = format!("/sandbox/checkouts/{}/complete", made["id"].as_str().unwrap());
    let answer: Value = world.post(&path, json!({})).await.json().await.unwrap();
    assert_eq!(answer["customer_id"], json!(completed.customer_id));
    world.settled().await;
    assert!(!receiver.taken().contains(&"customer.created".to_owned()));
}

#[tokio::test]
async fn each_change_is_later_than_the_one_before_and_told_by_its_name() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    let begun = world
        .sandbox
        .create_subscription("a", STANDARD, Status::Incomplete)
        .unwrap();
    let id = begun["id"].as_str().unwrap();
    world.settled().await;
    receiver.taken();
    let status = |status| Change {
        status: Some(status),
        ..Change::default()
    };
    let cancel = |cancel| Change {
        cancel_at_period_end: Some(cancel),
        ..Change::default()
    };
    let mut last = modified(&begun);
    for (change, special) in [
        (status(Status::Trialing), Some("active")),
        (status(Status::Active), None),
        (status(Status::PastDue), Some("past_due")),
        (status(Status::Active), Some("active")),
        (cancel(true), Some("canceled")),
        (cancel(false), Some("uncanceled")),
        (status(Status::Paused), None),
        (status(Status::Unpaid), Some("revoked")),
        (status(Status::IncompleteExpired), None),
    ] {
        let changed = world.sandbox.set_subscription(id, change).unwrap();
        assert!(modified(&changed) > last);
        last = modified(&changed);
        world.settled().await;
        let mut expected = vec!["subscription.updated".to_owned()];
        expected.extend(special.map(|special| format!("subscription.{special}")));
        assert_eq!(receiver.taken(), expected, "{change:?}");
    }
    let change = json!({ "status": "canceled", "current_period_end": "2031-02-03T04:05:06Z" });
    let answer = world.post(&format!("/sandbox/subscriptions/{id}"), change).await;
    let changed: Value = answer.json().await.unwrap();
    assert_eq!(changed["current_period_end"], "2031-02-03T04:05:06.000000Z");
    assert!(changed["ended_at"].is_string());
    world.settled().await;
    assert_eq!(
        receiver.taken(),
        [
            "subscription.updated",
            "subscription.canceled",
            "subscription.revoked"
        ]
    );
}

#[tokio::test]
async fn a_period_ends_with_another_one_or_with_the_end() {
    let receiver = Receiver::refusing(0).await;
    let world = receiver.world().await;
    let begun = world
        .sandbox
        .create_subscription("a", STANDARD, Status::PastDue)
        .unwrap();
    let id = begun["id"].as_str().unwrap();
    world.settled().await;
    receiver.taken();
    let renewed = world.sandbox.renew(id).unwrap();
    assert_eq!(renewed["current_period_start"], begun["current_period_end"]);
    assert_eq!(renewed["status"], "active");
    world.settled().await;
    assert_eq!(
        receiver.taken(),
        [
            "subscription.updated",
            "subscription.active",
            "order.created",
            "order.paid"
        ]
    );
    let change = Change {
        cancel_at_period_end: Some(true),
        ..Change::default()
    };
    world.sandbox.set_subscription(id, change).unwrap();
    let ended = world.sandbox.renew(id).unwrap();
    assert_eq!(
        (&ended["status"], &ended["canceled_at"].is_string()),
        (&json!("canceled"), &true)
    );
    assert_eq!(world.sandbox.renew(id).unwrap_err().status, 403);
    let orders = world.get("/v1/orders/?external_customer_id=a").await;
    assert_eq!(orders["pagination"]["total_count"], 1);
}

#[tokio::test]
async fn nobody_is_answered_any_more_after_it_was_dropped() {
    let world = World::new().await;
    let request = world.asks(reqwest::Method::GET, "/v1/products/");
    assert_eq!(request.try_clone().unwrap().send().await.unwrap().status(), 200);
    drop(world.sandbox);
    let refused = async || {
        let request = request.try_clone().unwrap();
        request.send().await.is_err()
    };
    for _ in 0..100 {
        if refused().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it answers");
}
