//! Asking for texts to be spoken.

use futures_util::future::join_all;
use resonance_authz::Denied;
use resonance_domain::{AudioFormat, ErrorCode, GenerationState, InOrg, VoiceAddress};
use resonance_persistence::count_statements;
use resonance_services::{CreateGeneration, ServiceError, SettingsInput};
use resonance_speech::engine::EngineError;
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

on_both! {
    async fn a_text_is_queued_spoken_and_charged(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("  Hello, wörld!\n").await;
        assert_eq!((asked.state, asked.characters), (GenerationState::Queued, 13));
        assert_eq!(asked.voice.name, "Vera");
        assert_eq!(asked, studio.look(&asked).await);
        assert_eq!(studio.bill().await, (0, 13));

        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!(spoken.state, GenerationState::Succeeded);
        assert_eq!((spoken.progress, spoken.failure), (1.0, None));
        assert_eq!(spoken.sample_rate, Some(22_050));
        assert_eq!(spoken.duration_ms, Some(13 * 220 * 1000 / 22_050));
        assert!(spoken.started_at >= Some(asked.created_at) && spoken.finished_at >= spoken.started_at);
        assert_eq!(studio.engine.texts(), ["Hello, wörld!"]);
        assert_eq!(studio.bill().await, (13, 0));
        assert_eq!(studio.objects().await, [spoken.audio_key.unwrap()]);
        assert_eq!(studio.jobs().await, 0);
    }

    async fn asking_takes_nine_statements_with_authentication_and_being_given_back_five(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ask = async || {
            let request = studio.as_ada().await;
            request.generations().create(studio.input("Hello")).await.unwrap().reused
        };
        // Session, voice; standing, generation, job, count, spending, hold, event. SQLite, which is no round trip away, is given the
        // words of the text by two more.
        let words = if backend == resonance_testkit::Backend::Sqlite { 2 } else { 0 };
        assert_eq!(count_statements(ask()).await, (false, 9 + words));
        // Session, voice; standing, generation, the generation that was there.
        assert_eq!(count_statements(ask()).await, (true, 5));
    }

    async fn everything_that_is_wrong_is_told_at_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let request = studio.as_ada().await;
        let wrong = CreateGeneration {
            text: " \n ".into(),
            voice: "voice_of_nobody".into(),
            settings: SettingsInput {
                temperature: Some(2.5),
                top_p: Some(f64::NAN),
                top_k: Some(-1),
                repetition_penalty: Some(0.0),
                speed: Some(5.0),
            },
            ..CreateGeneration::default()
        };
        let mut told = refusals(request.generations().create(wrong).await);
        told.sort_by(|a, b| a.1.cmp(&b.1));
        let expected = [
            (ErrorCode::Invalid, "settings.repetitionPenalty"),
            (ErrorCode::Invalid, "settings.speed"),
            (ErrorCode::Invalid, "settings.temperature"),
            (ErrorCode::Invalid, "settings.topK"),
            (ErrorCode::Invalid, "settings.topP"),
            (ErrorCode::TooShort, "text"),
            (ErrorCode::Invalid, "voiceId"),
        ];
        assert_eq!(told, expected.map(|(code, field)| (code, field.to_owned())));
        let long = request.generations().create(studio.input(&"x".repeat(5001))).await;
        assert_eq!(refusals(long), [(ErrorCode::TooLong, "text".to_owned())]);
        assert!(request.generations().create(studio.input(&"🎙".repeat(5000))).await.is_ok());
    }

    async fn another_organizations_voice_is_as_absent_as_one_that_never_was(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, _) = studio.neighbour().await;
        let own = studio.instance.custom_voice(studio.organization, "Clara").await;
        let foreign = studio.instance.custom_voice(elsewhere, "Clara").await;
        let request = studio.as_mel().await;
        let ask = async |voice: VoiceAddress| {
            let input = CreateGeneration { voice: voice.global_id(), ..studio.input("Hello") };
            request.generations().create(input).await
        };
        assert_eq!(ask(own).await.unwrap().generation.voice.name, "Clara");
        let never = VoiceAddress::System(resonance_domain::Id::from_uuid(studio.instance.fresh_uuid()));
        let misplaced = VoiceAddress::Custom(InOrg::new(studio.organization, foreign.id()));
        let bare = VoiceAddress::System(own.id());
        for voice in [foreign, never, misplaced, bare] {
            assert_eq!(refusals(ask(voice).await), [(ErrorCode::NotFound, "voiceId".to_owned())]);
        }
        // The try at the neighbour's is on record with the instance, and only that.
        let told = studio.instance.sql_texts("SELECT subject FROM events WHERE kind = 'access.refused' AND organization_id IS NULL").await;
        assert_eq!(told, [foreign.global_id()]);
    }

    async fn whoever_is_no_member_cannot_ask(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, stranger) = studio.neighbour().await;
        let input = CreateGeneration { organization: Some(studio.organization), ..studio.input("Hello") };
        let hidden = stranger.generations().create(input.clone()).await;
        assert!(matches!(hidden, Err(ServiceError::Denied(Denied::NotVisible))));
        let nobody = studio.instance.anonymous().generations().create(input).await;
        assert!(matches!(nobody, Err(ServiceError::Denied(Denied::Unauthenticated))));
        let unsaid = CreateGeneration { organization: None, ..studio.input("Hello") };
        let loner = studio.instance.sign_up("Lou", "lou@example.org").await;
        let request = studio.instance.request_of(&loner).await;
        let outcome = request.generations().create(unsaid).await;
        assert!(matches!(outcome, Err(ServiceError::OrganizationRequired)));
        for organization in [studio.organization, elsewhere] {
            let request = if organization == elsewhere { stranger.clone() } else { studio.as_ada().await };
            assert_eq!(request.generations().count(organization, &Default::default()).await.unwrap(), 0);
        }
    }

    async fn nothing_is_asked_of_a_deleted_organization(backend: Backend) {
        let studio = Studio::new(backend).await;
        let id = studio.instance.sql_id(studio.organization.as_uuid());
        studio.instance.sql(&format!("UPDATE organizations SET deleted_at = created_at WHERE id = {id}")).await;
        let outcome = studio.as_ada().await.generations().create(studio.input("Hello")).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::NotVisible))));
        assert_eq!((studio.jobs().await, studio.bill().await), (0, (0, 0)));
    }

    async fn a_voice_that_nothing_here_speaks_is_refused(backend: Backend) {
        let studio = Studio::new(backend).await;
        let voice = studio.instance.system_voice("Otto", "elsewhere", &serde_json::json!({})).await;
        let input = CreateGeneration { voice: voice.global_id(), ..studio.input("Hello") };
        let outcome = studio.as_ada().await.generations().create(input).await;
        assert_eq!(refusals(outcome), [(ErrorCode::Unsupported, "voiceId".to_owned())]);
    }

    async fn the_same_is_given_back_free_of_charge_and_anything_else_is_new(backend: Backend) {
        let studio = Studio::new(backend).await;
        let first = studio.ask("Hello").await;
        let again = studio.as_mel().await.generations().create(studio.input(" Hello ")).await.unwrap();
        assert_eq!((again.generation, again.reused), (first.clone(), true));
        studio.services().settle().await.unwrap();
        let after = studio.as_mel().await.generations().create(studio.input("Hello")).await.unwrap();
        assert!(after.reused && after.generation.state == GenerationState::Succeeded);
        assert_eq!(studio.bill().await, (5, 0));

        let other_voice = studio.instance.custom_voice(studio.organization, "Vera").await;
        let request = studio.as_ada().await;
        for input in [
            studio.input("hello"),
            CreateGeneration { voice: other_voice.global_id(), ..studio.input("Hello") },
            CreateGeneration { format: AudioFormat::Flac, ..studio.input("Hello") },
            CreateGeneration {
                settings: SettingsInput { speed: Some(1.5), ..SettingsInput::default() },
                ..studio.input("Hello")
            },
        ] {
            let created = request.generations().create(input.clone()).await.unwrap();
            assert!(!created.reused, "{input:?}");
        }
        // Negative zero is zero.
        let zero = |zero| CreateGeneration {
            settings: SettingsInput { temperature: Some(zero), ..SettingsInput::default() },
            ..studio.input("Hello")
        };
        assert!(!request.generations().create(zero(0.0)).await.unwrap().reused);
        assert!(request.generations().create(zero(-0.0)).await.unwrap().reused);

        let (_, _, neighbour) = studio.neighbour().await;
        assert!(!neighbour.generations().create(studio.input("Hello")).await.unwrap().reused);
    }

    async fn a_fresh_take_is_charged_and_takes_the_place_of_the_old_one(backend: Backend) {
        let studio = Studio::new(backend).await;
        let first = studio.ask("Hello").await;
        let fresh = CreateGeneration { fresh: true, ..studio.input("Hello") };
        let second = studio.as_ada().await.generations().create(fresh).await.unwrap();
        assert!(!second.reused && second.generation.id != first.id);
        let third = studio.as_ada().await.generations().create(studio.input("Hello")).await.unwrap();
        assert!(third.reused && third.generation.id == second.generation.id);
        studio.services().settle().await.unwrap();
        assert_eq!(studio.bill().await, (10, 0));
    }

    async fn what_failed_or_was_cancelled_is_not_given_back(backend: Backend) {
        let studio = Studio::new(backend).await;
        let first = studio.ask("Hello").await;
        studio.engine.fail_next(EngineError::permanent("no"));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&first).await.state, GenerationState::Failed);
        let second = studio.ask("Hello").await;
        assert_ne!(first.id, second.id);
        studio.as_ada().await.generations().cancel(address(&second)).await.unwrap();
        let third = studio.ask("Hello").await;
        assert_ne!(second.id, third.id);
        studio.services().settle().await.unwrap();
        assert_eq!(studio.bill().await, (5, 0));
    }

    async fn twenty_who_ask_for_the_same_at_once_get_one_generation_and_pay_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asking = (0..20).map(|n| {
            let (services, input) = (studio.as_ada(), studio.input("Hello"));
            async move {
                let request = services.await;
                let _ = n;
                tokio::spawn(async move { request.generations().create(input).await.unwrap() }).await.unwrap()
            }
        });
        let created = join_all(asking).await;
        assert_eq!(created.iter().filter(|created| !created.reused).count(), 1);
        assert!(created.iter().all(|one| one.generation.id == created[0].generation.id));
        assert_eq!((studio.jobs().await, studio.bill().await), (1, (0, 5)));
        studio.services().settle().await.unwrap();
        assert_eq!((studio.engine.texts().len(), studio.bill().await), (1, (5, 0)));
    }

    async fn twenty_fresh_takes_at_once_are_twenty_generations(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.ask("Hello").await;
        let mut requests = Vec::new();
        for _ in 0..20 {
            requests.push(studio.as_ada().await);
        }
        let asking = requests.into_iter().enumerate().map(|(n, request)| {
            // Every other one would take what is there.
            let input = CreateGeneration { fresh: n % 2 == 0, ..studio.input("Hello") };
            tokio::spawn(async move { request.generations().create(input).await.unwrap() })
        });
        let created: Vec<_> = join_all(asking).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(created.iter().filter(|created| !created.reused).count(), 10);
        let count = studio.as_ada().await.generations().count(studio.organization, &Default::default()).await;
        assert_eq!((count.unwrap(), studio.jobs().await, studio.bill().await), (11, 11, (0, 55)));
    }

    async fn asking_and_counting_members_do_not_wait_for_each_other_in_a_circle(backend: Backend) {
        use resonance_persistence::Repositories as _;
        let studio = Studio::new(backend).await;
        let mut tasks = Vec::new();
        for n in 0..24 {
            let (request, input) = (studio.as_ada().await, studio.input(&format!("Hello {n}")));
            let (database, user) = (studio.instance.test_database.database.clone(), studio.ada.user);
            let organization = studio.organization;
            tasks.push(tokio::spawn(async move {
                if n % 3 == 0 {
                    let locked = database.atomically(async |uow| {
                        uow.standings().of_locked(user, organization).await?;
                        Ok::<_, ServiceError>(())
                    });
                    locked.await.map_err(|error| format!("{error:?}"))
                } else {
                    request.generations().create(input).await.map(drop).map_err(|error| format!("{error:?}"))
                }
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
}
