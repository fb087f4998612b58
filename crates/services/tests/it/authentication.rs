//! Tokens and what they open.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::Origin;
use resonance_persistence::count_statements;
use resonance_services::{Request, ServiceError};
use resonance_testkit::{Instance, on_both};

fn unauthenticated(outcome: &Result<Request, ServiceError>) -> bool {
    matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
}

on_both! {
    async fn a_request_costs_one_statement_to_find_out_who_asks(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let (request, statements) = count_statements(instance.request_of(&ada)).await;
        assert_eq!(statements, 1);
        let account = request.account().unwrap();
        assert_eq!((account.user.id, account.user.name.as_str()), (ada.user, "Ada"));
        assert_eq!(account.session.user, ada.user);
        assert!(account.user.email_verified);
    }

    async fn whatever_is_no_token_opens_nothing(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let other = if ada.token[4..].starts_with('A') { "B" } else { "A" };
        let other = format!("ses_{other}{}", &ada.token[5..]);
        for token in ["", "ses_", "Bearer x", &ada.token[1..], &ada.token.to_uppercase(), &other, "ses_'; --"] {
            let outcome = instance.services.authenticate(token, Origin::default(), None).await;
            assert!(unauthenticated(&outcome), "{token}");
        }
    }

    async fn a_session_ends_when_it_is_not_used_and_lives_on_when_it_is(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        instance.clock.advance(TimeDelta::days(29));
        let used = instance.clock.now();
        // The use is noted behind the answer's back.
        let noted = async {
            loop {
                let origin = Origin { ip_address: Some("192.0.2.7".into()), ..Origin::default() };
                let request = instance.services.authenticate(&ada.token, origin, None).await.unwrap();
                let session = request.account().unwrap().session.clone();
                if session.last_used_at == used {
                    return session;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let session = tokio::time::timeout(std::time::Duration::from_secs(10), noted).await.unwrap();
        assert_eq!(session.ip_address.as_deref(), Some("192.0.2.7"));
        instance.clock.advance(TimeDelta::days(29));
        instance.request_of(&ada).await;
        instance.clock.advance(TimeDelta::days(31));
        let outcome = instance.services.authenticate(&ada.token, Origin::default(), None).await;
        assert!(unauthenticated(&outcome));
    }

    async fn a_use_within_five_minutes_of_the_last_is_not_written(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let signed_up = instance.clock.now();
        instance.clock.advance(TimeDelta::minutes(4));
        instance.request_of(&ada).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let session = instance.request_of(&ada).await.account().unwrap().session.clone();
        assert_eq!(session.last_used_at, signed_up);
    }

    async fn an_input_names_an_organization_or_the_active_one_is_meant(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = resonance_domain::Id::from_uuid(instance.fresh_uuid());
        let request = instance.request_of(&ada).await;
        assert!(matches!(request.organization(None), Err(ServiceError::OrganizationRequired)));
        assert_eq!(request.organization(Some(organization)).unwrap(), organization);
        let request = instance.request_in(&ada, organization).await;
        assert_eq!(request.organization(None).unwrap(), organization);
        assert!(matches!(
            request.standing(organization).await,
            Err(ServiceError::Denied(Denied::NotVisible))
        ));
        assert!(matches!(
            instance.anonymous().organization(Some(organization)),
            Err(ServiceError::Denied(Denied::Unauthenticated))
        ));
    }
}
