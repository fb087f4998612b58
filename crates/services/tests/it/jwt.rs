//! Tokens for other services.

use resonance_authz::Denied;
use resonance_identity::{InstanceSecret, Jwts};
use resonance_services::ServiceError;
use resonance_testkit::{Instance, SECRET, on_both};

use crate::tenants::organization;

on_both! {
    async fn a_token_says_who_asks_and_what_they_may_in_the_organization(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = organization(&instance, "acme", &[(ada.user, "org:admin"), (bob.user, "org:member")]).await;
        let secret = InstanceSecret::parse(SECRET).unwrap();
        let verifier = Jwts::new(&secret, &instance.services.settings().public_url).unwrap();

        let request = instance.request_of(&ada).await;
        let jwt = request.accounts().mint_jwt(None).await.unwrap();
        let claims = verifier.verify(&jwt.token, instance.clock.now()).unwrap();
        assert!(claims.o.is_none());
        assert_eq!(claims.sub, ada.user.type_id());
        assert_eq!(claims.sid, request.account().unwrap().session.id.type_id());
        assert_eq!(claims.exp - claims.iat, 60);
        assert_eq!(claims.exp, jwt.expires_at.timestamp());
        assert!(verifier.verify(&jwt.token, jwt.expires_at).is_err());

        for (person, role, creates) in [(&ada, "admin", true), (&bob, "member", false)] {
            let jwt = instance.request_of(person).await.accounts().mint_jwt(Some(acme)).await.unwrap();
            let claims = verifier.verify(&jwt.token, instance.clock.now()).unwrap();
            let o = claims.o.clone().unwrap();
            assert_eq!((o.id, o.slg.as_str(), o.rol.as_str()), (acme.type_id(), "acme", role));
            let permissions = claims.permissions();
            assert!(permissions.contains("org:voices:read"));
            assert_eq!(permissions.contains("org:voices:create"), creates);
        }
        let in_acme = instance.request_in(&ada, acme).await;
        let (jwt, statements) = resonance_persistence::count_statements(in_acme.accounts().mint_jwt(None)).await;
        assert!(verifier.verify(&jwt.unwrap().token, instance.clock.now()).unwrap().o.is_some());
        // The slug, and the registered permissions, all of which an admin has.
        assert_eq!(statements, 2);
    }

    async fn a_stranger_gets_no_token_for_an_organization_whether_it_is_there_or_not(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let acme = organization(&instance, "acme", &[(ada.user, "org:admin")]).await;
        let absent = resonance_domain::Id::from_uuid(instance.fresh_uuid());
        for organization in [acme, absent] {
            let named = instance.request_of(&eve).await.accounts().mint_jwt(Some(organization)).await;
            assert!(matches!(named, Err(ServiceError::Denied(Denied::NotVisible))));
            let by_header = instance.request_in(&eve, organization).await.accounts().mint_jwt(None).await;
            assert!(matches!(by_header, Err(ServiceError::Denied(Denied::NotVisible))));
        }
        let nobody = instance.anonymous().accounts().mint_jwt(None).await;
        assert!(matches!(nobody, Err(ServiceError::Denied(Denied::Unauthenticated))));
        let keys = instance.services.jwks();
        assert_eq!(keys["keys"][0]["crv"], "Ed25519");
        assert!(keys["keys"][0].get("d").is_none());
    }

    async fn the_active_organization_is_the_sessions_and_then_the_last_one_while_it_lasts(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = organization(&instance, "acme", &[(ada.user, "org:admin")]).await;
        let (org, user) = (instance.sql_id(acme.as_uuid()), instance.sql_id(ada.user.as_uuid()));
        instance.sql(&format!("UPDATE users SET last_active_organization_id = {org} WHERE id = {user}")).await;
        let request = instance.request_of(&ada).await;
        assert_eq!(request.organization(None).unwrap(), acme);
        let (standing, statements) = resonance_persistence::count_statements(request.standing(acme)).await;
        assert!(standing.unwrap().role().is_admin());
        assert_eq!(statements, 0, "the standing came with the session");

        let globex = organization(&instance, "globex", &[(ada.user, "org:member")]).await;
        let org = instance.sql_id(globex.as_uuid());
        instance.sql(&format!("UPDATE sessions SET active_organization_id = {org}")).await;
        assert_eq!(instance.request_of(&ada).await.organization(None).unwrap(), globex);
        assert_eq!(instance.request_in(&ada, acme).await.organization(None).unwrap(), acme);

        instance.sql(&format!("DELETE FROM memberships WHERE organization_id = {org}")).await;
        let request = instance.request_of(&ada).await;
        assert!(matches!(request.organization(None), Err(ServiceError::OrganizationRequired)));
    }
}
