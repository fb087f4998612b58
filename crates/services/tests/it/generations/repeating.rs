//! Asking for what was spoken before once more.

use resonance_authz::Denied;
use resonance_domain::{AudioFormat, ErrorCode, GenerationState, Id, InOrg};
use resonance_services::{CreateGeneration, ServiceError, SettingsInput};
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

on_both! {
    async fn a_repetition_is_a_fresh_take_of_the_same_by_whoever_asks(backend: Backend) {
        let studio = Studio::new(backend).await;
        let settings = SettingsInput { temperature: Some(0.3), top_k: Some(7), speed: Some(1.5), ..SettingsInput::default() };
        let input = CreateGeneration { settings, format: AudioFormat::Flac, ..studio.input("Hello") };
        let old = studio.as_ada().await.generations().create(input.clone()).await.unwrap().generation;
        studio.services().settle().await.unwrap();
        let mel = studio.as_mel().await;
        let new = mel.generations().repeat(address(&old), true).await.unwrap();
        assert!(!new.reused && new.generation.id != old.id);
        let new = new.generation;
        assert_eq!(
            (&new.text, &new.voice, new.settings, new.format, &new.engine),
            (&old.text, &old.voice, old.settings, old.format, &old.engine)
        );
        assert_eq!((new.created_by, new.state), (Some(studio.mel.user), GenerationState::Queued));
        assert_eq!(studio.bill().await, (5, 5));
        studio.services().settle().await.unwrap();
        assert_eq!((studio.look(&new).await.state, studio.bill().await), (GenerationState::Succeeded, (10, 0)));
        assert_eq!(studio.look(&old).await.state, GenerationState::Succeeded);
        // It is the one that the same input gives back from now on.
        let again = mel.generations().create(input).await.unwrap();
        assert_eq!((again.generation.id, again.reused), (new.id, true));
    }

    async fn without_a_fresh_take_the_repetition_of_what_is_there_is_that(backend: Backend) {
        let studio = Studio::new(backend).await;
        let old = studio.ask("Hello").await;
        let request = studio.as_ada().await;
        let same = request.generations().repeat(address(&old), false).await.unwrap();
        assert_eq!((same.generation.id, same.reused), (old.id, true));
        // What was stopped is not given back.
        request.generations().cancel(address(&old)).await.unwrap();
        let new = request.generations().repeat(address(&old), false).await.unwrap();
        assert!(new.generation.id != old.id && !new.reused);
    }

    async fn what_cannot_be_asked_for_cannot_be_repeated(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, neighbour) = studio.neighbour().await;
        let clara = studio.instance.custom_voice(studio.organization, "Clara").await;
        let input = CreateGeneration { voice: clara.global_id(), ..studio.input("Hello") };
        let old = studio.as_ada().await.generations().create(input).await.unwrap().generation;
        let id = studio.instance.sql_id(clara.id().as_uuid());
        studio.instance.sql(&format!("DELETE FROM voices WHERE id = {id}")).await;
        let gone = studio.as_ada().await.generations().repeat(address(&old), true).await;
        assert_eq!(refusals(gone), [(ErrorCode::NotFound, "voiceId".to_owned())]);

        let hidden = |error: ServiceError| matches!(error, ServiceError::Denied(Denied::NotVisible));
        assert!(hidden(neighbour.generations().repeat(address(&old), true).await.unwrap_err()));
        let misplaced = InOrg::new(elsewhere, old.id);
        assert!(hidden(neighbour.generations().repeat(misplaced, true).await.unwrap_err()));
        let never = InOrg::new(studio.organization, Id::from_uuid(studio.instance.fresh_uuid()));
        assert!(hidden(studio.as_mel().await.generations().repeat(never, true).await.unwrap_err()));
        let nobody = studio.instance.anonymous().generations().repeat(address(&old), true).await;
        assert!(matches!(nobody, Err(ServiceError::Denied(Denied::Unauthenticated))));
        assert_eq!(studio.bill().await, (0, 5));
    }
}
