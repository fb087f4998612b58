//! The feed of events, page by page and live.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::BoxStream};
use resonance_domain::RoleKey;
use resonance_services::{FedPublishedEvent, FeedCursor, Outcome, Services};
use resonance_testkit::{Backend, on_both, verdict};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shop;

/// Runs a node until the guard is dropped.
fn start(services: &Services) -> DropGuard {
    let stop = CancellationToken::new();
    let (services, stopped) = (services.clone(), stop.clone());
    tokio::spawn(async move { services.run(stopped).await });
    stop.drop_guard()
}

async fn next(stream: &mut BoxStream<'static, Outcome<FedPublishedEvent>>) -> Option<String> {
    let item = tokio::time::timeout(Duration::from_secs(20), stream.next())
        .await
        .unwrap()?;
    Some(item.map_or_else(|error| verdict::<()>(&Err(error)), |fed| fed.event.kind))
}

/// Everything in the feed from the beginning, `first` at a time.
async fn all(
    request: &resonance_services::Request,
    shop: &Shop,
    types: &[&str],
    first: i32,
) -> Vec<(FeedCursor, String)> {
    let types: Vec<String> = types.iter().map(|one| (*one).to_owned()).collect();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = request
            .events(shop.acme, types.clone(), after, Some(first))
            .await
            .unwrap();
        found.extend(page.events.into_iter().map(|fed| (fed.cursor, fed.event.kind)));
        after = Some(page.end);
        if !page.has_more {
            // At the end the cursor stays where it is.
            let empty = request
                .events(shop.acme, types.clone(), after, Some(first))
                .await
                .unwrap();
            assert!(empty.events.is_empty() && Some(empty.end) == after);
            return found;
        }
    }
}

on_both! {
    async fn the_feed_has_every_event_once_in_order_for_whoever_may_see_it(backend: Backend) {
        let shop = Shop::new(backend).await;
        for nth in 0..5 {
            shop.rename(&format!("Acme {nth}")).await;
        }
        let ada = shop.as_ada().await;
        let before = all(&ada, &shop, &[], 2).await;
        shop.settle().await;
        // What was not passed on yet is not there yet.
        let pages = all(&ada, &shop, &[], 2).await;
        assert_eq!(pages.len(), before.len() + 5);
        assert!(pages.is_sorted_by_key(|(cursor, _)| *cursor));
        assert_eq!(pages, all(&ada, &shop, &[], 100).await);
        let kinds: Vec<_> = pages.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(kinds[..2], ["organization.created", "membership.created"]);
        assert!(kinds.contains(&"invitation.created") && !kinds.iter().any(|kind| kind.starts_with("session")));
        // A member does not see invitations, which hold addresses.
        let mel = shop.instance.request_in(&shop.mel, shop.acme).await;
        let seen: Vec<_> = all(&mel, &shop, &[], 3).await;
        assert!(!seen.iter().any(|(_, kind)| kind.starts_with("invitation")) && seen.len() > 5);
        assert!(all(&mel, &shop, &["invitation.*"], 3).await.is_empty());
        assert_eq!(all(&mel, &shop, &["organization.updated"], 3).await.len(), 5);
        assert_eq!(verdict(&mel.events(shop.acme, vec!["nonsense".into()], None, None).await), "INVALID types");
        assert_eq!(verdict(&mel.events(shop.acme, vec![], None, Some(101)).await), "INVALID first");
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let hers = shop.instance.found(&eve, "Other").await;
        shop.settle().await;
        let eve = shop.instance.request_in(&eve, hers).await;
        assert_eq!(verdict(&eve.events(shop.acme, vec![], None, None).await), "NOT_FOUND");
        let theirs = eve.events(hers, vec![], None, None).await.unwrap().events;
        assert!(theirs.len() == 2 && theirs.iter().all(|fed| fed.event.organization == hers));
    }

    async fn a_reader_misses_nothing_while_many_write_and_two_nodes_pass_on(backend: Backend) {
        let shop = Shop::new(backend).await;
        let _node = start(&shop.instance.services);
        let other = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(shop.instance.another_node().await),
        };
        let _other = other.as_ref().map(start);
        let request = shop.as_ada().await;
        let mut after = request.events(shop.acme, vec![], None, Some(100)).await.unwrap().end;
        let writers = (0..40).map(|nth| {
            let request = request.clone();
            async move {
                let update = resonance_services::UpdateOrganization {
                    name: Some(format!("Acme {nth}")),
                    ..resonance_services::UpdateOrganization::default()
                };
                request.organizations().update(update).await.unwrap();
            }
        });
        let writing = resonance_testkit::at_once(writers.collect());
        let reading = async {
            let mut seen = Vec::new();
            while seen.len() < 40 {
                let page = request.events(shop.acme, vec![], Some(after), Some(3)).await.unwrap();
                seen.extend(page.events.iter().map(|fed| fed.event.id));
                after = page.end;
            }
            seen
        };
        let both = async { tokio::join!(writing, reading) };
        let (_, mut seen) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 40);
    }

    async fn a_subscriber_hears_what_happens_on_any_node_and_goes_on_where_they_left(backend: Backend) {
        let shop = Shop::new(backend).await;
        let _node = start(&shop.instance.services);
        let node = match backend {
            Backend::Sqlite => shop.instance.services.clone(),
            Backend::Postgres => shop.instance.another_node().await,
        };
        let _other = (backend == Backend::Postgres).then(|| start(&node));
        let listener = node.authenticate(&shop.ada.token, Default::default(), None).await.unwrap();
        let place = listener.events(shop.acme, vec![], None, Some(100)).await.unwrap().end;
        let mut live = listener.watch_events(shop.acme, vec!["organization.*".into()], None);
        assert!(tokio::time::timeout(Duration::from_millis(300), live.next()).await.is_err());
        for nth in 0..120 {
            shop.rename(&format!("Acme {nth}")).await;
        }
        for _ in 0..120 {
            assert_eq!(next(&mut live).await.unwrap(), "organization.updated");
        }
        let mut later = listener.watch_events(shop.acme, vec![], Some(place));
        for _ in 0..120 {
            assert_eq!(next(&mut later).await.unwrap(), "organization.updated");
        }
    }

    async fn a_subscription_ends_with_the_membership_and_follows_the_role(backend: Backend) {
        let shop = Shop::new(backend).await;
        let _node = start(&shop.instance.services);
        let mel = shop.instance.request_in(&shop.mel, shop.acme).await;
        let mut live = mel.watch_events(shop.acme, vec![], None);
        assert!(tokio::time::timeout(Duration::from_millis(300), live.next()).await.is_err());
        let zoe = shop.instance.sign_up("Zoe", "zoe@example.org").await;
        shop.instance.bring_in(&shop.ada, shop.acme, &zoe, RoleKey::MEMBER).await;
        // Not the invitation.
        assert_eq!(next(&mut live).await.unwrap(), "membership.created");
        mel.memberships().leave(Some(shop.acme)).await.unwrap();
        shop.rename("After").await;
        assert_eq!(next(&mut live).await, None);
        let mut late = mel.watch_events(shop.acme, vec![], None);
        assert_eq!(next(&mut late).await.unwrap(), "NOT_FOUND");
        let mut wrong = shop.as_ada().await.watch_events(shop.acme, vec!["x".into()], None);
        assert_eq!(next(&mut wrong).await.unwrap(), "INVALID types");
        assert_eq!(next(&mut wrong).await, None);
    }

    async fn a_subscription_ends_with_the_session(backend: Backend) {
        let shop = Shop::new(backend).await;
        let _node = start(&shop.instance.services);
        let mel = shop.instance.request_in(&shop.mel, shop.acme).await;
        let mut live = mel.watch_events(shop.acme, vec![], None);
        assert!(tokio::time::timeout(Duration::from_millis(300), live.next()).await.is_err());
        mel.accounts().sign_out().await.unwrap();
        assert_eq!(next(&mut live).await, None);
    }
}
