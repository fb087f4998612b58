//! The instance itself.

use chrono::TimeDelta;
use resonance_domain::ErrorCode;
use resonance_services::InstanceSecretError;
use resonance_testkit::{Instance, on_both};

use crate::refusals::refused;

on_both! {
    async fn a_node_with_another_secret_does_not_start(backend: Backend) {
        let instance = Instance::new(backend).await;
        let second = instance.another_node().await;
        let (first, second) = tokio::join!(instance.services.verify_instance_secret(), second.verify_instance_secret());
        first.unwrap();
        second.unwrap();
        instance.services.verify_instance_secret().await.unwrap();
        instance.sql("UPDATE instance SET secret_fingerprint = 'of another secret'").await;
        let refusal = instance.services.verify_instance_secret().await.unwrap_err();
        assert!(matches!(refusal, InstanceSecretError::Mismatch { ref bound, .. } if bound == "of another secret"));
    }

    async fn an_operator_is_an_account_with_that_address_proved(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        assert_eq!(instance.services.add_operator(" Ada@example.org").await.unwrap(), ada.user);
        assert_eq!(instance.services.add_operator("ada@example.org").await.unwrap(), ada.user);
        assert_eq!(instance.sql("UPDATE operators SET created_at = created_at").await, 1);
        assert_eq!(instance.sql("UPDATE events SET actor = actor WHERE kind = 'user.made_operator' AND actor_kind = 'system'").await, 1);
        assert_eq!(refused(instance.services.add_operator("bob@example.org").await), [(ErrorCode::NotFound, "email".into())]);
        assert_eq!(refused(instance.services.add_operator("bob").await), [(ErrorCode::Invalid, "email".into())]);
    }

    async fn what_has_expired_is_forgotten_and_nothing_else(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.anonymous();
        request.accounts().request_password_reset("ada@example.org").await.unwrap();
        let sign_up = resonance_services::NewSignUp {
            name: "Bob".into(),
            email: "bob@example.org".into(),
            password: resonance_testkit::PASSWORD.into(),
            invitation_token: None,
        };
        request.accounts().sign_up(sign_up).await.unwrap();
        let rows = async |table: &str| instance.sql(&format!("UPDATE {table} SET {} = {0}", match table {
            "throttles" => "idle_at",
            "sessions" => "user_agent",
            _ => "created_at",
        })).await;
        assert_eq!(instance.services.tidy_accounts().await.unwrap(), 0);
        assert_eq!((rows("sign_ups").await, rows("verification_codes").await), (1, 3));
        instance.clock.advance(TimeDelta::minutes(11));
        instance.services.tidy_accounts().await.unwrap();
        assert_eq!((rows("sign_ups").await, rows("verification_codes").await, rows("throttles").await), (1, 0, 0));
        instance.clock.advance(TimeDelta::days(1));
        instance.services.tidy_accounts().await.unwrap();
        assert_eq!((rows("sign_ups").await, rows("sessions").await), (0, 1));
        instance.request_of(&ada).await;
        instance.clock.advance(TimeDelta::days(40));
        instance.services.tidy_accounts().await.unwrap();
        assert_eq!((rows("sessions").await, rows("users").await), (0, 1));
    }

    async fn every_step_leaves_its_event_and_no_secret_in_it(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        request.accounts().update_profile(Some("Ada L.")).await.unwrap();
        request.accounts().change_password(resonance_testkit::PASSWORD.into(), "glacial copper lantern").await.unwrap();
        request.accounts().sign_out().await.unwrap();
        for (kind, actor_kind) in [
            ("code.requested", "anonymous"), ("user.created", "user"), ("session.created", "user"),
            ("user.updated", "user"), ("user.password_changed", "user"), ("session.revoked", "user"),
        ] {
            let found = format!("UPDATE events SET kind = kind WHERE kind = '{kind}' AND actor_kind = '{actor_kind}'");
            assert_eq!(instance.sql(&found).await, 1, "{kind}");
        }
        for secret in ["violet", "copper", &ada.token[..12]] {
            let found = format!("UPDATE events SET kind = kind WHERE CAST(payload AS text) LIKE '%{secret}%'");
            assert_eq!(instance.sql(&found).await, 0);
        }
    }
}
