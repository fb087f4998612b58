//! Requests that come again with a key of their sender's.

use std::{pin::pin, task::Poll};

use chrono::TimeDelta;
use resonance_domain::{ErrorCode, Generation, GenerationState, RoleKey};
use resonance_persistence::count_statements;
use resonance_services::{
    CreateApiKey, CreateGeneration, CreatedGeneration, Hearing, Idempotency, Outcome, Request, ServiceError,
    SetBudget,
};
use resonance_speech::engine::EngineError;
use resonance_testkit::{at_once, on_both};

use super::{Studio, address, refusals};

/// Asks for `text` to be spoken anew, however often it was spoken, by a request with a key; `request` is what it says.
fn marked(studio: &Studio, key: &str, text: &str) -> CreateGeneration {
    CreateGeneration {
        fresh: true,
        idempotency: Some(Idempotency::new(key.as_bytes(), text).unwrap()),
        ..studio.input(text)
    }
}

async fn send(request: &Request, input: CreateGeneration) -> CreatedGeneration {
    request.generations().create(input).await.unwrap()
}

/// What the same request made before.
async fn before(request: &Request, input: &CreateGeneration) -> Outcome<Option<Generation>> {
    let speech = request.generations().speak_again(input).await?;
    Ok(speech.map(|speech| {
        assert!(speech.replayed);
        speech.generation
    }))
}

async fn keys(studio: &Studio) -> usize {
    studio.instance.sql_count("idempotency_keys").await
}

on_both! {
    async fn a_request_that_comes_again_gets_what_it_made_and_is_charged_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let input = marked(&studio, "one", "Hello");
        assert_eq!(before(&ada, &input).await.unwrap(), None);
        let first = send(&ada, input.clone()).await;
        assert!(!first.reused && !first.replayed);
        let again = send(&ada, input.clone()).await;
        assert!(again.reused && again.replayed && again.generation == first.generation);
        let other = send(&ada, marked(&studio, "two", "Hello")).await;
        assert!(!other.reused && other.generation.id != first.generation.id);
        studio.services().settle().await.unwrap();
        // The other is what the text alone gives back by now; the key keeps its own.
        let speech = ada.generations().speak_again(&input).await.unwrap().unwrap();
        assert_eq!((speech.generation.id, speech.replayed), (first.generation.id, true));
        assert!(matches!(speech.hearing, Some(Hearing::File(_))));
        assert_eq!((studio.bill().await, studio.engine.texts().len()), ((10, 0), 2));
    }

    async fn a_key_finds_what_it_made_after_its_voice_has_become_another(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let input = CreateGeneration { fresh: false, ..marked(&studio, "one", "Hello") };
        let first = send(&ada, input.clone()).await.generation;
        studio.services().settle().await.unwrap();
        studio.instance.sql("UPDATE system_voices SET name = 'Otto', engine_voice = '{\"pitch\": 2}', engine = 'elsewhere'").await;
        assert_eq!(before(&ada, &input).await.unwrap().map(|found| found.id), Some(first.id));
        let anew = ada.generations().create(studio.input("Hello")).await;
        assert_eq!(refusals(anew), [(ErrorCode::Unsupported, "voiceId".to_owned())]);
    }

    async fn a_key_stands_for_what_was_given_back_to_its_first_request(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let there = studio.ask("Hello").await;
        let input = CreateGeneration { fresh: false, ..marked(&studio, "one", "Hello") };
        let first = send(&ada, input.clone()).await;
        assert!(first.reused && !first.replayed && first.generation.id == there.id);
        // A fresh take is what the text gives back from now on.
        send(&ada, CreateGeneration { fresh: true, ..studio.input("Hello") }).await;
        let again = send(&ada, input).await;
        assert!(again.replayed && again.generation.id == there.id);
    }

    async fn what_failed_or_was_stopped_is_told_again_and_not_spoken_anew(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let (one, two) = (marked(&studio, "one", "Hello"), marked(&studio, "two", "Bye"));
        studio.engine.fail_next(EngineError::permanent("no"));
        let failed = send(&ada, one.clone()).await.generation;
        studio.services().settle().await.unwrap();
        let stopped = send(&ada, two.clone()).await.generation;
        ada.generations().cancel(address(&stopped)).await.unwrap();
        for (input, made, state) in [(one, failed, GenerationState::Failed), (two, stopped, GenerationState::Cancelled)] {
            let speech = ada.generations().speak_again(&input).await.unwrap().unwrap();
            assert_eq!((speech.generation.id, speech.generation.state), (made.id, state));
            assert!(speech.hearing.is_none());
            assert!(send(&ada, input).await.replayed);
        }
        assert_eq!((studio.bill().await, studio.jobs().await), ((0, 0), 2), "two sweeps are left");
    }

    async fn what_is_deleted_is_told_to_be_and_not_spoken_anew(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let input = marked(&studio, "one", "Hello");
        let made = send(&ada, input.clone()).await.generation;
        studio.services().settle().await.unwrap();
        ada.generations().delete(address(&made)).await.unwrap();
        let gone = [(ErrorCode::NotFound, "idempotencyKey".to_owned())];
        assert_eq!(refusals(before(&ada, &input).await), gone);
        assert_eq!(refusals(ada.generations().create(input).await), gone);
        assert_eq!(studio.bill().await, (5, 0));
    }

    async fn a_key_that_comes_with_another_request_is_refused(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        send(&ada, marked(&studio, "one", "Hello")).await;
        let other = marked(&studio, "one", "Good morning");
        let reused = [(ErrorCode::Conflict, "idempotencyKey".to_owned())];
        assert_eq!(refusals(before(&ada, &other).await), reused);
        assert_eq!(refusals(ada.generations().create(other).await), reused);
        assert_eq!((studio.bill().await, keys(&studio).await), ((0, 5), 1));
    }

    async fn everybody_has_keys_of_their_own_in_each_organization(backend: Backend) {
        let studio = Studio::new(backend).await;
        let input = marked(&studio, "one", "Hello");
        let (eve, elsewhere, neighbour) = studio.neighbour().await;
        let ada = studio.as_ada().await;
        let key = CreateApiKey {
            name: "CI".into(),
            permissions: ["org:voices:read", "org:generations:create"].map(str::to_owned).to_vec(),
            ..CreateApiKey::default()
        };
        let key = ada.api_keys().create(key).await.unwrap().token.expose();
        let program = studio.services().authenticate_key(&key, Default::default()).await.unwrap();
        // Ada is at home in both organizations.
        studio.instance.bring_in(&eve, elsewhere, &studio.ada, RoleKey::MEMBER).await;
        let abroad = studio.instance.request_in(&studio.ada, elsewhere).await;
        let (mel, mut made) = (studio.as_mel().await, Vec::new());
        for request in [&ada, &mel, &program, &neighbour, &abroad] {
            assert_eq!(before(request, &input).await.unwrap(), None);
            let created = send(request, input.clone()).await;
            assert!(!created.reused);
            made.push(created.generation.id);
        }
        assert_eq!(keys(&studio).await, 5);
        studio.services().settle().await.unwrap();
        for (request, id) in [&ada, &mel, &program, &neighbour, &abroad].into_iter().zip(made) {
            assert_eq!(before(request, &input).await.unwrap().map(|found| found.id), Some(id));
        }
    }

    async fn what_was_refused_leaves_its_key_free(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let budget = |characters| SetBudget { organization: None, member: None, characters };
        ada.billing().set_budget(budget(Some(4))).await.unwrap();
        let input = marked(&studio, "one", "Hello");
        let refused = ada.generations().create(input.clone()).await;
        assert!(matches!(refused, Err(ServiceError::QuotaExceeded(_))));
        assert_eq!((keys(&studio).await, before(&ada, &input).await.unwrap()), (0, None));
        ada.billing().set_budget(budget(None)).await.unwrap();
        assert!(!send(&ada, input.clone()).await.reused);
        // What was made is given back however little is left.
        ada.billing().set_budget(budget(Some(1))).await.unwrap();
        assert!(send(&ada, input).await.replayed);
    }

    async fn a_key_is_forgotten_after_a_day_swept_or_not(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let first = send(&ada, marked(&studio, "one", "Hello")).await.generation;
        send(&ada, marked(&studio, "two", "Hello")).await;
        studio.instance.clock.advance(TimeDelta::hours(24) - TimeDelta::minutes(1));
        assert_eq!(studio.services().tidy_idempotency_keys().await.unwrap(), 0);
        let ada = studio.as_ada().await;
        assert!(send(&ada, marked(&studio, "one", "Hello")).await.replayed);
        studio.instance.clock.advance(TimeDelta::minutes(1));
        // Now it may mean something else, and that counts for another day.
        let ada = studio.as_ada().await;
        let other = marked(&studio, "one", "Good morning");
        assert_eq!(before(&ada, &other).await.unwrap(), None);
        let second = send(&ada, other.clone()).await;
        assert!(!second.reused && second.generation.id != first.id);
        assert_eq!(studio.services().tidy_idempotency_keys().await.unwrap(), 1, "the other one's day is over");
        assert_eq!(keys(&studio).await, 1);
        assert!(send(&ada, other).await.replayed);
    }

    async fn of_twenty_who_send_the_same_at_once_to_two_nodes_all_get_one_generation(backend: Backend) {
        let studio = Studio::new(backend).await;
        let other = studio.instance.another_node().await;
        let mut contenders = Vec::new();
        for number in 0..20 {
            let node = if number % 2 == 0 { studio.services() } else { &other };
            let request = node.authenticate(&studio.ada.token, Default::default(), Some(studio.organization)).await.unwrap();
            // Each would be a take of its own without the key.
            let input = marked(&studio, "one", "Hello");
            contenders.push(async move { request.generations().create(input).await.unwrap() });
        }
        let created = at_once(contenders).await;
        assert_eq!(created.iter().filter(|created| !created.replayed).count(), 1);
        assert!(created.iter().all(|one| one.generation.id == created[0].generation.id));
        assert_eq!((studio.jobs().await, studio.bill().await, keys(&studio).await), (1, (0, 5), 1));
        assert_eq!(studio.instance.sql_count("generations").await, 1);
    }

    async fn of_twenty_requests_with_one_key_at_once_one_counts(backend: Backend) {
        let studio = Studio::new(backend).await;
        let other = studio.instance.another_node().await;
        let mut contenders = Vec::new();
        for number in 10..30 {
            let node = if number % 2 == 0 { studio.services() } else { &other };
            let request = node.authenticate(&studio.ada.token, Default::default(), Some(studio.organization)).await.unwrap();
            let input = marked(&studio, "one", &format!("n{number}"));
            contenders.push(async move { request.generations().create(input).await });
        }
        let outcomes = at_once(contenders).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refusals(refused), [(ErrorCode::Conflict, "idempotencyKey".to_owned())]);
        }
        assert_eq!((studio.jobs().await, studio.bill().await), (1, (0, 3)));
        assert_eq!(studio.instance.sql_count("generations").await, 1);
    }

    async fn wherever_the_node_dies_the_key_makes_one_generation(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (mut crashes, mut finished) = (0, 0);
        for polls in 0..200_u64 {
            let input = marked(&studio, &format!("key {polls}").replace(' ', "-"), "Hello");
            let ada = studio.as_ada().await;
            let done = {
                let mut work = pin!(ada.generations().create(input.clone()));
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
            };
            crashes += u32::from(!done);
            finished += u32::from(done);
            send(&studio.as_ada().await, input).await;
            let made = polls + 1;
            assert_eq!(studio.instance.sql_count("generations").await as u64, made, "after {polls} polls");
            assert_eq!((studio.bill().await, keys(&studio).await as u64), ((0, 5 * made), made), "after {polls} polls");
            if finished > 3 {
                break;
            }
        }
        // How often a future is polled depends on how quick the database is.
        assert!(crashes > 0 && finished > 3, "{crashes} crashes, {finished} without");
    }

    async fn a_key_costs_two_statements_and_finding_what_it_made_four_in_all(backend: Backend) {
        let studio = Studio::new(backend).await;
        let words = if backend == resonance_testkit::Backend::Sqlite { 2 } else { 0 };
        // Session, key; voice; standing, key, generation, job, count, spending, hold, event.
        let ask = async || {
            let (ada, input) = (studio.as_ada().await, marked(&studio, "one", "Hello"));
            if before(&ada, &input).await.unwrap().is_some() {
                return true;
            }
            let unmarked = CreateGeneration { fresh: false, ..input };
            send(&ada, unmarked).await.replayed
        };
        assert_eq!(count_statements(Box::pin(ask())).await, (false, 11 + words));
        studio.services().settle().await.unwrap();
        // Session, key, the generation; the same again, when its sound is looked for.
        assert_eq!(count_statements(Box::pin(ask())).await, (true, 4));
    }

    async fn what_a_stranger_to_a_voice_had_spoken_with_it_is_told_no_more(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let key = CreateApiKey {
            name: "CI".into(),
            permissions: ["org:voices:read", "org:generations:create"].map(str::to_owned).to_vec(),
            ..CreateApiKey::default()
        };
        let made = ada.api_keys().create(key).await.unwrap();
        let come = async || studio.services().authenticate_key(&made.token.expose(), Default::default()).await.unwrap();
        let input = marked(&studio, "one", "Hello");
        send(&come().await, input.clone()).await;
        let own = studio.instance.custom_voice(studio.organization, "Clara").await;
        let voices = serde_json::json!([own.global_id()]);
        studio.instance.sql(&format!("UPDATE api_keys SET voices = '{voices}'")).await;
        let refused = before(&come().await, &input).await;
        assert_eq!(refusals(refused), [(ErrorCode::NotFound, "voiceId".to_owned())]);
    }
}
