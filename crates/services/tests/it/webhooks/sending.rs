//! When receivers fail.

use std::time::Duration;

use chrono::TimeDelta;
use resonance_domain::{DeliveryError, DeliveryState, WebhookDisabled};
use resonance_services::{CreateWebhookEndpoint, UpdateWebhookEndpoint};
use resonance_testkit::{Answers, Backend, Instance, on_both};
use tokio_util::sync::CancellationToken;

use super::{Shop, address, types};

on_both! {
    async fn what_fails_is_tried_again_later_and_later_under_the_same_id(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::status(503));
        shop.rename("Acme two").await;
        shop.settle().await;
        let first = shop.receiver.take().remove(0);
        let failed = shop.log(&endpoint).await.remove(0);
        assert_eq!((failed.state, failed.attempts), (DeliveryState::Pending, 1));
        assert_eq!((failed.last_status, failed.last_error), (Some(503), Some(DeliveryError::Status)));
        let wait = failed.next_attempt_at.unwrap() - shop.instance.clock.now();
        assert!(wait >= TimeDelta::seconds(4) && wait <= TimeDelta::seconds(6), "{wait}");
        // Not before its time.
        shop.instance.clock.advance(TimeDelta::seconds(3));
        shop.settle().await;
        assert_eq!(shop.receiver.count(), 0);
        shop.instance.clock.advance(TimeDelta::seconds(3));
        shop.receiver.answer(Answers::status(200));
        shop.settle().await;
        let second = shop.receiver.take().remove(0);
        assert_eq!((&second.body, &second.headers["webhook-id"]), (&first.body, &first.headers["webhook-id"]));
        let done = shop.log(&endpoint).await.remove(0);
        assert_eq!((done.state, done.attempts, done.last_error), (DeliveryState::Succeeded, 2, None));
        assert_eq!(shop.now(&endpoint).await.failing_since, None);
    }

    async fn a_receiver_says_when_to_come_back_within_a_day(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        let now = shop.instance.clock.now();
        let date = (now + TimeDelta::hours(3)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (nth, (says, least, most)) in [
            ("600".to_owned(), 600, 600),
            (date, 3 * 3600 - 1, 3 * 3600),
            ("99999999".to_owned(), 86400, 86400),
            ("soon".to_owned(), 4, 6),
        ].into_iter().enumerate() {
            shop.receiver.answer(Answers::With(429, vec![("retry-after", says)]));
            shop.rename(&format!("Acme {nth}")).await;
            shop.settle().await;
            let delivery = shop.log(&endpoint).await.remove(0);
            let wait = (delivery.next_attempt_at.unwrap() - now).num_seconds();
            assert!((least..=most).contains(&wait), "{wait}");
        }
    }

    async fn a_receiver_that_is_gone_is_left_alone_at_once_and_the_admins_are_told(backend: Backend) {
        let shop = Shop::new(backend).await;
        let elsewhere = resonance_testkit::Receiver::start().await;
        let input = CreateWebhookEndpoint {
            url: elsewhere.url(),
            events: vec!["webhook_endpoint.disabled".into()],
            ..CreateWebhookEndpoint::default()
        };
        shop.as_ada().await.webhooks().create(input).await.unwrap();
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::status(410));
        shop.rename("Acme two").await;
        shop.settle().await;
        let gone = shop.now(&endpoint).await;
        assert_eq!((gone.enabled, gone.disabled), (false, Some(WebhookDisabled::Gone)));
        let failed = shop.log(&endpoint).await.remove(0);
        assert_eq!((failed.state, failed.last_error), (DeliveryState::Failed, Some(DeliveryError::Gone)));
        assert_eq!(types(&shop.receiver.take()), ["organization.updated"]);
        let received = elsewhere.take();
        assert_eq!(types(&received), ["webhook_endpoint.disabled"]);
        assert!(received.iter().all(|one| !one.body.contains("admins")));
        let mails = shop.instance.mails.list(100).await.unwrap();
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("switched off")).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to, shop.ada.email);
        assert!(told[0].text.contains(&shop.receiver.url()) && told[0].text.contains("410"));
        // On again, it gets what happens from then on.
        shop.receiver.answer(Answers::status(200));
        let on = UpdateWebhookEndpoint { enabled: Some(true), ..UpdateWebhookEndpoint::default() };
        let on = shop.as_ada().await.webhooks().update(address(&endpoint), on).await.unwrap();
        assert_eq!((on.enabled, on.disabled), (true, None));
        shop.rename("Acme three").await;
        shop.settle().await;
        assert_eq!(types(&shop.receiver.take()), ["organization.updated"]);
    }

    async fn an_endpoint_that_only_fails_for_five_days_is_switched_off(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::Garbage);
        for day in 0..6 {
            assert!(shop.now(&endpoint).await.enabled, "day {day}");
            shop.rename(&format!("Acme {day}")).await;
            shop.settle().await;
            if day == 1 {
                // One success begins the count anew.
                shop.receiver.answer(Answers::status(200));
                shop.rename("Acme for once").await;
                shop.settle().await;
                assert_eq!(shop.now(&endpoint).await.failing_since, None);
                shop.receiver.answer(Answers::Garbage);
            }
            shop.instance.clock.advance(TimeDelta::days(1));
        }
        assert!(shop.now(&endpoint).await.enabled);
        shop.instance.clock.advance(TimeDelta::days(1));
        shop.settle().await;
        let off = shop.now(&endpoint).await;
        assert_eq!((off.enabled, off.disabled), (false, Some(WebhookDisabled::Failing)));
        let mails = shop.instance.mails.list(100).await.unwrap();
        let told = mails.iter().filter(|mail| mail.subject.contains("switched off") && mail.text.contains("five days"));
        assert_eq!(told.count(), 1);
    }

    async fn redirects_and_nonsense_are_failures_and_long_answers_do_no_harm(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        let inner = resonance_testkit::Receiver::start().await;
        let cases = [
            (Answers::With(302, vec![("location", inner.url())]), Some(DeliveryError::Redirected)),
            (Answers::With(307, vec![("location", inner.url())]), Some(DeliveryError::Redirected)),
            (Answers::Garbage, Some(DeliveryError::Broken)),
            (Answers::Never, Some(DeliveryError::Broken)),
            (Answers::AtLength(5_000_000), None),
        ];
        for (nth, (answers, error)) in cases.into_iter().enumerate() {
            shop.receiver.answer(answers.clone());
            shop.rename(&format!("Acme {nth}")).await;
            shop.settle().await;
            let delivery = shop.log(&endpoint).await.remove(0);
            assert_eq!(delivery.last_error, error, "{answers:?}");
        }
        assert_eq!(inner.count(), 0);
    }

    async fn a_private_address_is_refused_when_it_is_called_too(backend: Backend) {
        // Stored while the instance allowed it, or by a name that leads elsewhere now.
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        let strict = shop.instance.with_settings(|settings| settings.webhooks_private_addresses = false);
        shop.rename("Acme two").await;
        strict.settle().await.unwrap();
        assert_eq!(shop.receiver.count(), 0);
        assert_eq!(shop.log(&endpoint).await[0].last_error, Some(DeliveryError::AddressRefused));
    }

    async fn a_node_that_dies_loses_nothing_and_repeats_under_the_same_id(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&["organization.*"]).await;
        shop.receiver.answer(Answers::Hanging);
        let stop = CancellationToken::new();
        let node = tokio::spawn({
            let (services, stop) = (shop.instance.services.clone(), stop.clone());
            async move { services.run(stop).await }
        });
        shop.rename("Acme two").await;
        until(|| shop.receiver.count() == 1).await;
        // Dead in the middle of the request.
        node.abort();
        let _ = node.await;
        let first = shop.receiver.take().remove(0);
        shop.receiver.answer(Answers::status(200));
        shop.settle().await;
        assert_eq!(shop.receiver.count(), 0, "the lease still holds");
        shop.instance.clock.advance(TimeDelta::seconds(121));
        shop.settle().await;
        let second = shop.receiver.take().remove(0);
        assert_eq!((&second.body, &second.headers["webhook-id"]), (&first.body, &first.headers["webhook-id"]));
        assert_eq!(shop.log(&endpoint).await[0].state, DeliveryState::Succeeded);
    }

    async fn a_node_that_stops_hands_back_what_it_could_not_finish(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.endpoint(&["organization.*"]).await;
        let stop = CancellationToken::new();
        let node = tokio::spawn({
            let (services, stop) = (shop.instance.services.clone(), stop.clone());
            async move { services.run(stop).await }
        });
        shop.rename("Acme two").await;
        until(|| shop.receiver.count() == 1).await;
        stop.cancel();
        node.await.unwrap();
        assert_eq!(shop.instance.sql_count("webhook_deliveries WHERE state = 'sending'").await, 0);
    }

    async fn a_slow_receiver_does_not_hold_up_another(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.endpoint(&["organization.*"]).await;
        let slow = resonance_testkit::Receiver::start().await;
        slow.answer(Answers::Hanging);
        let input = CreateWebhookEndpoint { url: slow.url(), events: vec!["organization.*".into()], ..CreateWebhookEndpoint::default() };
        shop.as_ada().await.webhooks().create(input).await.unwrap();
        for nth in 0..100 {
            shop.rename(&format!("Acme {nth}")).await;
        }
        let stop = CancellationToken::new();
        let node = tokio::spawn({
            let (services, stop) = (shop.instance.services.clone(), stop.clone());
            async move { services.run(stop).await }
        });
        until(|| shop.receiver.count() == 100).await;
        assert!(slow.count() <= 32);
        node.abort();
    }
}

async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn a_setting_that_nobody_made_refuses_private_addresses() {
    let instance = Instance::new(Backend::Sqlite).await;
    assert!(!instance.services.settings().webhooks_private_addresses);
}
