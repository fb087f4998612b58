//! How many deliveries a node sends in a second.

use std::time::{Duration, Instant};

use resonance_services::CreateWebhookEndpoint;
use resonance_testkit::{Answers, Receiver, on_both};
use tokio_util::sync::CancellationToken;

use super::Shop;

/// Deliveries to each of three receivers.
const EACH: usize = 10_000;

on_both! {
    #[ignore = "a measurement: cargo test --release -p resonance-services --test it -- --ignored --nocapture webhooks::load"]
    async fn a_fast_receiver_is_served_beside_one_that_hangs_and_one_that_fails(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["voice.deleted"]).await;
        let (hanging, failing) = (Receiver::start().await, Receiver::start().await);
        hanging.answer(Answers::Hanging);
        failing.answer(Answers::status(500));
        let mut ids = vec![endpoint.id];
        for receiver in [&hanging, &failing] {
            let input = CreateWebhookEndpoint { url: receiver.url(), events: vec!["voice.deleted".into()], ..CreateWebhookEndpoint::default() };
            ids.push(shop.as_ada().await.webhooks().create(input).await.unwrap().id);
        }
        shop.settle().await;
        let organization = shop.instance.sql_id(shop.acme.as_uuid());
        let body = serde_json::json!({ "type": "voice.deleted", "data": { "name": "x".repeat(300) } });
        for endpoint in &ids {
            let endpoint = shop.instance.sql_id(endpoint.as_uuid());
            for _ in 0..EACH / 500 {
                let rows: Vec<_> = (0..500).map(|_| {
                    let [id, event] = [(); 2].map(|()| shop.instance.sql_id(shop.instance.fresh_uuid()));
                    let now = "'2026-01-01T00:00:00+00:00'";
                    format!("({organization}, {id}, {endpoint}, {event}, 'voice.deleted', '{body}', 'queued', 0, {now}, {now})")
                }).collect();
                shop.instance.sql(&format!(
                    "INSERT INTO webhook_deliveries (organization_id, id, endpoint_id, event_id, kind, body, state, attempts, run_at, created_at) VALUES {}",
                    rows.join(", ")
                )).await;
            }
        }
        let stop = CancellationToken::new();
        let began = Instant::now();
        let node = tokio::spawn({
            let (services, stop) = (shop.instance.services.clone(), stop.clone());
            async move { services.run(stop).await }
        });
        let fast = shop.instance.sql_id(ids[0].as_uuid());
        while shop.receiver.count() < EACH {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < Duration::from_secs(60), "{} so far", shop.receiver.count());
        }
        let took = began.elapsed();
        while shop.instance.sql_count(&format!("webhook_deliveries WHERE endpoint_id = {fast} AND state = 'succeeded'")).await < EACH {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stored = began.elapsed();
        eprintln!(
            "{backend:?}: {:.0} deliveries/s to the fast one ({EACH} in {took:.2?}, stored after {stored:.2?}); tries at the failing one {}, at the hanging one {}",
            EACH as f64 / took.as_secs_f64(), failing.count(), hanging.count(),
        );
        node.abort();
        assert_eq!(shop.receiver.count(), EACH);
    }
}
