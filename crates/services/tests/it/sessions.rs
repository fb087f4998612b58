//! One's own sessions.

use resonance_authz::Denied;
use resonance_domain::{Direction, ErrorCode, Origin, PageRequest};
use resonance_services::{IdCursor, ServiceError};
use resonance_testkit::{Instance, PASSWORD, Person, on_both};

use crate::refusals::refused;

async fn sign_in(instance: &Instance, person: &Person) -> Person {
    let request = instance.anonymous();
    let opened = request.accounts().sign_in(&person.email, PASSWORD.into()).await;
    opened.unwrap().into()
}

async fn is_open(instance: &Instance, person: &Person) -> bool {
    let outcome = instance
        .services
        .authenticate(&person.token, Origin::default(), None)
        .await;
    match outcome {
        Ok(_) => true,
        Err(ServiceError::Denied(Denied::Unauthenticated)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

on_both! {
    async fn the_own_sessions_come_in_pages_newest_first_and_nobody_elses(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        sign_in(&instance, &bob).await;
        for _ in 0..4 {
            sign_in(&instance, &ada).await;
        }
        let request = instance.request_of(&ada).await;
        let all = request.sessions().page(&PageRequest::first(100)).await.unwrap();
        assert_eq!((all.items.len(), all.has_next), (5, false));
        assert!(all.items.is_sorted_by_key(|session| std::cmp::Reverse(session.id)));
        assert!(all.items.iter().all(|session| session.user == ada.user));
        assert_eq!(request.sessions().count().await.unwrap(), 5);

        let mut walked = Vec::new();
        let mut page = PageRequest::first(2);
        loop {
            let found = request.sessions().page(&page).await.unwrap();
            walked.extend(found.items.iter().map(|session| session.id));
            if !found.has_next {
                break;
            }
            page.cursor = walked.last().map(|id| IdCursor(id.as_uuid()));
        }
        assert_eq!(walked, all.items.iter().map(|session| session.id).collect::<Vec<_>>());
        let last = PageRequest { direction: Direction::Backward, limit: 2, cursor: None };
        let last = request.sessions().page(&last).await.unwrap();
        assert_eq!(last.items, all.items[3..]);
        let before = PageRequest { direction: Direction::Backward, limit: 2, cursor: Some(IdCursor(all.items[3].id.as_uuid())) };
        assert_eq!(request.sessions().page(&before).await.unwrap().items, all.items[1..3]);

        instance.clock.advance(resonance_domain::SESSION_IDLE_LIFETIME);
        assert_eq!(request.sessions().count().await.unwrap(), 0);
        assert!(request.sessions().page(&PageRequest::first(2)).await.unwrap().items.is_empty());
    }

    async fn a_revoked_session_is_out_at_once_and_only_its_owner_revokes_it(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let phone = sign_in(&instance, &ada).await;
        let of_phone = instance.request_of(&phone).await.account().unwrap().session.id;
        let (by_ada, by_bob) = (instance.request_of(&ada).await, instance.request_of(&bob).await);
        let not_found = [(ErrorCode::NotFound, "sessionId".to_owned())];
        assert_eq!(refused(by_bob.sessions().revoke(of_phone).await), not_found);
        assert!(is_open(&instance, &phone).await);
        by_ada.sessions().revoke(of_phone).await.unwrap();
        assert!(!is_open(&instance, &phone).await);
        assert_eq!(refused(by_ada.sessions().revoke(of_phone).await), not_found);
        assert!(is_open(&instance, &ada).await);
    }

    async fn revoking_the_others_leaves_this_one_and_other_people(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let others = [sign_in(&instance, &ada).await, sign_in(&instance, &ada).await];
        let request = instance.request_of(&ada).await;
        assert_eq!(request.sessions().revoke_others().await.unwrap(), 2);
        for other in &others {
            assert!(!is_open(&instance, other).await);
        }
        assert!(is_open(&instance, &ada).await && is_open(&instance, &bob).await);
        assert_eq!(request.sessions().revoke_others().await.unwrap(), 0);
    }

    async fn nobody_has_no_sessions(backend: Backend) {
        let instance = Instance::new(backend).await;
        let request = instance.anonymous();
        let page = request.sessions().page(&PageRequest::first(1)).await;
        assert!(matches!(page, Err(ServiceError::Denied(Denied::Unauthenticated))));
        assert!(matches!(request.sessions().revoke_others().await, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
