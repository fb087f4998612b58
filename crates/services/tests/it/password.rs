//! Passwords of existing accounts.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{CodePurpose, ErrorCode, Origin};
use resonance_services::{Outcome, PendingPasswordReset, ServiceError};
use resonance_testkit::{Instance, PASSWORD, Person, on_both};

use crate::refusals::{rate_limited, refused};

const NEW: &str = "glacial copper lantern";

async fn request_reset(instance: &Instance, email: &str) -> Outcome<PendingPasswordReset> {
    instance
        .anonymous()
        .accounts()
        .request_password_reset(email)
        .await
}

async fn reset(instance: &Instance, pending: &PendingPasswordReset, code: &str, new: &str) -> Outcome<()> {
    instance
        .anonymous()
        .accounts()
        .reset_password(pending.id, code, new)
        .await
}

async fn knows(instance: &Instance, email: &str, password: &str) -> bool {
    match instance
        .anonymous()
        .accounts()
        .sign_in(email, password.into())
        .await
    {
        Ok(_) => true,
        Err(ServiceError::Refused(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn is_open(instance: &Instance, person: &Person) -> bool {
    let outcome = instance
        .services
        .authenticate(&person.token, Origin::default(), None)
        .await;
    !matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
}

async fn subjects_to(instance: &Instance, email: &str) -> Vec<String> {
    instance.services.settle().await.unwrap();
    let mails = instance.mails.list(100).await.unwrap();
    mails
        .into_iter()
        .filter(|mail| mail.to == email)
        .map(|mail| mail.subject)
        .collect()
}

on_both! {
    async fn the_mailed_code_sets_a_new_password_and_ends_every_session(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let pending = request_reset(&instance, "Ada@example.org").await.unwrap();
        assert_eq!(pending.expires_at, instance.clock.now() + TimeDelta::minutes(10));
        let code = instance.mailed_code("Ada@example.org").await;
        let found = refused(reset(&instance, &pending, "12", "short").await);
        assert_eq!(found, [(ErrorCode::Invalid, "code".into()), (ErrorCode::TooShort, "newPassword".into())]);
        reset(&instance, &pending, &code, NEW).await.unwrap();
        assert!(!is_open(&instance, &ada).await);
        assert!(is_open(&instance, &bob).await);
        assert!(knows(&instance, "ada@example.org", NEW).await);
        assert!(!knows(&instance, "ada@example.org", PASSWORD).await);
        assert!(knows(&instance, "bob@example.org", PASSWORD).await);
        assert_eq!(refused(reset(&instance, &pending, &code, PASSWORD).await), [(ErrorCode::CodeExpired, "code".into())]);
        assert!(subjects_to(&instance, "ada@example.org").await.contains(&"Your password was changed".to_owned()));
    }

    async fn nothing_tells_whether_an_address_has_an_account(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        let known = request_reset(&instance, "ada@example.org").await.unwrap();
        let unknown = request_reset(&instance, "bob@example.org").await.unwrap();
        assert_eq!(known.expires_at, unknown.expires_at);
        assert!(subjects_to(&instance, "bob@example.org").await.is_empty());
        let code = instance.mailed_code("ada@example.org").await;
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        let mut answers = Vec::new();
        for pending in [&known, &unknown] {
            let mut told = Vec::new();
            for _ in 0..6 {
                told.extend(refused(reset(&instance, pending, &wrong, NEW).await));
            }
            told.extend(refused(reset(&instance, pending, &wrong, "bob's password").await));
            let wait = rate_limited(request_reset(&instance, &pending.email).await);
            answers.push((told, wait));
        }
        assert_eq!(answers[0].0[..6], answers[1].0[..6]);
        assert_eq!(answers[0].1, answers[1].1);
        assert_eq!(answers[0].0[4].0, ErrorCode::CodeWrong);
        assert_eq!(answers[0].0[5].0, ErrorCode::CodeExhausted);
        assert!(knows(&instance, "ada@example.org", PASSWORD).await);
    }

    async fn a_code_for_another_purpose_or_of_another_reset_is_wrong(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        instance.sign_up("Bob", "bob@example.org").await;
        let adas = request_reset(&instance, "ada@example.org").await.unwrap();
        let reset_code = instance.mailed_code("ada@example.org").await;
        let bobs = request_reset(&instance, "bob@example.org").await.unwrap();
        let bobs_code = instance.mailed_code("bob@example.org").await;
        let request = instance.request_of(&ada).await;
        let added = request.email_addresses().add("ada@example.net").await.unwrap();
        let email_code = instance.mailed_code("ada@example.net").await;
        assert_ne!(reset_code, email_code);
        for code in [&email_code, &bobs_code] {
            assert_eq!(refused(reset(&instance, &adas, code, NEW).await), [(ErrorCode::CodeWrong, "code".into())]);
        }
        let verified = request.email_addresses().verify(added.id, &reset_code).await;
        assert_eq!(refused(verified), [(ErrorCode::CodeWrong, "code".into())]);
        // Nor is the code of an address a reset, although both are rows of one table and its digits are right.
        let (id, digits) = instance.newest_code(CodePurpose::VerifyEmail, added.id.as_uuid()).await;
        let outcome = instance.anonymous().accounts().reset_password(id, &digits, NEW).await;
        assert_eq!(refused(outcome), [(ErrorCode::CodeExpired, "code".into())]);
        reset(&instance, &bobs, &bobs_code, NEW).await.unwrap();
        reset(&instance, &adas, &reset_code, NEW).await.unwrap();
    }

    async fn a_reset_expires_and_a_used_one_voids_the_others(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        let first = request_reset(&instance, "ada@example.org").await.unwrap();
        let first_code = instance.mailed_code("ada@example.org").await;
        assert_eq!(rate_limited(request_reset(&instance, "ADA@example.org").await), 30);
        instance.clock.advance(TimeDelta::seconds(30));
        let second = request_reset(&instance, "ada@example.org").await.unwrap();
        let second_code = instance.mailed_code("ada@example.org").await;
        reset(&instance, &first, &first_code, NEW).await.unwrap();
        assert_eq!(refused(reset(&instance, &second, &second_code, PASSWORD).await), [(ErrorCode::CodeExpired, "code".into())]);
        instance.clock.advance(TimeDelta::seconds(30));
        let third = request_reset(&instance, "ada@example.org").await.unwrap();
        let third_code = instance.mailed_code("ada@example.org").await;
        instance.clock.advance(TimeDelta::minutes(10));
        assert_eq!(refused(reset(&instance, &third, &third_code, PASSWORD).await), [(ErrorCode::CodeExpired, "code".into())]);
    }

    async fn ten_resets_by_one_code_at_once_succeed_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        let pending = request_reset(&instance, "ada@example.org").await.unwrap();
        let code = instance.mailed_code("ada@example.org").await;
        let resets = (0..10).map(|n| {
            let (request, code, id) = (instance.anonymous(), code.clone(), pending.id);
            tokio::spawn(async move { request.accounts().reset_password(id, &code, &format!("{NEW} {n}")).await })
        });
        let mut done = 0;
        for task in resets.collect::<Vec<_>>() {
            done += usize::from(task.await.unwrap().is_ok());
        }
        assert_eq!(done, 1);
    }

    async fn a_password_is_changed_by_whoever_knows_it_and_the_other_sessions_end(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada Lovelace", "ada@example.org").await;
        let opened = instance.anonymous().accounts().sign_in("ada@example.org", PASSWORD.into()).await.unwrap();
        let phone: Person = opened.into();
        let request = instance.request_of(&ada).await;
        let change = async |current: &str, new: &str| request.accounts().change_password(current.to_owned(), new).await;
        assert_eq!(refused(change("wrong", NEW).await), [(ErrorCode::WrongCredentials, "currentPassword".into())]);
        assert_eq!(refused(change(PASSWORD, "adalovelace").await), [(ErrorCode::PasswordTooCommon, "newPassword".into())]);
        assert!(is_open(&instance, &phone).await);
        let pending = request_reset(&instance, "ada@example.org").await.unwrap();
        let code = instance.mailed_code("ada@example.org").await;
        change(PASSWORD, NEW).await.unwrap();
        assert!(is_open(&instance, &ada).await);
        assert!(!is_open(&instance, &phone).await);
        assert!(knows(&instance, "ada@example.org", NEW).await);
        assert!(!knows(&instance, "ada@example.org", PASSWORD).await);
        // Whoever asked for a reset before does not get in by it any more.
        assert_eq!(refused(reset(&instance, &pending, &code, PASSWORD).await), [(ErrorCode::CodeExpired, "code".into())]);
        for _ in 0..10 {
            refused(change("wrong", PASSWORD).await);
        }
        rate_limited(change(NEW, PASSWORD).await);
        let anonymous = instance.anonymous();
        let outcome = anonymous.accounts().change_password(NEW.into(), PASSWORD).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
