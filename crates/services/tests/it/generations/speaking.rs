//! What the worker does, and what becomes of it when something dies.

use std::{future::Future, pin::pin, sync::Arc, task::Poll, time::Duration};

use chrono::TimeDelta;
use resonance_domain::{Generation, GenerationState, InOrg};
use resonance_persistence::Repositories as _;
use resonance_services::{CreateGeneration, Services};
use resonance_speech::engine::EngineError;
use resonance_testkit::{TestEngine, on_both};
use tokio_util::sync::CancellationToken;

use super::Studio;

/// Works off the queues in a task of its own, which a test may abort.
fn work(services: &Services) -> tokio::task::JoinHandle<()> {
    let services = services.clone();
    tokio::spawn(async move { services.settle().await.unwrap() })
}

/// Polls a future so many times and drops it where it stands, as a crash would; `true` if it was done before.
async fn crash_after(polls: usize, work: impl Future) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

async fn until_state(studio: &Studio, generation: &Generation, state: GenerationState) -> Generation {
    for _ in 0..400 {
        let now = studio.look(generation).await;
        if now.state == state {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the generation did not become {state:?}");
}

on_both! {
    async fn a_failure_that_may_pass_is_tried_three_times_with_pauses(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        for reason in ["one", "two", "three"] {
            studio.engine.fail_next(EngineError::transient(reason));
        }
        studio.services().settle().await.unwrap();
        assert_eq!(studio.engine.texts().len(), 1);
        assert_eq!((studio.look(&asked).await.state, studio.bill().await), (GenerationState::Queued, (0, 5)));
        studio.instance.clock.advance(TimeDelta::seconds(1));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.engine.texts().len(), 1, "tried again too soon");
        studio.instance.clock.advance(TimeDelta::seconds(2));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.engine.texts().len(), 2);
        studio.instance.clock.advance(TimeDelta::seconds(11));
        studio.services().settle().await.unwrap();
        let failed = studio.look(&asked).await;
        assert_eq!(failed.state, GenerationState::Failed);
        let failure = failed.failure.unwrap();
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("ENGINE_FAILED", "the engine failed"));
        assert_eq!((studio.engine.texts().len(), studio.bill().await), (3, (0, 0)));
        assert!(failed.finished_at.is_some() && studio.objects().await.is_empty());
    }

    async fn what_succeeds_at_the_second_try_is_charged_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.fail_next(EngineError::transient("busy"));
        studio.services().settle().await.unwrap();
        studio.instance.clock.advance(TimeDelta::seconds(3));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        assert_eq!(studio.bill().await, (5, 0));
    }

    async fn a_failure_that_will_not_pass_ends_it_at_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        for (error, code) in [
            (EngineError::permanent("no"), "ENGINE_FAILED"),
            (EngineError::NothingToSpeak, "NOTHING_TO_SPEAK"),
            (EngineError::Panicked, "ENGINE_FAILED"),
            (EngineError::UnsupportedVoice, "UNSUPPORTED_VOICE"),
        ] {
            let asked = studio.ask("Hello").await;
            studio.engine.fail_next(error);
            studio.services().settle().await.unwrap();
            let failed = studio.look(&asked).await;
            assert_eq!((failed.state, failed.failure.unwrap().code.as_str()), (GenerationState::Failed, code));
        }
        assert_eq!(studio.bill().await, (0, 0));
    }

    async fn when_a_worker_dies_another_one_finishes_and_it_is_charged_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let dying = work(studio.services());
        studio.engine.has_begun(1).await;
        assert_eq!(studio.look(&asked).await.state, GenerationState::Running);
        dying.abort();
        let _ = dying.await;
        studio.engine.let_go();
        let other = studio.instance.another_node().await;
        other.settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Running, "taken before its lease ran out");
        studio.instance.clock.advance(TimeDelta::seconds(31));
        other.settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        assert_eq!((studio.bill().await, studio.jobs().await), ((5, 0), 0));
    }

    async fn a_worker_that_slept_through_its_lease_stores_nothing(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let sleepy = work(studio.services());
        studio.engine.has_begun(1).await;
        studio.instance.clock.advance(TimeDelta::seconds(31));
        let other = studio.instance.another_node().await;
        let quick = work(&other);
        studio.engine.has_begun(2).await;
        // Whoever came first goes first.
        studio.engine.let_one_go();
        sleepy.await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Running);
        assert_eq!((studio.bill().await, studio.objects().await.len()), ((0, 5), 0));
        studio.engine.let_go();
        quick.await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!(spoken.state, GenerationState::Succeeded);
        assert_eq!((studio.bill().await, studio.jobs().await), ((5, 0), 0));
        assert_eq!(studio.objects().await, [spoken.audio_key.unwrap()]);
    }

    async fn wherever_the_worker_dies_the_text_is_spoken_and_charged_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (mut charged, mut crashes) = (0, 0);
        let mut keys = Vec::new();
        for polls in 0..120 {
            let text = format!("Hello {polls}");
            charged += text.len() as u64;
            let asked = studio.ask(&text).await;
            let done = crash_after(polls, studio.services().settle()).await;
            crashes += u32::from(!done);
            studio.instance.clock.advance(TimeDelta::seconds(31));
            studio.services().settle().await.unwrap();
            let spoken = studio.look(&asked).await;
            assert_eq!(spoken.state, GenerationState::Succeeded, "after {polls} polls");
            assert_eq!(studio.bill().await, (charged, 0), "after {polls} polls");
            assert_eq!(studio.jobs().await, 0, "after {polls} polls");
            keys.push(spoken.audio_key.unwrap());
            if done && polls > 60 {
                break;
            }
        }
        assert!(crashes > 10, "only {crashes} crashes");
        keys.sort();
        assert_eq!(studio.objects().await, keys);
    }

    async fn what_kills_its_workers_again_and_again_fails_in_the_end(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        for times in 1..=10 {
            let dying = work(studio.services());
            studio.engine.has_begun(times).await;
            dying.abort();
            let _ = dying.await;
            studio.instance.clock.advance(TimeDelta::seconds(31));
        }
        studio.services().settle().await.unwrap();
        let failed = studio.look(&asked).await;
        assert_eq!((failed.state, failed.failure.unwrap().code.as_str()), (GenerationState::Failed, "INTERRUPTED"));
        assert_eq!(studio.bill().await, (0, 0));
    }

    async fn a_node_speaks_no_more_at_a_time_than_it_may(backend: Backend) {
        let studio = Studio::with(backend, |settings| settings.speech_concurrency = 2).await;
        for n in 0..6 {
            studio.ask(&format!("Hello {n}")).await;
        }
        studio.engine.hold();
        let stop = CancellationToken::new();
        let (services, stopped) = (studio.services().clone(), stop.clone());
        let node = tokio::spawn(async move { services.run(stopped).await });
        studio.engine.has_begun(2).await;
        for begun in 3..=6 {
            studio.engine.let_one_go();
            studio.engine.has_begun(begun).await;
        }
        studio.engine.let_go();
        while studio.bill().await != (42, 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        node.await.unwrap();
        assert_eq!(studio.engine.most_at_work(), 2);
    }

    async fn an_engine_that_hangs_holds_up_no_other(backend: Backend) {
        let (slow, quick) = (TestEngine::new(), TestEngine::named("quick"));
        let engines = slow.alone().with(Arc::clone(&quick) as _);
        let studio = Studio::of(backend, slow, engines, |settings| settings.speech_concurrency = 2).await;
        let voice = studio.instance.system_voice("Quentin", "quick", &serde_json::json!({})).await;
        studio.engine.hold();
        for n in 0..5 {
            studio.ask(&format!("Hello {n}")).await;
        }
        let stop = CancellationToken::new();
        let (services, stopped) = (studio.services().clone(), stop.clone());
        let node = tokio::spawn(async move { services.run(stopped).await });
        studio.engine.has_begun(2).await;
        let input = CreateGeneration { voice: voice.global_id(), ..studio.input("Quick") };
        let request = studio.as_ada().await;
        let asked = request.generations().create(input).await.unwrap().generation;
        quick.has_begun(1).await;
        while studio.look(&asked).await.state != GenerationState::Succeeded {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(studio.engine.texts().len(), 2);
        studio.engine.let_go();
        stop.cancel();
        node.await.unwrap();
    }

    async fn of_generations_that_end_together_one_that_cannot_be_charged_holds_up_no_other(backend: Backend) {
        let studio = Studio::with(backend, |settings| settings.speech_concurrency = 6).await;
        studio.engine.hold();
        let mut asked = Vec::new();
        for n in 0..6 {
            asked.push(studio.ask(&format!("Hello {n}")).await);
        }
        let id = studio.instance.sql_id(asked[3].id.as_uuid());
        let gone = studio.instance.sql(&format!("DELETE FROM usage_entries WHERE reference_id = {id}")).await;
        assert_eq!(gone, 1);
        let stop = CancellationToken::new();
        let (services, stopped) = (studio.services().clone(), stop.clone());
        let node = tokio::spawn(async move { services.run(stopped).await });
        studio.engine.has_begun(6).await;
        studio.engine.let_go();
        while studio.bill().await != (35, 7) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        node.await.unwrap();
        for (n, asked) in asked.iter().enumerate() {
            assert_eq!(studio.look(asked).await.state == GenerationState::Succeeded, n != 3);
        }
    }

    async fn a_node_that_shuts_down_hands_back_what_it_cannot_finish(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let stop = CancellationToken::new();
        let (services, stopped) = (studio.services().clone(), stop.clone());
        let node = tokio::spawn(async move { services.run(stopped).await });
        studio.engine.has_begun(1).await;
        stop.cancel();
        node.await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Queued);
        studio.engine.let_go();
        // At once: there is no lease to wait for.
        studio.instance.another_node().await.settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        assert_eq!(studio.bill().await, (5, 0));
    }

    async fn a_thousand_texts_of_one_organization_do_not_delay_anothers_first(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, _, neighbour) = studio.neighbour().await;
        let request = studio.as_ada().await;
        for n in 0..1000 {
            request.generations().create(studio.input(&format!("mass {n}"))).await.unwrap();
        }
        // Some of it was spoken already.
        studio.engine.hold();
        let node = work(studio.services());
        for begun in 1..=20 {
            studio.engine.has_begun(begun).await;
            studio.engine.let_one_go();
        }
        studio.engine.has_begun(21).await;
        let mut asked = Vec::new();
        for n in 0..2 {
            let created = neighbour.generations().create(studio.input(&format!("mine {n}"))).await.unwrap();
            asked.push(created.generation);
        }
        let ids: Vec<_> = asked.iter().map(|generation| generation.id).collect();
        let mut places = neighbour.generations().places_in_queue(asked[0].organization, &ids).await.unwrap();
        places.sort();
        assert!(places[0].1 <= 2 && places[1].1 <= 4, "{places:?}");
        for begun in 22..=26 {
            studio.engine.let_one_go();
            studio.engine.has_begun(begun).await;
        }
        let texts = studio.engine.texts();
        let place = |text: &str| texts.iter().position(|spoken| spoken == text);
        assert!(place("mine 0") <= Some(22) && place("mine 1") <= Some(24), "{:?}", &texts[20..]);
        assert!(place("mine 0").is_some() && place("mine 1").is_some());
        node.abort();
        let _ = node.await;
    }

    async fn a_worker_tells_how_far_it_is(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let node = work(studio.services());
        studio.engine.has_begun(1).await;
        let running = until_state(&studio, &asked, GenerationState::Running).await;
        assert_eq!(running.progress, 0.0);
        for fraction in [0.25, 0.75] {
            studio.engine.tell(fraction);
            let reached = async {
                while studio.look(&asked).await.progress < fraction {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
        }
        studio.engine.let_go();
        node.await.unwrap();
        assert_eq!(studio.look(&asked).await.progress, 1.0);
    }

    async fn when_the_object_store_fails_the_try_is_repeated(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        // A file where a folder has to be.
        let place = studio.instance.folder.path().join("blobs/organizations");
        std::fs::write(&place, "in the way").unwrap();
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Queued);
        std::fs::remove_file(&place).unwrap();
        studio.instance.clock.advance(TimeDelta::seconds(3));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        assert_eq!(studio.bill().await, (5, 0));
    }

    async fn settling_and_releasing_a_second_time_changes_nothing_and_says_so(backend: Backend) {
        use resonance_authz::{SystemGrant, system::Speak};
        use resonance_domain::IdsExt as _;
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        let grant = SystemGrant::<Speak>::for_job();
        let now = studio.instance.clock.now();
        let database = &studio.instance.test_database.database;
        let mut told = Vec::new();
        for settle in [true, true, false] {
            let id = studio.instance.ids.next();
            let generation = InOrg::new(asked.organization, asked.id);
            let added = database.atomically(async |uow| if settle {
                uow.usage().settle(&grant, &[(generation, id)], false, now).await
            } else {
                uow.usage().release_failed(&grant, generation, id, now).await
            });
            told.push(added.await.unwrap());
        }
        assert_eq!(told, [true, false, false]);
        assert_eq!(studio.bill().await.0, 5);
    }

    async fn a_generation_of_an_organization_that_is_deleted_meanwhile_is_not_spoken(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.as_ada().await.generations().create(studio.input("Hello")).await.unwrap();
        let id = studio.instance.sql_id(studio.organization.as_uuid());
        studio.instance.sql(&format!("UPDATE organizations SET deleted_at = created_at WHERE id = {id}")).await;
        studio.services().settle().await.unwrap();
        assert!(studio.engine.texts().is_empty() && studio.objects().await.is_empty());
        assert_eq!(studio.jobs().await, 0);
    }
}
