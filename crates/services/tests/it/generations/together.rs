//! Many who ask at the same time.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use resonance_domain::{GenerationState, InOrg};
use resonance_persistence::Repositories as _;
use resonance_services::{CreatedGeneration, Outcome, Request, ServiceError};
use resonance_testkit::on_both;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Studio, address};

/// Keeps everybody in Acme from being stored, until it is told otherwise.
async fn hold(studio: &Studio) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (database, user) = (studio.instance.test_database.database.clone(), studio.ada.user);
    let organization = studio.organization;
    let (holding, held) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let holder = tokio::spawn(async move {
        let done = database.atomically(async |uow| {
            uow.standings().of_locked(user, organization).await?;
            holding.send(()).unwrap();
            let _ = released.await;
            Ok::<_, ServiceError>(())
        });
        done.await.unwrap();
    });
    held.await.unwrap();
    (release, holder)
}

type Asking = JoinHandle<Outcome<CreatedGeneration>>;

/// Somebody asks, and comes as far as can be.
async fn ask(studio: &Studio, request: &Request, text: &str) -> Asking {
    let (request, input) = (request.clone(), studio.input(text));
    let asking = tokio::spawn(async move { request.generations().create(input).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    asking
}

on_both! {
    async fn what_many_ask_for_at_once_is_stored_and_charged_for_each_who_asked(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (eve, other, neighbour) = studio.neighbour().await;
        let (ada, mel) = (studio.as_ada().await, studio.as_mel().await);
        let (release, holder) = hold(&studio).await;
        let mut asking = Vec::new();
        for n in 0..10 {
            // Ada and Mel ask for the same, Eve in another organization too.
            let text = format!("Hello {n}");
            for request in [&ada, &mel, &neighbour] {
                asking.push(ask(&studio, request, &text).await);
            }
        }
        release.send(()).unwrap();
        holder.await.unwrap();
        let created: Vec<_> = join_all(asking).await.into_iter().map(|one| one.unwrap().unwrap()).collect();
        for asked in created.chunks(3) {
            let [ada, mel, eve_too] = asked else { panic!("{asked:?}") };
            assert_eq!(ada.generation.id, mel.generation.id);
            assert!(ada.reused != mel.reused && !eve_too.reused);
            assert_eq!((ada.generation.organization, eve_too.generation.organization), (studio.organization, other));
            let by = [ada, mel].map(|one| one.generation.created_by.unwrap());
            let asker = if mel.reused { studio.ada.user } else { studio.mel.user };
            assert_eq!(by, [asker, asker]);
            assert_eq!(eve_too.generation.created_by, Some(eve.user));
        }
        assert_eq!((studio.jobs().await, studio.bill().await), (20, (0, 70)));
        let count = ada.generations().count(studio.organization, &Default::default()).await;
        assert_eq!(count.unwrap(), 10);
        assert_eq!(neighbour.usage().held(other).await.unwrap(), 70);
        studio.services().settle().await.unwrap();
        assert_eq!((studio.engine.texts().len(), studio.bill().await), (20, (70, 0)));
        let eves = neighbour.generations().get(InOrg::new(other, created[2].generation.id)).await.unwrap();
        assert_eq!(eves.state, GenerationState::Succeeded);
        assert_eq!(studio.instance.sql_count("events WHERE kind = 'generation.created'").await, 20);
    }

    async fn one_who_may_not_holds_up_nobody_who_asks_at_the_same_time(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (ada, mel) = (studio.as_ada().await, studio.as_mel().await);
        let id = studio.instance.sql_id(studio.mel.user.as_uuid());
        let (release, holder) = hold(&studio).await;
        let mut asking = Vec::new();
        for n in 0..6 {
            asking.push((true, ask(&studio, &ada, &format!("Ada {n}")).await));
            asking.push((false, ask(&studio, &mel, &format!("Mel {n}")).await));
        }
        release.send(()).unwrap();
        holder.await.unwrap();
        // Whoever comes later is no member any more.
        let _ = join_all(asking.into_iter().map(|(_, asking)| asking)).await;
        assert_eq!(studio.instance.sql(&format!("DELETE FROM memberships WHERE user_id = {id}")).await, 1);
        let (release, holder) = hold(&studio).await;
        let mut asking = Vec::new();
        for n in 6..12 {
            asking.push((true, ask(&studio, &ada, &format!("Ada {n}")).await));
            asking.push((false, ask(&studio, &mel, &format!("Mel {n}")).await));
        }
        release.send(()).unwrap();
        holder.await.unwrap();
        for (may, asking) in asking {
            assert_eq!(asking.await.unwrap().is_ok(), may);
        }
        // Six by each before, and six by Ada since.
        assert_eq!((studio.jobs().await, studio.bill().await), (18, (0, 12 * 5 + 6 * 5 + 2)));
    }

    async fn whoever_goes_while_asking_takes_nobody_along(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let (release, holder) = hold(&studio).await;
        let mut asking = Vec::new();
        for n in 0..12 {
            asking.push(ask(&studio, &ada, &format!("Hello {n:02}")).await);
        }
        // The first was about to be stored, the others wait behind it.
        for gone in asking.drain(..4) {
            gone.abort();
            let _ = gone.await;
        }
        release.send(()).unwrap();
        holder.await.unwrap();
        let mut ids = HashSet::new();
        for asking in asking {
            let created = asking.await.unwrap().unwrap();
            assert!(!created.reused && ids.insert(created.generation.id));
            assert_eq!(studio.look(&created.generation).await.state, GenerationState::Queued);
        }
        // Of those who went, all or nothing is stored.
        let stored = ada.generations().count(studio.organization, &Default::default()).await.unwrap();
        assert!((8..12).contains(&stored), "{stored}");
        assert_eq!((studio.jobs().await, studio.bill().await), (stored, (0, stored * 8)));
        let next = studio.ask("And after them").await;
        assert_eq!(address(&next).organization, studio.organization);
    }
}
