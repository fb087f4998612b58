//! What people see of each other.

use resonance_authz::Denied;
use resonance_domain::{ErrorCode, UserId};
use resonance_persistence::count_statements;
use resonance_services::ServiceError;
use resonance_testkit::{Instance, on_both};

use crate::{refusals::refused, tenants::organization};

on_both! {
    async fn members_see_each_other_and_those_who_left_something_behind(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let gone = instance.sign_up("Gone", "gone@example.org").await;
        let stranger = instance.sign_up("Stranger", "stranger@example.org").await;
        let members = [(ada.user, "org:admin"), (bob.user, "org:member")];
        let acme = organization(&instance, "acme", &members).await;
        let globex = organization(&instance, "globex", &[(stranger.user, "org:admin")]).await;
        // The one who left invited somebody once.
        let (org, id, by) = (instance.sql_id(acme.as_uuid()), instance.sql_id(instance.fresh_uuid()), instance.sql_id(gone.user.as_uuid()));
        let hash = crate::tenants::hex_literal(&instance, &[7; 32]);
        instance.sql(&format!(
            "INSERT INTO invitations (organization_id, id, email, email_key, role, state, token_hash, sendings, expires_at,
                invited_by, last_sent_at, created_at)
             SELECT id, {id}, 'x@y.zz', 'x@y.zz', 'org:member', 'revoked', {hash}, 1, created_at, {by}, created_at, created_at
             FROM organizations WHERE id = {org}"
        )).await;

        let absent = resonance_domain::Id::from_uuid(instance.fresh_uuid());
        let ids = [ada.user, bob.user, gone.user, stranger.user, absent];
        let seen = async |person, organization| {
            let request = instance.request_in(person, organization).await;
            let (profiles, statements) = count_statements(request.accounts().profiles(organization, &ids)).await;
            assert_eq!(statements, 1);
            let mut profiles: Vec<(UserId, Option<String>)> = profiles.unwrap().into_iter().map(|profile| (profile.id, profile.email)).collect();
            profiles.sort();
            profiles
        };
        let mut expected = vec![
            (ada.user, Some("ada@example.org".to_owned())),
            (bob.user, Some("bob@example.org".to_owned())),
            (gone.user, None),
        ];
        expected.sort();
        assert_eq!(seen(&bob, acme).await, expected);
        assert_eq!(seen(&stranger, globex).await, [(stranger.user, Some("stranger@example.org".to_owned()))]);
        for organization in [acme, resonance_domain::Id::from_uuid(instance.fresh_uuid())] {
            let outcome = instance.request_of(&stranger).await.accounts().profiles(organization, &ids).await;
            assert!(matches!(outcome, Err(ServiceError::Denied(Denied::NotVisible))));
        }
        let none = instance.request_of(&ada).await.accounts().profiles(acme, &[]).await.unwrap();
        assert!(none.is_empty());
    }

    async fn a_new_name_is_seen_and_found_everywhere(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        organization(&instance, "acme", &[(ada.user, "org:admin"), (bob.user, "org:member")]).await;
        let request = instance.request_of(&ada).await;
        let user = request.accounts().update_profile(Some("  ÄDA  ")).await.unwrap();
        assert_eq!(user.name, "ÄDA");
        assert_eq!(instance.request_of(&ada).await.account().unwrap().user.name, "ÄDA");
        assert_eq!(instance.sql("UPDATE memberships SET role = role WHERE name_key = 'äda'").await, 1);
        assert_eq!(request.accounts().update_profile(None).await.unwrap().name, "ÄDA");
        assert_eq!(refused(request.accounts().update_profile(Some(" ")).await), [(ErrorCode::TooShort, "name".into())]);
        let outcome = instance.anonymous().accounts().update_profile(Some("Eve")).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
