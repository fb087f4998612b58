//! Deleting several at once.

use chrono::TimeDelta;
use resonance_authz::{Denied, Permission};
use resonance_domain::{ErrorCode, Generation, GenerationId, Id, InOrg};
use resonance_services::{Request, ServiceError};
use resonance_testkit::{at_once, on_both};

use super::{Studio, address, refusals};

fn addresses(generations: &[Generation]) -> Vec<InOrg<GenerationId>> {
    generations.iter().map(address).collect()
}

async fn left(studio: &Studio) -> u64 {
    let request = studio.as_ada().await;
    let filter = Default::default();
    request
        .generations()
        .count(studio.organization, &filter)
        .await
        .unwrap()
}

async fn ask(request: &Request, studio: &Studio, text: &str) -> Generation {
    let created = request.generations().create(studio.input(text)).await;
    created.unwrap().generation
}

on_both! {
    async fn a_selection_goes_whatever_its_states_with_audio_counts_and_records(backend: Backend) {
        let studio = Studio::new(backend).await;
        let ada = studio.as_ada().await;
        let mut all = vec![studio.ask("spoken").await];
        let kept = studio.ask("kept").await;
        studio.services().settle().await.unwrap();
        let stopped = studio.ask("stopped").await;
        ada.generations().cancel(address(&stopped)).await.unwrap();
        all.extend([stopped, studio.ask("waiting").await, studio.ask("too").await]);
        // Naming one twice is naming it.
        let mut selection = addresses(&all);
        selection.push(selection[0]);
        ada.generations().delete_many(&selection).await.unwrap();
        assert_eq!((left(&studio).await, studio.bill().await), (1, (10, 0)));
        let organization = studio.instance.sql_id(studio.organization.as_uuid());
        let recorded = async |kind: &str| {
            let what = format!("events WHERE kind = '{kind}' AND organization_id = {organization}");
            studio.instance.sql_count(&what).await
        };
        assert_eq!((recorded("generation.deleted").await, recorded("generation.cancelled").await), (4, 3));
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        let kept = studio.look(&kept).await;
        assert_eq!((studio.objects().await, studio.jobs().await), (vec![kept.audio_key.unwrap()], 0));
    }

    async fn all_of_a_selection_goes_or_nothing(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, stranger) = studio.neighbour().await;
        let (ada, mel) = (studio.as_ada().await, studio.as_mel().await);
        let adas = ask(&ada, &studio, "by Ada").await;
        let mels = [ask(&mel, &studio, "by Mel").await, ask(&mel, &studio, "also").await];
        let theirs = ask(&stranger, &studio, "theirs").await;
        let mixed = [address(&mels[0]), address(&adas)];
        let forbidden = mel.generations().delete_many(&mixed).await;
        assert!(matches!(
            forbidden,
            Err(ServiceError::Denied(Denied::Forbidden { missing: Permission::GenerationsDelete }))
        ));
        let hidden = |error: ServiceError| matches!(error, ServiceError::Denied(Denied::NotVisible));
        let never = InOrg::new(studio.organization, Id::from_uuid(studio.instance.fresh_uuid()));
        assert!(hidden(mel.generations().delete_many(&[address(&mels[0]), never]).await.unwrap_err()));
        assert!(hidden(stranger.generations().delete_many(&mixed).await.unwrap_err()));
        let misplaced = InOrg::new(elsewhere, adas.id);
        assert!(hidden(stranger.generations().delete_many(&[address(&theirs), misplaced]).await.unwrap_err()));
        let nobody = studio.instance.anonymous().generations().delete_many(&mixed).await;
        assert!(matches!(nobody, Err(ServiceError::Denied(Denied::Unauthenticated))));

        let ids = || vec![(ErrorCode::Invalid, "ids".to_owned())];
        assert_eq!(refusals(mel.generations().delete_many(&[]).await), ids());
        assert_eq!(refusals(mel.generations().delete_many(&[address(&mels[0]), address(&theirs)]).await), ids());
        assert_eq!(refusals(mel.generations().delete_many(&[address(&mels[0]); 101]).await), ids());
        assert_eq!(left(&studio).await, 3);

        mel.generations().delete_many(&addresses(&mels)).await.unwrap();
        ada.generations().delete_many(&[address(&adas)]).await.unwrap();
        assert_eq!((left(&studio).await, studio.bill().await), (0, (0, 0)));
        assert!(stranger.generations().get(address(&theirs)).await.is_ok());
    }

    async fn a_selection_goes_while_it_is_spoken_and_only_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        for round in 0..6_u64 {
            let mut all = Vec::new();
            for n in 0..5 {
                all.push(studio.ask(&format!("Hello {round} {n}")).await);
            }
            let services = studio.services().clone();
            let node = tokio::spawn(async move { services.settle().await.unwrap() });
            tokio::time::sleep(std::time::Duration::from_millis(3 * round)).await;
            let mut backwards = addresses(&all);
            backwards.reverse();
            let (ada, mel) = (studio.as_ada().await, studio.as_ada().await);
            let forwards = addresses(&all);
            let one = async move { ada.generations().delete_many(&forwards).await };
            let other = async move { mel.generations().delete_many(&backwards).await };
            let outcomes = at_once(vec![
                Box::pin(one) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>,
                Box::pin(other),
            ]).await;
            node.await.unwrap();
            let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let gone = |outcome: &Result<(), ServiceError>| {
                matches!(outcome, Err(ServiceError::Denied(Denied::NotVisible)))
            };
            assert!(done == 1 && outcomes.iter().any(gone), "{outcomes:?}");
        }
        assert_eq!(left(&studio).await, 0);
        studio.instance.clock.advance(TimeDelta::minutes(16));
        studio.services().settle().await.unwrap();
        assert!(studio.objects().await.is_empty() && studio.bill().await.1 == 0);
    }
}
