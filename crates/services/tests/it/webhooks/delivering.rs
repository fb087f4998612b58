//! What receivers get.

use chrono::TimeDelta;
use futures_util::future::join_all;
use resonance_domain::{DeliveryError, DeliveryState};
use resonance_identity::{InstanceSecret, WebhookSecrets};
use resonance_services::UpdateWebhookEndpoint;
use resonance_testkit::{Answers, Backend, Received, SECRET, on_both, verdict};

use super::{Shop, address, types};

/// The signature that a secret makes for what was received.
fn signature(
    shop: &Shop,
    endpoint: &resonance_domain::WebhookEndpoint,
    generation: u32,
    got: &Received,
) -> String {
    let secrets = WebhookSecrets::new(&InstanceSecret::parse(SECRET).unwrap());
    let secret = secrets.derive(endpoint.id.as_uuid().as_bytes(), generation);
    assert_eq!(
        got.headers["webhook-timestamp"],
        shop.instance.clock.now().timestamp().to_string()
    );
    secret.sign(
        &got.headers["webhook-id"],
        shop.instance.clock.now(),
        got.body.as_bytes(),
    )
}

on_both! {
    async fn a_receiver_gets_the_published_form_signed_and_once(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&[]).await;
        shop.rename("Acme two").await;
        shop.settle().await;
        shop.settle().await;
        let received = shop.receiver.take();
        assert_eq!(types(&received), ["organization.updated"]);
        let got = &received[0];
        let event: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(got.headers["webhook-id"], event["id"].as_str().unwrap());
        assert_eq!(got.headers["content-type"], "application/json");
        assert_eq!(got.headers["webhook-signature"], signature(&shop, &endpoint, 1, got));
        assert_eq!(event["organizationId"], shop.acme.type_id());
        assert_eq!(event["actor"]["id"], shop.ada.user.type_id());
        assert_eq!(event["data"]["name"]["new"], "Acme two");
        let log = shop.log(&endpoint).await;
        assert_eq!((log[0].state, log[0].attempts, log[0].last_status), (DeliveryState::Succeeded, 1, Some(200)));
        assert_eq!(log[0].event.type_id(), got.headers["webhook-id"]);
    }

    async fn after_a_rotation_both_secrets_sign_until_the_old_ones_time_is_over(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        let request = shop.as_ada().await;
        request.webhooks().rotate_secret(address(&endpoint), Some(2)).await.unwrap();
        for (wait, generations) in [(TimeDelta::zero(), vec![2, 1]), (TimeDelta::hours(2), vec![2])] {
            shop.instance.clock.advance(wait);
            shop.rename(&format!("Acme {generations:?}")).await;
            shop.settle().await;
            let got = shop.receiver.take().remove(0);
            let each: Vec<_> = generations.iter().map(|one| signature(&shop, &endpoint, *one, &got)).collect();
            assert_eq!(got.headers["webhook-signature"], each.join(" "));
        }
        // Without an overlap the old one is dead at once.
        request.webhooks().rotate_secret(address(&endpoint), Some(0)).await.unwrap();
        shop.rename("Acme again").await;
        shop.settle().await;
        let got = shop.receiver.take().remove(0);
        assert_eq!(got.headers["webhook-signature"], signature(&shop, &endpoint, 3, &got));
    }

    async fn an_endpoint_gets_what_its_filter_names_of_its_own_organization_while_it_is_on(backend: Backend) {
        let shop = Shop::new(backend).await;
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let other = shop.instance.found(&eve, "Other").await;
        let endpoint = shop.endpoint(&["membership.*", "organization.updated"]).await;
        // Another organization's events, and kinds that are not named.
        shop.instance.bring_in(&eve, other, &shop.mel, resonance_domain::RoleKey::MEMBER).await;
        let zoe = shop.instance.sign_up("Zoe", "zoe@example.org").await;
        shop.instance.bring_in(&shop.ada, shop.acme, &zoe, resonance_domain::RoleKey::MEMBER).await;
        shop.settle().await;
        assert_eq!(types(&shop.receiver.take()), ["membership.created"]);
        let off = UpdateWebhookEndpoint { enabled: Some(false), ..UpdateWebhookEndpoint::default() };
        shop.as_ada().await.webhooks().update(address(&endpoint), off).await.unwrap();
        shop.rename("Unheard").await;
        shop.settle().await;
        assert_eq!(shop.receiver.count(), 0);
        assert_eq!(verdict(&shop.as_ada().await.webhooks().test(address(&endpoint)).await), "CONFLICT id");
    }

    async fn two_nodes_make_one_delivery_of_an_event_and_send_it_once(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&[]).await;
        let other = match backend {
            Backend::Sqlite => shop.instance.services.clone(),
            Backend::Postgres => shop.instance.another_node().await,
        };
        for nth in 0..20 {
            shop.rename(&format!("Acme {nth}")).await;
        }
        let nodes = [&shop.instance.services, &other, &shop.instance.services, &other];
        for settled in join_all(nodes.map(|node| node.settle())).await {
            settled.unwrap();
        }
        shop.settle().await;
        let mut ids: Vec<_> = shop.receiver.take().iter().map(|one| one.headers["webhook-id"].clone()).collect();
        ids.sort();
        assert_eq!(ids.len(), 20);
        ids.dedup();
        assert_eq!(ids.len(), 20);
        let log = shop.log(&endpoint).await;
        // Its own making is in the log, too.
        assert_eq!(log.len(), 21);
        assert!(log.iter().all(|one| one.attempts == 1));
    }

    async fn a_test_arrives_signed_whatever_the_filter_and_its_number_is_limited(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["voice.created"]).await;
        let request = shop.as_ada().await;
        let asked = request.webhooks().test(address(&endpoint)).await.unwrap();
        assert_eq!(asked.state, DeliveryState::Pending);
        shop.settle().await;
        let got = shop.receiver.take().remove(0);
        assert_eq!(types(std::slice::from_ref(&got)), ["webhook_endpoint.test"]);
        assert_eq!(got.headers["webhook-signature"], signature(&shop, &endpoint, 1, &got));
        assert_eq!(shop.log(&endpoint).await[0].id, asked.id);
        for _ in 1..60 {
            request.webhooks().test(address(&endpoint)).await.unwrap();
        }
        assert_eq!(verdict(&request.webhooks().test(address(&endpoint)).await), "RATE_LIMITED");
    }

    async fn what_is_over_is_sent_again_under_the_same_id_when_asked(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::status(500));
        let since = shop.instance.clock.now();
        for nth in 0..3 {
            shop.rename(&format!("Acme {nth}")).await;
        }
        shop.settle().await;
        let first = shop.receiver.take();
        assert_eq!(first.len(), 3);
        let hooks_request = shop.as_ada().await;
        let hooks = hooks_request.webhooks();
        let pending = shop.log(&endpoint).await.remove(0);
        let delivery = resonance_domain::InOrg::new(shop.acme, pending.id);
        assert_eq!(verdict(&hooks.replay(delivery).await), "CONFLICT id");
        for _ in 0..11 {
            shop.instance.clock.advance(TimeDelta::hours(25));
            shop.settle().await;
            // Five days of failures would switch it off.
            let id = shop.instance.sql_id(endpoint.id.as_uuid());
            shop.instance.sql(&format!("UPDATE webhook_endpoints SET failing_since = NULL WHERE id = {id}")).await;
        }
        assert!(shop.log(&endpoint).await.iter().all(|one| one.state == DeliveryState::Failed && one.attempts == 11));
        let tries = shop.receiver.take();
        assert_eq!(tries.len(), 30);
        shop.receiver.answer(Answers::status(204));
        assert_eq!(hooks.replay(delivery).await.unwrap().state, DeliveryState::Pending);
        shop.settle().await;
        let again = shop.receiver.take().remove(0);
        let before = first.iter().find(|one| one.headers["webhook-id"] == again.headers["webhook-id"]).unwrap();
        assert_eq!(again.body, before.body);
        assert_ne!(again.headers["webhook-timestamp"], before.headers["webhook-timestamp"]);
        assert_eq!(hooks.replay_failed(address(&endpoint), since + TimeDelta::seconds(1)).await.unwrap(), 0);
        assert_eq!(hooks.replay_failed(address(&endpoint), since).await.unwrap(), 2);
        shop.settle().await;
        assert_eq!(shop.receiver.take().len(), 2);
        assert!(shop.log(&endpoint).await.iter().all(|one| one.state == DeliveryState::Succeeded));
        // Something that has arrived can be asked for again, too.
        hooks.replay(delivery).await.unwrap();
        shop.settle().await;
        assert_eq!(shop.receiver.take()[0].headers["webhook-id"], again.headers["webhook-id"]);
        let nowhere = resonance_domain::InOrg::new(shop.acme, resonance_domain::Id::from_uuid(shop.instance.fresh_uuid()));
        assert_eq!(verdict(&hooks.replay(nowhere).await), "NOT_FOUND id");
    }

    async fn the_log_forgets_after_thirty_days_and_with_its_endpoint(backend: Backend) {
        let shop = Shop::new(backend).await;
        let (kept, endpoint) = (shop.endpoint(&["organization.*"]).await, shop.endpoint(&["organization.*"]).await);
        shop.rename("Acme two").await;
        shop.settle().await;
        shop.instance.clock.advance(TimeDelta::days(29));
        shop.rename("Acme three").await;
        shop.settle().await;
        // That her session was used is noted behind the answer's back, and it ends after thirty days without.
        let used = shop.instance.clock.now();
        while shop.as_ada().await.account().unwrap().session.last_used_at != used {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        shop.instance.clock.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
        shop.instance.services.tidy_webhooks().await.unwrap();
        assert_eq!(shop.log(&kept).await.len(), 1);
        // Over the days the session has ended.
        shop.as_ada().await.webhooks().delete(address(&endpoint)).await.unwrap();
        assert!(shop.log(&endpoint).await.is_empty());
        shop.instance.services.tidy_webhooks().await.unwrap();
        let id = shop.instance.sql_id(endpoint.id.as_uuid());
        assert_eq!(shop.instance.sql_count(&format!("webhook_deliveries WHERE endpoint_id = {id}")).await, 0);
        assert_eq!(shop.instance.sql_count(&format!("webhook_endpoints WHERE id = {id}")).await, 0);
        assert_eq!(shop.log(&kept).await.len(), 1);
    }

    async fn what_waits_for_an_endpoint_that_was_switched_off_is_given_up_unsent(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::status(500));
        shop.rename("Acme two").await;
        shop.settle().await;
        let off = UpdateWebhookEndpoint { enabled: Some(false), ..UpdateWebhookEndpoint::default() };
        shop.as_ada().await.webhooks().update(address(&endpoint), off).await.unwrap();
        let _ = shop.receiver.take();
        shop.instance.clock.advance(TimeDelta::minutes(1));
        shop.settle().await;
        assert_eq!(shop.receiver.count(), 0);
        let log = shop.log(&endpoint).await;
        assert_eq!((log[0].state, log[0].last_error), (DeliveryState::Failed, Some(DeliveryError::EndpointDisabled)));
    }
}
