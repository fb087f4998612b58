//! Cancelling and deleting.

use chrono::TimeDelta;
use resonance_authz::{Denied, Permission};
use resonance_domain::{ErrorCode, GenerationState, Id, InOrg};
use resonance_services::ServiceError;
use resonance_speech::engine::EngineError;
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

on_both! {
    async fn what_is_cancelled_in_the_queue_is_never_spoken_and_costs_nothing(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        let request = studio.as_ada().await;
        let cancelled = request.generations().cancel(address(&asked)).await.unwrap();
        assert_eq!(cancelled.state, GenerationState::Cancelled);
        assert_eq!(studio.look(&asked).await, cancelled);
        studio.services().settle().await.unwrap();
        assert!(studio.engine.texts().is_empty());
        assert_eq!(studio.bill().await, (0, 0));
        let again = request.generations().cancel(address(&asked)).await;
        assert_eq!(refusals(again), [(ErrorCode::Conflict, "id".to_owned())]);
    }

    async fn what_is_cancelled_while_it_is_spoken_leaves_nothing(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let services = studio.services().clone();
        let node = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        studio.as_ada().await.generations().cancel(address(&asked)).await.unwrap();
        studio.engine.let_go();
        node.await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Cancelled);
        assert_eq!((studio.bill().await, studio.objects().await.len()), ((0, 0), 0));
        // The late sweep finds nothing, and ends.
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.jobs().await, 0);
    }

    async fn an_organization_is_purged_only_after_whoever_speaks_for_it_is_done(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let services = studio.services().clone();
        let node = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        let organization = studio.instance.sql_id(asked.organization.as_uuid());
        studio.as_ada().await.organizations().delete(Some(asked.organization)).await.unwrap();
        // The other node would be done now, while this one is about to upload.
        studio.instance.another_node().await.settle().await.unwrap();
        let left = format!("organizations WHERE id = {organization}");
        assert_eq!((studio.jobs().await, studio.instance.sql_count(&left).await), (2, 1));
        studio.engine.let_go();
        node.await.unwrap();
        studio.instance.clock.advance(TimeDelta::minutes(1));
        studio.services().settle().await.unwrap();
        assert_eq!((studio.objects().await.len(), studio.jobs().await), (0, 0));
        assert_eq!(studio.instance.sql_count(&left).await, 0);
    }

    async fn an_upload_that_a_dead_worker_left_is_swept_after_the_cancellation(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let services = studio.services().clone();
        let node = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        studio.as_ada().await.generations().cancel(address(&asked)).await.unwrap();
        node.abort();
        let _ = node.await;
        // As if it had died between storing the object and storing the result.
        let key = format!(
            "organizations/{}/generations/{}/audio.mp3",
            asked.organization.as_uuid(),
            asked.id.as_uuid()
        );
        let key = resonance_blobs::BlobKey::parse(&key).unwrap();
        studio.instance.blobs.put(&key, "left over".into(), "audio/mpeg").await.unwrap();
        studio.services().settle().await.unwrap();
        assert_eq!(studio.objects().await.len(), 1, "an upload may still be under way");
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert_eq!((studio.objects().await.len(), studio.jobs().await), (0, 0));
    }

    async fn members_stop_and_delete_their_own_and_admins_everybodys(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, _, stranger) = studio.neighbour().await;
        let (ada, mel) = (studio.as_ada().await, studio.as_mel().await);
        let adas = ada.generations().create(studio.input("by Ada")).await.unwrap().generation;
        let mels = mel.generations().create(studio.input("by Mel")).await.unwrap().generation;
        let forbidden = |error: ServiceError| {
            matches!(error, ServiceError::Denied(Denied::Forbidden { missing: Permission::GenerationsDelete }))
        };
        let hidden = |error: ServiceError| matches!(error, ServiceError::Denied(Denied::NotVisible));
        assert!(forbidden(mel.generations().cancel(address(&adas)).await.unwrap_err()));
        assert!(forbidden(mel.generations().delete(address(&adas)).await.unwrap_err()));
        assert!(hidden(stranger.generations().cancel(address(&adas)).await.unwrap_err()));
        assert!(hidden(stranger.generations().delete(address(&adas)).await.unwrap_err()));
        let never = InOrg::new(studio.organization, Id::from_uuid(studio.instance.fresh_uuid()));
        assert!(hidden(mel.generations().cancel(never).await.unwrap_err()));
        assert!(hidden(mel.generations().delete(never).await.unwrap_err()));
        let nobody = studio.instance.anonymous().generations().delete(address(&adas)).await;
        assert!(matches!(nobody, Err(ServiceError::Denied(Denied::Unauthenticated))));

        mel.generations().cancel(address(&mels)).await.unwrap();
        mel.generations().delete(address(&mels)).await.unwrap();
        let mels = mel.generations().create(studio.input("by Mel")).await.unwrap().generation;
        ada.generations().cancel(address(&mels)).await.unwrap();
        ada.generations().delete(address(&mels)).await.unwrap();
        assert_eq!(studio.look(&adas).await.state, GenerationState::Queued);
        assert_eq!(ada.generations().count(studio.organization, &Default::default()).await.unwrap(), 1);
    }

    async fn what_is_deleted_is_gone_with_its_audio_and_stays_on_the_bill(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (spoken, kept) = (studio.ask("Hello").await, studio.ask("Good morning").await);
        studio.services().settle().await.unwrap();
        let request = studio.as_ada().await;
        request.generations().delete(address(&spoken)).await.unwrap();
        let gone = request.generations().get(address(&spoken)).await;
        assert!(matches!(gone, Err(ServiceError::Denied(Denied::NotVisible))));
        let again = request.generations().delete(address(&spoken)).await;
        assert!(matches!(again, Err(ServiceError::Denied(Denied::NotVisible))));
        studio.services().settle().await.unwrap();
        let kept = studio.look(&kept).await;
        assert_eq!(studio.objects().await, [kept.audio_key.unwrap()]);
        assert_eq!(studio.bill().await, (17, 0));
        assert_eq!(request.generations().count(studio.organization, &Default::default()).await.unwrap(), 1);
        // The same input is spoken anew.
        assert!(!request.generations().create(studio.input("Hello")).await.unwrap().reused);
    }

    async fn what_is_deleted_while_it_is_spoken_leaves_nothing_even_if_its_worker_slept(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.hold();
        let services = studio.services().clone();
        let node = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        studio.as_ada().await.generations().delete(address(&asked)).await.unwrap();
        studio.engine.let_go();
        node.await.unwrap();
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert_eq!((studio.bill().await, studio.jobs().await), ((0, 0), 0));
        assert!(studio.objects().await.is_empty());
    }

    async fn a_failed_generation_can_be_deleted_and_its_leftovers_are_swept(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.engine.fail_next(EngineError::permanent("no"));
        studio.services().settle().await.unwrap();
        studio.as_mel().await.generations().delete(address(&asked)).await.unwrap_err();
        studio.as_ada().await.generations().delete(address(&asked)).await.unwrap();
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.jobs().await, 0);
    }

    async fn cancelling_and_speaking_at_the_same_time_end_in_one_of_both(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (mut charged, mut cancelled) = (0, 0);
        for n in 0..30 {
            let asked = studio.ask(&format!("Hello {n:02}")).await;
            let request = studio.as_ada().await;
            let services = studio.services().clone();
            let node = tokio::spawn(async move { services.settle().await.unwrap() });
            tokio::time::sleep(std::time::Duration::from_micros(700 * n)).await;
            let outcome = request.generations().cancel(address(&asked)).await;
            node.await.unwrap();
            let ended = studio.look(&asked).await;
            match outcome {
                Ok(_) => {
                    cancelled += 1;
                    assert_eq!(ended.state, GenerationState::Cancelled);
                }
                outcome => {
                    assert_eq!(refusals(outcome), [(ErrorCode::Conflict, "id".to_owned())]);
                    assert_eq!(ended.state, GenerationState::Succeeded);
                    charged += 8;
                }
            }
            assert_eq!(studio.bill().await, (charged, 0));
        }
        assert!(cancelled > 0);
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.objects().await.len() as u64, charged / 8);
    }

    async fn deleting_at_the_same_time_as_speaking_always_succeeds(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..20 {
            let asked = studio.ask(&format!("Hello {n:02}")).await;
            let request = studio.as_ada().await;
            let services = studio.services().clone();
            let node = tokio::spawn(async move { services.settle().await.unwrap() });
            tokio::time::sleep(std::time::Duration::from_millis(n)).await;
            request.generations().delete(address(&asked)).await.unwrap();
            node.await.unwrap();
        }
        assert_eq!(studio.as_ada().await.generations().count(studio.organization, &Default::default()).await.unwrap(), 0);
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert!(studio.objects().await.is_empty() && studio.bill().await.1 == 0);
    }
}
