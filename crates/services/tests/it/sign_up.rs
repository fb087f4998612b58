//! Signing up.

use chrono::TimeDelta;
use resonance_domain::{ErrorCode, SignUpId};
use resonance_services::{
    InvitationKey, NewSignUp, OpenedSession, Outcome, PendingSignUp, Request, SignedUp,
};
use resonance_testkit::{Instance, PASSWORD, on_both};

use crate::refusals::{rate_limited, refused};

fn applicant(name: &str, email: &str, password: &str) -> NewSignUp {
    NewSignUp {
        name: name.to_owned(),
        email: email.to_owned(),
        password: password.to_owned(),
        invitation_token: None,
    }
}

async fn ask(request: &Request, email: &str) -> Outcome<PendingSignUp> {
    match request
        .accounts()
        .sign_up(applicant("Ada", email, PASSWORD))
        .await?
    {
        SignedUp::CodeSent(pending) => Ok(pending),
        SignedUp::Opened(_) => panic!("opened without a code"),
    }
}

async fn verify(instance: &Instance, id: SignUpId, code: &str) -> Outcome<OpenedSession> {
    instance.anonymous().accounts().verify_sign_up(id, code).await
}

/// A code that is not `code`.
fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

async fn users(instance: &Instance) -> u64 {
    // Touches every row, so that the answer counts them.
    instance.sql("UPDATE users SET name = name").await
}

#[test]
fn what_is_logged_of_a_request_tells_no_secret() {
    let input = NewSignUp {
        invitation_token: Some("the token".into()),
        ..applicant("Ada", "ada@example.org", "the password")
    };
    let shown = format!("{input:?} {:?}", InvitationKey::Token("the token".into()));
    assert!(!shown.contains("the "), "{shown}");
    assert!(shown.contains("ada@example.org"));
}

on_both! {
    async fn the_mailed_code_makes_the_account_and_signs_in(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), " Ada@Example.org ").await.unwrap();
        assert_eq!(pending.email, "Ada@Example.org");
        assert_eq!(pending.expires_at, instance.clock.now() + TimeDelta::minutes(10));
        assert_eq!(users(&instance).await, 0);
        let code = instance.mailed_code("Ada@Example.org").await;
        let typed = format!(" {}-{} ", &code[..3], &code[3..]);
        let opened = verify(&instance, pending.id, &typed).await.unwrap();
        let request = instance.request_of(&opened.into()).await;
        let account = request.account().unwrap();
        assert_eq!(account.user.email, "Ada@Example.org");
        assert!(account.user.email_verified);
        assert_eq!(users(&instance).await, 1);
    }

    async fn everything_that_is_wrong_with_the_form_is_told_at_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        let cases = [
            (applicant("", "nobody", "short"), vec![
                (ErrorCode::TooShort, "name"), (ErrorCode::Invalid, "email"), (ErrorCode::TooShort, "password")]),
            (applicant(&"n".repeat(129), "ada@example.org", &"p".repeat(129)), vec![
                (ErrorCode::TooLong, "name"), (ErrorCode::TooLong, "password")]),
            (applicant("Ada\u{7}", "ada@example.org", "password1"), vec![
                (ErrorCode::Invalid, "name"), (ErrorCode::PasswordTooCommon, "password")]),
            (applicant("Lovelace", "ada@example.org", "my Lovelace!"), vec![(ErrorCode::PasswordTooCommon, "password")]),
            (applicant("Ada", "countess@example.org", "the countess"), vec![(ErrorCode::PasswordTooCommon, "password")]),
            (applicant("Ada", "ada@example.org", "resonance 22"), vec![(ErrorCode::PasswordTooCommon, "password")]),
        ];
        for (input, expected) in cases {
            let found = refused(instance.anonymous().accounts().sign_up(input.clone()).await);
            let expected: Vec<_> = expected.into_iter().map(|(code, field)| (code, field.to_owned())).collect();
            assert_eq!(found, expected, "{input:?}");
        }
        let at_bounds = applicant(&"n".repeat(128), "ada@example.org", &"pü4 ".repeat(32));
        instance.anonymous().accounts().sign_up(at_bounds).await.unwrap();
    }

    async fn an_address_that_has_an_account_gets_the_same_answers_and_another_mail(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.sign_up("Ada", "ada@example.org").await;
        instance.services.settle().await.unwrap();
        instance.clock.advance(TimeDelta::seconds(30));
        let known = ask(&instance.anonymous(), "ADA@example.org").await.unwrap();
        let fresh = ask(&instance.anonymous(), "bob@example.org").await.unwrap();
        assert_eq!(known.expires_at, fresh.expires_at);
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let subjects: Vec<_> = mails.iter().filter(|mail| mail.to == "ADA@example.org").map(|mail| &mail.subject).collect();
        assert_eq!(subjects, ["You already have an account"]);
        assert!(!mails.iter().any(|mail| mail.to == "ADA@example.org" && mail.text.contains("code")));

        for pending in [&known, &fresh] {
            let right = instance.sign_up_code(pending.id).await;
            for _ in 0..5 {
                let found = refused(verify(&instance, pending.id, &other(&right)).await);
                assert_eq!(found, [(ErrorCode::CodeWrong, "code".into())]);
            }
            let found = refused(verify(&instance, pending.id, &other(&right)).await);
            assert_eq!(found, [(ErrorCode::CodeExhausted, "code".into())]);
            assert_eq!(rate_limited(ask(&instance.anonymous(), &pending.email).await), 30);
            let resent = instance.anonymous().accounts().resend_sign_up_code(pending.id).await;
            assert_eq!(rate_limited(resent), 30);
        }
        // Even the right digits open nothing.
        instance.clock.advance(TimeDelta::seconds(30));
        let known = instance.anonymous().accounts().resend_sign_up_code(known.id).await.unwrap();
        let right = instance.sign_up_code(known.id).await;
        assert_eq!(refused(verify(&instance, known.id, &right).await), [(ErrorCode::CodeWrong, "code".into())]);
    }

    async fn five_wrong_tries_void_a_code_and_the_next_one_works(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let first = instance.sign_up_code(pending.id).await;
        for code in ["", "12345", "1234567", "12345a"] {
            // What cannot be a code costs no try.
            assert_eq!(refused(verify(&instance, pending.id, code).await), [(ErrorCode::Invalid, "code".into())]);
        }
        for _ in 0..5 {
            assert_eq!(refused(verify(&instance, pending.id, &other(&first)).await), [(ErrorCode::CodeWrong, "code".into())]);
        }
        assert_eq!(refused(verify(&instance, pending.id, &first).await), [(ErrorCode::CodeExhausted, "code".into())]);
        instance.clock.advance(TimeDelta::seconds(29));
        let resend = async || instance.anonymous().accounts().resend_sign_up_code(pending.id).await;
        assert_eq!(rate_limited(resend().await), 1);
        instance.clock.advance(TimeDelta::seconds(1));
        resend().await.unwrap();
        let second = instance.sign_up_code(pending.id).await;
        if first != second {
            assert_eq!(refused(verify(&instance, pending.id, &first).await), [(ErrorCode::CodeWrong, "code".into())]);
        }
        verify(&instance, pending.id, &second).await.unwrap();
    }

    async fn a_code_lives_ten_minutes_and_a_sign_up_a_day(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let code = instance.sign_up_code(pending.id).await;
        instance.clock.advance(TimeDelta::minutes(10));
        assert_eq!(refused(verify(&instance, pending.id, &code).await), [(ErrorCode::CodeExpired, "code".into())]);
        instance.clock.advance(TimeDelta::hours(23));
        let again = instance.anonymous().accounts().resend_sign_up_code(pending.id).await.unwrap();
        assert_eq!(again.id, pending.id);
        instance.clock.advance(TimeDelta::hours(1));
        let gone = instance.anonymous().accounts().resend_sign_up_code(pending.id).await;
        assert_eq!(refused(gone), [(ErrorCode::NotFound, "signUpId".into())]);
        let code = instance.sign_up_code(pending.id).await;
        assert_eq!(refused(verify(&instance, pending.id, &code).await), [(ErrorCode::CodeExpired, "code".into())]);
    }

    async fn a_code_works_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let code = instance.sign_up_code(pending.id).await;
        verify(&instance, pending.id, &code).await.unwrap();
        assert_eq!(refused(verify(&instance, pending.id, &code).await), [(ErrorCode::CodeExpired, "code".into())]);
        let unknown = resonance_domain::Id::from_uuid(instance.fresh_uuid());
        assert_eq!(refused(verify(&instance, unknown, &code).await), [(ErrorCode::CodeExpired, "code".into())]);
    }

    async fn the_code_of_one_sign_up_does_not_open_anothers(backend: Backend) {
        // Somebody signs up with Ada's address and a password of their own; Ada's code must not make that the account's.
        let instance = Instance::new(backend).await;
        let eve = applicant("Eve", "ada@example.org", "eve's own password");
        let SignedUp::CodeSent(eves) = instance.anonymous().accounts().sign_up(eve).await.unwrap() else {
            panic!("opened without a code");
        };
        instance.clock.advance(TimeDelta::seconds(30));
        let adas = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let code = instance.mailed_code("ada@example.org").await;
        assert_eq!(code, instance.sign_up_code(adas.id).await);
        if code != instance.sign_up_code(eves.id).await {
            assert_eq!(refused(verify(&instance, eves.id, &code).await), [(ErrorCode::CodeWrong, "code".into())]);
        }
        verify(&instance, adas.id, &code).await.unwrap();
        let sign_in = async |password: &str| instance.anonymous().accounts().sign_in("ada@example.org", password.into()).await;
        sign_in(PASSWORD).await.unwrap();
        assert_eq!(refused(sign_in("eve's own password").await)[0].0, ErrorCode::WrongCredentials);
        // Not even with the code that Eve's own sign-up was sent.
        let code = instance.sign_up_code(eves.id).await;
        assert_eq!(refused(verify(&instance, eves.id, &code).await), [(ErrorCode::CodeWrong, "code".into())]);
    }

    async fn ten_who_bring_one_code_at_once_open_one_session(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let code = instance.sign_up_code(pending.id).await;
        let tries = (0..10).map(|_| {
            let (request, code) = (instance.anonymous(), code.clone());
            tokio::spawn(async move { request.accounts().verify_sign_up(pending.id, &code).await })
        });
        let mut opened = 0;
        for task in tries.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(_) => opened += 1,
                refusal => assert_eq!(refused(refusal), [(ErrorCode::CodeExpired, "code".into())]),
            }
        }
        assert_eq!((opened, users(&instance).await), (1, 1));
        assert_eq!(instance.sql("UPDATE sessions SET user_agent = 'counted'").await, 1);
    }

    async fn wrong_codes_at_once_are_five_tries_and_no_more(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
        let wrong = other(&instance.sign_up_code(pending.id).await);
        let tries = (0..12).map(|_| {
            let (request, wrong) = (instance.anonymous(), wrong.clone());
            tokio::spawn(async move { request.accounts().verify_sign_up(pending.id, &wrong).await })
        });
        let mut compared = 0;
        for task in tries.collect::<Vec<_>>() {
            compared += usize::from(refused(task.await.unwrap())[0].0 == ErrorCode::CodeWrong);
        }
        assert_eq!(compared, 5);
    }

    async fn sign_ups_of_one_address_at_once_make_one_account(backend: Backend) {
        let instance = Instance::new(backend).await;
        let mut pending = Vec::new();
        for _ in 0..6 {
            let sign_up = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
            pending.push((sign_up.id, instance.sign_up_code(sign_up.id).await));
            instance.clock.advance(TimeDelta::seconds(30));
        }
        let tries = pending.into_iter().map(|(id, code)| {
            let request = instance.anonymous();
            tokio::spawn(async move { request.accounts().verify_sign_up(id, &code).await })
        });
        let mut opened = 0;
        for task in tries.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(_) => opened += 1,
                refusal => assert!(matches!(refused(refusal)[0].0, ErrorCode::CodeWrong | ErrorCode::CodeExpired)),
            }
        }
        assert_eq!((opened, users(&instance).await), (1, 1));
    }

    async fn one_client_signs_up_thirty_times_an_hour(backend: Backend) {
        let instance = Instance::new(backend).await;
        for n in 0..30 {
            ask(&instance.anonymous_from("2001:db8::1"), &format!("ada{n}@example.org")).await.unwrap();
        }
        assert_eq!(rate_limited(ask(&instance.anonymous_from("2001:db8::2"), "x@example.org").await), 120);
        ask(&instance.anonymous_from("192.0.2.1"), "x@example.org").await.unwrap();
    }

    async fn an_operator_may_let_one_client_sign_up_more_often(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.sign_ups_per_client = 2).await;
        let client = instance.anonymous_from("192.0.2.1");
        ask(&client, "ada@example.org").await.unwrap();
        ask(&client, "bob@example.org").await.unwrap();
        assert_eq!(rate_limited(ask(&client, "eve@example.org").await), 1800);
    }

    async fn an_address_takes_fifty_wrong_codes_a_day(backend: Backend) {
        let instance = Instance::new(backend).await;
        let mut wrong_tries = 0;
        let limited = loop {
            let pending = ask(&instance.anonymous(), "ada@example.org").await.unwrap();
            let wrong = other(&instance.sign_up_code(pending.id).await);
            let mut last = None;
            for _ in 0..5 {
                last = Some(verify(&instance, pending.id, &wrong).await);
                match &last {
                    Some(Err(resonance_services::ServiceError::RateLimited { .. })) => break,
                    _ => wrong_tries += 1,
                }
            }
            instance.clock.advance(TimeDelta::seconds(30));
            if let Some(Err(resonance_services::ServiceError::RateLimited { wait })) = last {
                break wait;
            }
            assert!(wrong_tries < 100);
        };
        assert!((50..52).contains(&wrong_tries), "{wrong_tries}");
        assert!(limited > TimeDelta::minutes(20));
    }

    async fn an_invitations_link_makes_the_account_at_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        let admin = instance.sign_up("Grace", "grace@example.org").await;
        let (organization, token) = invitation(&instance, "ada@example.org", admin.user).await;
        let with = |email: &str, token: &str| NewSignUp {
            invitation_token: Some(token.to_owned()),
            ..applicant("Ada", email, PASSWORD)
        };
        let sign_up = async |input| instance.anonymous().accounts().sign_up(input).await;
        for nonsense in ["", "inv_x", &token[..token.len() - 4], &format!("{}AAAA", &token[..token.len() - 4])] {
            let found = refused(sign_up(with("ada@example.org", nonsense)).await);
            assert_eq!(found, [(ErrorCode::NotFound, "invitationToken".into())], "{nonsense}");
        }
        let found = refused(sign_up(with("eve@example.org", &token)).await);
        assert_eq!(found, [(ErrorCode::EmailMismatch, "email".into())]);
        assert_eq!(users(&instance).await, 1);

        let SignedUp::Opened(opened) = sign_up(with("ADA@example.org", &token)).await.unwrap() else {
            panic!("asked for a code");
        };
        let request = instance.request_of(&(*opened).into()).await;
        assert!(request.account().unwrap().user.email_verified);
        // The account is made; joining is a step of its own.
        assert!(request.standing(organization).await.is_err());
        let found = refused(sign_up(with("ada@example.org", &token)).await);
        assert_eq!(found, [(ErrorCode::Taken, "email".into())]);

        for (state, expected) in [("revoked", ErrorCode::InvitationClosed), ("declined", ErrorCode::InvitationClosed), ("accepted", ErrorCode::InvitationClosed)] {
            instance.sql(&format!("UPDATE invitations SET state = '{state}'")).await;
            let found = refused(sign_up(with("ada@example.org", &token)).await);
            assert_eq!(found, [(expected, "invitationToken".into())]);
        }
        instance.sql("UPDATE invitations SET state = 'pending', expires_at = created_at").await;
        let found = refused(sign_up(with("ada@example.org", &token)).await);
        assert_eq!(found, [(ErrorCode::InvitationExpired, "invitationToken".into())]);
    }
}

/// An invitation as the organizations' use cases store it: its id and the token of its link.
async fn invitation(
    instance: &Instance,
    email: &str,
    by: resonance_domain::UserId,
) -> (resonance_domain::OrganizationId, String) {
    use crate::tenants::{hex_literal, organization};
    let organization = organization(instance, "acme", &[(by, "org:admin")]).await;
    let token =
        resonance_identity::SecretToken::random(resonance_services::INVITATION_TOKEN, &mut rand::rng());
    let (id, org) = (
        instance.sql_id(instance.fresh_uuid()),
        instance.sql_id(organization.as_uuid()),
    );
    let hash = hex_literal(instance, token.hash().as_bytes());
    instance
        .sql(&format!(
            "INSERT INTO invitations (organization_id, id, email, email_key, role, state, token_hash, sendings,
                expires_at, last_sent_at, created_at)
             SELECT {org}, {id}, '{email}', '{email}', 'org:member', 'pending', {hash}, 1,
                '2999-01-01T00:00:00+00:00', created_at, created_at FROM organizations"
        ))
        .await;
    (organization, token.expose())
}
