//! Signing in and out.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{ErrorCode, Origin};
use resonance_services::{OpenedSession, Outcome, Request, ServiceError};
use resonance_testkit::{Instance, PASSWORD, Person, on_both};

use crate::refusals::{rate_limited, refused};

async fn sign_in(request: &Request, email: &str, password: &str) -> Outcome<OpenedSession> {
    request.accounts().sign_in(email, password.to_owned()).await
}

/// Whether the token is refused now.
async fn is_refused(instance: &Instance, person: &Person) -> bool {
    let outcome = instance
        .services
        .authenticate(&person.token, Origin::default(), None)
        .await;
    matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
}

fn wrong() -> [(ErrorCode, String); 1] {
    [(ErrorCode::WrongCredentials, String::new())]
}

on_both! {
    async fn the_password_opens_a_session_of_its_own(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let opened = sign_in(&instance.anonymous_from("192.0.2.1"), " ADA@example.org", PASSWORD).await.unwrap();
        assert_eq!(opened.session.ip_address.as_deref(), Some("192.0.2.1"));
        assert_eq!(opened.user.id, ada.user);
        let again: Person = opened.into();
        assert_ne!(again.token, ada.token);
        instance.request_of(&again).await.accounts().sign_out().await.unwrap();
        assert!(is_refused(&instance, &again).await);
        assert!(!is_refused(&instance, &ada).await);
    }

    async fn an_absent_account_and_a_wrong_password_get_the_same_answer(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        for (email, password) in [
            ("ada@example.org", "not the password"),
            ("ada@example.org", ""),
            ("ada@example.org", "x".repeat(10_000).as_str()),
            ("bob@example.org", PASSWORD),
        ] {
            let found = refused(sign_in(&instance.anonymous(), email, password).await);
            assert_eq!(found, wrong(), "{email}");
        }
        let found = refused(sign_in(&instance.anonymous(), "ada", PASSWORD).await);
        assert_eq!(found, [(ErrorCode::Invalid, "email".into())]);
    }

    async fn ten_wrong_passwords_for_an_address_are_enough_whether_it_has_an_account_or_not(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        for email in ["ada@example.org", "bob@example.org"] {
            for _ in 0..10 {
                assert_eq!(refused(sign_in(&instance.anonymous(), email, "wrong").await), wrong());
            }
            // The right one does not help either, until the wait is over.
            assert_eq!(rate_limited(sign_in(&instance.anonymous(), email, PASSWORD).await), 90);
        }
        instance.clock.advance(TimeDelta::seconds(90));
        sign_in(&instance.anonymous(), "ada@example.org", PASSWORD).await.unwrap();
        // Success makes the count begin anew.
        for _ in 0..10 {
            assert_eq!(refused(sign_in(&instance.anonymous(), "ada@example.org", "wrong").await), wrong());
        }
    }

    async fn many_guesses_at_once_are_no_more_than_allowed(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        let guesses = (0..30).map(|_| {
            let request = instance.anonymous();
            tokio::spawn(async move { request.accounts().sign_in("ada@example.org", "wrong".into()).await })
        });
        let mut compared = 0;
        for task in guesses.collect::<Vec<_>>() {
            compared += usize::from(matches!(task.await.unwrap(), Err(ServiceError::Refused(_))));
        }
        assert_eq!(compared, 10);
    }

    async fn one_client_fails_fifty_times_whatever_the_addresses_and_its_own_successes(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Eve", "eve@example.org").await;
        let client = instance.anonymous_from("192.0.2.66");
        for n in 0..50 {
            let victim = format!("victim{n}@example.org");
            assert_eq!(refused(sign_in(&client, &victim, "wrong").await), wrong());
            if n < 49 {
                sign_in(&client, "eve@example.org", PASSWORD).await.unwrap();
            }
        }
        rate_limited(sign_in(&client, "another@example.org", "wrong").await);
        sign_in(&instance.anonymous_from("192.0.2.67"), "eve@example.org", PASSWORD).await.unwrap();
    }

    async fn whoever_is_suspended_is_out_at_once_and_stays_out(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.sql("UPDATE users SET suspended_at = created_at WHERE email = 'ada@example.org'").await;
        assert!(is_refused(&instance, &ada).await);
        assert_eq!(refused(sign_in(&instance.anonymous(), "ada@example.org", PASSWORD).await), wrong());
        assert!(!is_refused(&instance, &bob).await);
    }

    async fn a_hash_of_another_cost_is_renewed_by_signing_in(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        let cheap = resonance_identity::Passwords::new(resonance_identity::PasswordCost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap();
        let old = cheap.rehash(PASSWORD).unwrap();
        instance.sql(&format!("UPDATE users SET password_hash = '{old}'")).await;
        sign_in(&instance.anonymous(), "ada@example.org", PASSWORD).await.unwrap();
        assert_eq!(instance.sql("UPDATE users SET name = name WHERE password_hash LIKE '%m=64,%'").await, 0);
        assert_eq!(instance.sql("UPDATE users SET name = name WHERE password_hash LIKE '%m=1024,%'").await, 1);
        sign_in(&instance.anonymous(), "ada@example.org", PASSWORD).await.unwrap();
    }

    async fn nobody_signs_out_who_is_not_signed_in(backend: Backend) {
        let instance = Instance::new(backend).await;
        let outcome = instance.anonymous().accounts().sign_out().await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
