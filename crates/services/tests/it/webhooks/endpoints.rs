//! Who sets endpoints up, and what they may be.

use resonance_domain::{ErrorCode, PageRequest, RoleKey};
use resonance_services::{CreateWebhookEndpoint, UpdateWebhookEndpoint};
use resonance_testkit::{Instance, on_both, verdict};

use super::{Shop, address, types};

fn to(url: &str) -> CreateWebhookEndpoint {
    CreateWebhookEndpoint {
        url: url.to_owned(),
        ..CreateWebhookEndpoint::default()
    }
}

on_both! {
    async fn only_managers_of_webhooks_see_and_change_endpoints_and_strangers_learn_nothing(backend: Backend) {
        let shop = Shop::new(backend).await;
        let endpoint = shop.endpoint(&[]).await;
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let hers = shop.instance.found(&eve, "Evil").await;
        let theirs = resonance_domain::InOrg::new(hers, endpoint.id);
        for (person, answer) in [(&shop.mel, "FORBIDDEN org:sys_webhooks:manage"), (&eve, "NOT_FOUND")] {
            let request = shop.instance.request_of(person).await;
            let hooks = request.webhooks();
            let page = PageRequest::first(10);
            assert_eq!(verdict(&hooks.create(CreateWebhookEndpoint { organization: Some(shop.acme), ..to("https://example.org/") }).await), answer);
            assert_eq!(verdict(&hooks.list(shop.acme, &page).await), answer);
            assert_eq!(verdict(&hooks.count(shop.acme).await), answer);
            assert_eq!(verdict(&hooks.get_many(shop.acme, &[endpoint.id]).await), answer);
            assert_eq!(verdict(&hooks.update(address(&endpoint), UpdateWebhookEndpoint::default()).await), answer);
            assert_eq!(verdict(&hooks.rotate_secret(address(&endpoint), None).await), answer);
            assert_eq!(verdict(&hooks.test(address(&endpoint)).await), answer);
            assert_eq!(verdict(&hooks.replay_failed(address(&endpoint), endpoint.created_at).await), answer);
            assert_eq!(verdict(&hooks.deliveries(address(&endpoint), &[], &page).await), answer);
            assert_eq!(verdict(&hooks.delete(address(&endpoint)).await), answer);
        }
        // Under the name of one's own organization it is not there.
        let request = shop.instance.request_of(&eve).await;
        let hooks = request.webhooks();
        assert_eq!(verdict(&hooks.update(theirs, UpdateWebhookEndpoint::default()).await), "NOT_FOUND id");
        assert_eq!(verdict(&hooks.rotate_secret(theirs, None).await), "NOT_FOUND id");
        assert_eq!(verdict(&hooks.test(theirs).await), "NOT_FOUND id");
        assert_eq!(verdict(&hooks.delete(theirs).await), "NOT_FOUND id");
        assert!(hooks.get_many(hers, &[endpoint.id]).await.unwrap().is_empty());
        assert_eq!(shop.now(&endpoint).await, endpoint);
    }

    async fn every_wrong_field_is_told_at_once_and_nothing_is_stored(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_in(&ada, acme).await;
        let hooks = request.webhooks();
        let input = CreateWebhookEndpoint {
            description: Some("a\nb".into()),
            events: vec!["session.created".into()],
            ..to("http://example.org/")
        };
        assert_eq!(verdict(&hooks.create(input).await), "INVALID url, INVALID description, INVALID events");
        for url in ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://ada:b@example.org/", "x"] {
            assert_eq!(verdict(&hooks.create(to(url)).await), "INVALID url", "{url}");
        }
        assert_eq!(hooks.count(acme).await.unwrap(), 0);
        let made = hooks.create(to("https://example.org/")).await.unwrap();
        let change = UpdateWebhookEndpoint {
            url: Some("https://10.0.0.1/".into()),
            events: Some(vec!["*".into()]),
            ..UpdateWebhookEndpoint::default()
        };
        assert_eq!(verdict(&hooks.update(address(&made), change).await), "INVALID url, INVALID events");
        assert_eq!(verdict(&hooks.rotate_secret(address(&made), Some(-1)).await), "INVALID overlapHours");
        assert_eq!(hooks.get_many(acme, &[made.id]).await.unwrap(), [made]);
    }

    async fn an_organization_has_twenty_endpoints_at_most_whatever_runs_at_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_in(&ada, acme).await;
        for nth in 0..18 {
            request.webhooks().create(to(&format!("https://example.org/{nth}"))).await.unwrap();
        }
        let contenders = (0..5).map(|nth| {
            let request = request.clone();
            async move { request.webhooks().create(to(&format!("https://example.com/{nth}"))).await }
        });
        let all = resonance_testkit::at_once(contenders.collect()).await;
        let made = all.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(made, 2);
        assert!(all.iter().filter(|one| one.is_err()).all(|one| verdict(one) == ErrorCode::Conflict.as_str()));
        // One that is deleted makes room.
        let first = request.webhooks().list(acme, &PageRequest::first(1)).await.unwrap().items.remove(0);
        request.webhooks().delete(address(&first)).await.unwrap();
        request.webhooks().create(to("https://example.net/")).await.unwrap();
        assert_eq!(request.webhooks().count(acme).await.unwrap(), 20);
    }

    async fn the_record_tells_what_changed_and_never_a_secret(backend: Backend) {
        let shop = Shop::new(backend).await;
        let watching = shop.endpoint(&["webhook_endpoint.*"]).await;
        let request = shop.as_ada().await;
        let hooks = request.webhooks();
        let made = hooks.create(CreateWebhookEndpoint { enabled: Some(false), ..to("https://example.org/a?token=hush") }).await.unwrap();
        let change = UpdateWebhookEndpoint { url: Some("https://example.org/b?token=hush2".into()), ..UpdateWebhookEndpoint::default() };
        let changed = hooks.update(address(&made), change.clone()).await.unwrap();
        // The same once more is no change.
        assert_eq!(hooks.update(address(&made), change).await.unwrap(), changed);
        let rotated = hooks.rotate_secret(address(&made), None).await.unwrap();
        assert_ne!(hooks.secret(&made), hooks.secret(&rotated));
        hooks.delete(address(&made)).await.unwrap();
        assert_eq!(verdict(&hooks.update(address(&made), UpdateWebhookEndpoint::default()).await), "NOT_FOUND id");
        shop.settle().await;
        let received = shop.receiver.take();
        assert_eq!(types(&received), [
            "webhook_endpoint.created", "webhook_endpoint.deleted", "webhook_endpoint.secret_rotated", "webhook_endpoint.updated",
        ]);
        let text = received.iter().map(|one| one.body.as_str()).collect::<String>();
        for secret in ["hush", &hooks.secret(&made)[6..], &hooks.secret(&rotated)[6..]] {
            assert!(!text.contains(secret), "{text}");
            let stored = format!("UPDATE events SET id = id WHERE CAST(payload AS text) LIKE '%{secret}%'");
            assert_eq!(shop.instance.sql(&stored).await, 0);
        }
        let urls = [r#""new":"https://example.org/b""#, r#""old":"https://example.org/a""#];
        assert!(urls.iter().all(|url| text.contains(url)), "{text}");
        assert!(shop.now(&watching).await.enabled);
    }

    async fn nothing_of_webhooks_is_left_of_a_deleted_organization(backend: Backend) {
        let shop = Shop::new(backend).await;
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let other = shop.instance.found(&eve, "Other").await;
        shop.instance.bring_in(&eve, other, &shop.ada, RoleKey::ADMIN).await;
        let kept = shop.instance.request_in(&eve, other).await.webhooks().create(to(&shop.receiver.url())).await.unwrap();
        let endpoint = shop.endpoint(&[]).await;
        shop.rename("Acme two").await;
        shop.settle().await;
        assert_eq!(shop.log(&endpoint).await.len(), 2);
        shop.as_ada().await.organizations().delete(Some(shop.acme)).await.unwrap();
        shop.settle().await;
        let id = shop.instance.sql_id(shop.acme.as_uuid());
        for table in ["webhook_endpoints", "webhook_deliveries", "organizations"] {
            let column = if table == "organizations" { "id" } else { "organization_id" };
            assert_eq!(shop.instance.sql_count(&format!("{table} WHERE {column} = {id}")).await, 0, "{table}");
        }
        let theirs = shop.instance.request_in(&eve, other).await;
        assert_eq!(theirs.webhooks().get_many(other, &[kept.id]).await.unwrap().len(), 1);
    }
}
