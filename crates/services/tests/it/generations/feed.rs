//! Seeing generations change.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::BoxStream};
use resonance_authz::Denied;
use resonance_domain::{Generation, GenerationState, Id, InOrg, RoleKey};
use resonance_services::{HistoryChange, Outcome, ServiceError, Services};
use resonance_testkit::{Backend, on_both};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Studio, address};

/// Runs a node until the guard is dropped.
fn start(services: &Services) -> DropGuard {
    let stop = CancellationToken::new();
    let (services, stopped) = (services.clone(), stop.clone());
    tokio::spawn(async move { services.run(stopped).await });
    stop.drop_guard()
}

/// The next item, soon.
async fn next<T>(stream: &mut BoxStream<'static, T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(20), stream.next())
        .await
        .unwrap()
}

async fn until(
    stream: &mut BoxStream<'static, Outcome<Generation>>,
    wanted: impl Fn(&Generation) -> bool,
) -> Generation {
    loop {
        let generation = next(stream).await.unwrap().unwrap();
        if wanted(&generation) {
            return generation;
        }
    }
}

on_both! {
    async fn what_comes_with_an_item_is_read_under_the_role_of_now_and_not_of_the_beginning(backend: Backend) {
        let studio = Studio::new(backend).await;
        let request = studio.as_mel().await;
        assert_eq!(request.standing(studio.organization).await.unwrap().role(), &RoleKey::MEMBER);
        let asked = studio.ask("Hello").await;
        let mut feed = request.watch_generation(address(&asked));
        next(&mut feed).await.unwrap().unwrap();
        let mel = request.standing(studio.organization).await.unwrap().membership();
        let mel = InOrg::new(studio.organization, mel);
        studio.as_ada().await.memberships().change_role(mel, "org:admin").await.unwrap();
        studio.as_ada().await.generations().cancel(address(&asked)).await.unwrap();
        let _node = start(studio.services());
        until(&mut feed, |one| one.state == GenerationState::Cancelled).await;
        assert_eq!(request.standing(studio.organization).await.unwrap().role(), &RoleKey::ADMIN);
    }

    async fn a_generation_is_followed_from_the_queue_to_its_end(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let mut feed = studio.as_mel().await.watch_generation(address(&asked));
        assert_eq!(next(&mut feed).await.unwrap().unwrap(), asked);
        let _node = start(studio.services());
        until(&mut feed, |one| one.state == GenerationState::Running).await;
        studio.engine.has_begun(1).await;
        studio.engine.tell(0.5);
        until(&mut feed, |one| one.progress == 0.5).await;
        studio.engine.let_go();
        let last = until(&mut feed, |one| one.state.is_final()).await;
        assert_eq!((last.state, &last), (GenerationState::Succeeded, &studio.look(&asked).await));
        assert!(next(&mut feed).await.is_none());
        // Who comes later sees the end, and no more.
        let mut late = studio.as_mel().await.watch_generation(address(&asked));
        assert_eq!(next(&mut late).await.unwrap().unwrap(), last);
        assert!(next(&mut late).await.is_none());
    }

    async fn what_another_node_does_is_seen_here(backend: Backend) {
        if backend == Backend::Sqlite {
            // A file has one node.
            return;
        }
        let studio = Studio::new(backend).await;
        studio.engine.hold();
        let other = studio.instance.another_node().await;
        let _nodes = (start(studio.services()), start(&other));
        let (asked, request) = (studio.ask("Hello").await, studio.as_mel().await);
        let watcher = other.authenticate(&studio.mel.token, Default::default(), None).await.unwrap();
        let mut feeds = [request.watch_generation(address(&asked)), watcher.watch_generation(address(&asked))];
        studio.engine.has_begun(1).await;
        studio.engine.tell(0.5);
        for feed in &mut feeds {
            until(feed, |one| one.progress == 0.5).await;
        }
        studio.engine.let_go();
        for feed in &mut feeds {
            until(feed, |one| one.state == GenerationState::Succeeded).await;
        }
        assert_eq!(studio.engine.texts().len(), 1);
    }

    async fn a_feed_ends_with_the_membership(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let request = studio.as_mel().await;
        let mut one = request.watch_generation(address(&asked));
        let mut all = request.watch_generations(studio.organization);
        // A feed begins when it is first asked.
        assert!(tokio::time::timeout(Duration::from_millis(200), all.next()).await.is_err());
        let _node = start(studio.services());
        until(&mut one, |one| one.state == GenerationState::Running).await;
        request.memberships().leave(Some(studio.organization)).await.unwrap();
        assert!(next(&mut one).await.is_none());
        while let Some(item) = next(&mut all).await {
            assert!(!matches!(item.unwrap(), HistoryChange::Changed(one) if one.progress > 0.0));
        }
    }

    async fn a_feed_ends_with_the_session(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let _node = start(studio.services());
        studio.engine.has_begun(1).await;
        // One session is ended by its owner, the other one unheard.
        for unheard in [false, true] {
            let person = if unheard { &studio.ada } else { &studio.mel };
            let request = studio.instance.request_in(person, studio.organization).await;
            let mut feed = request.watch_generation(address(&asked));
            until(&mut feed, |one| one.state == GenerationState::Running).await;
            if unheard {
                let user = studio.instance.sql_id(person.user.as_uuid());
                studio.instance.sql(&format!("DELETE FROM sessions WHERE user_id = {user}")).await;
                studio.engine.tell(0.5);
            } else {
                request.accounts().sign_out().await.unwrap();
            }
            while let Some(item) = next(&mut feed).await {
                assert!(item.unwrap().progress < 0.5);
            }
        }
    }

    async fn strangers_see_nothing_happen(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, stranger) = studio.neighbour().await;
        let asked = studio.ask("Hello").await;
        let never = InOrg::new(studio.organization, Id::from_uuid(studio.instance.fresh_uuid()));
        let hidden = |item: Option<Outcome<Generation>>| {
            matches!(item, Some(Err(ServiceError::Denied(Denied::NotVisible))))
        };
        let member = studio.as_mel().await;
        let misplaced = InOrg::new(elsewhere, asked.id);
        for (request, address) in [(&stranger, address(&asked)), (&stranger, misplaced), (&member, never)] {
            let mut feed = request.watch_generation(address);
            assert!(hidden(next(&mut feed).await));
            assert!(next(&mut feed).await.is_none());
        }
        let mut feed = stranger.watch_generations(studio.organization);
        assert!(matches!(next(&mut feed).await, Some(Err(ServiceError::Denied(Denied::NotVisible)))));
        let mut feed = studio.instance.anonymous().watch_generation(address(&asked));
        assert!(matches!(next(&mut feed).await, Some(Err(ServiceError::Denied(Denied::Unauthenticated)))));
    }

    async fn the_feed_of_an_organization_tells_of_its_own_changes_only(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, _, neighbour) = studio.neighbour().await;
        let _node = start(studio.services());
        // What listening to other nodes begins with is heard before the feed begins.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut feed = studio.as_mel().await.watch_generations(studio.organization);
        let opened = tokio::time::timeout(Duration::from_millis(200), feed.next()).await;
        assert!(opened.is_err(), "{opened:?}");
        neighbour.generations().create(studio.input("theirs")).await.unwrap();
        let ours = studio.ask("ours").await;
        let mut ended = false;
        while !ended {
            match next(&mut feed).await.unwrap().unwrap() {
                HistoryChange::Changed(one) => {
                    assert_eq!(one.id, ours.id);
                    ended = one.state == GenerationState::Succeeded;
                }
                change => panic!("{change:?}"),
            }
        }
        studio.as_ada().await.generations().delete(address(&ours)).await.unwrap();
        loop {
            match next(&mut feed).await.unwrap().unwrap() {
                HistoryChange::Changed(_) => {}
                change => break assert_eq!(change, HistoryChange::Deleted(ours.id)),
            }
        }
    }
}
