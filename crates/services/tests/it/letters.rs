//! The mails around accounts.

use chrono::TimeDelta;
use resonance_services::{NewSignUp, PendingSignUp, SignedUp};
use resonance_testkit::{Instance, PASSWORD, on_both};

async fn ask(instance: &Instance, name: &str, email: &str) -> PendingSignUp {
    let request = instance.anonymous();
    let input = NewSignUp {
        name: name.to_owned(),
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        invitation_token: None,
    };
    match request.accounts().sign_up(input).await.unwrap() {
        SignedUp::CodeSent(pending) => pending,
        SignedUp::Opened(_) => panic!("opened without a code"),
    }
}

on_both! {
    async fn a_code_that_is_of_no_use_any_more_is_not_sent(backend: Backend) {
        let instance = Instance::new(backend).await;
        // Used before its mail went out.
        instance.sign_up("Ada", "ada@example.org").await;
        // Too old: the mail server was away for ten minutes.
        ask(&instance, "Bob", "bob@example.org").await;
        instance.clock.advance(TimeDelta::minutes(10));
        instance.services.settle().await.unwrap();
        assert_eq!(instance.mails.list(10).await.unwrap(), []);
    }

    async fn a_code_is_sent_once_and_a_stranger_gets_to_write_nothing_in_its_mail(backend: Backend) {
        let instance = Instance::new(backend).await;
        let pending = ask(&instance, "Cheap watches at evil.example", "ada@example.org").await;
        instance.services.settle().await.unwrap();
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(10).await.unwrap();
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        let code = instance.sign_up_code(pending.id).await;
        assert_eq!(mail.subject, format!("{code} is your code for Resonance"));
        assert!(mail.text.contains(&code) && mail.html.as_ref().unwrap().contains(&code));
        assert!(mail.text.contains("10 minutes"));
        assert!(!mail.text.contains("watches") && !mail.html.as_ref().unwrap().contains("watches"));
        // No job keeps the digits.
        for (table, column) in [("jobs", "payload"), ("events", "payload")] {
            let found = format!("UPDATE {table} SET id = id WHERE CAST({column} AS text) LIKE '%{code}%'");
            assert_eq!(instance.sql(&found).await, 0);
        }
    }

    async fn a_name_is_text_and_no_markup(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("<b>Ada</b>", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        request.accounts().change_password(PASSWORD.into(), "glacial copper lantern").await.unwrap();
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(10).await.unwrap();
        let html = mails[0].html.as_ref().unwrap();
        assert!(html.contains("&lt;b&gt;Ada&lt;/b&gt;") && !html.contains("<b>"));
    }

    async fn a_mail_that_takes_its_worker_down_each_time_is_given_up(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        instance.services.settle().await.unwrap();
        let before = instance.mails.list(10).await.unwrap().len();
        let payload = format!(r#"{{"letter":"password_changed","user":"{}"}}"#, ada.user.type_id());
        // Each death left a try behind that nobody put back.
        for (deaths, gone) in [(11, 1), (12, 1)] {
            let id = instance.sql_id(instance.fresh_uuid());
            let sql = format!(
                "INSERT INTO jobs (id, queue, payload, state, turn, run_at, attempts, created_at) VALUES
                 ({id}, 'mail', '{payload}', 'queued', 0, '2026-01-01T00:00:00+00:00', {deaths}, '2026-01-01T00:00:00+00:00')"
            );
            instance.sql(&sql).await;
            instance.services.settle().await.unwrap();
            assert_eq!(instance.mails.list(10).await.unwrap().len() - before, gone, "after {deaths}");
        }
        assert_eq!(instance.sql_count("jobs WHERE state = 'dead'").await, 1);
    }
}
