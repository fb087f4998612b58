//! Refused attempts.

use resonance_domain::{InOrg, RoleKey};
use resonance_services::InvitationKey;
use resonance_testkit::{on_both, verdict};
use serde_json::{Value, json};

use super::World;

impl World {
    /// The refusals on record: in which organization's log, of whom, about what, and what else is told.
    async fn refusals(&self) -> Vec<Value> {
        let rows = self
            .instance
            .sql_texts(
                "SELECT CAST(payload AS text) || '|' || COALESCE(subject, '') || '|' || actor || '|' ||
                    CASE WHEN organization_id IS NULL THEN 'instance' ELSE 'organization' END
                 FROM events WHERE kind = 'access.refused' ORDER BY id",
            )
            .await;
        rows.iter()
            .map(|row| {
                let parts: Vec<_> = row.rsplitn(4, '|').collect();
                let mut payload: Value = serde_json::from_str(parts[3]).unwrap();
                payload["in"] = parts[0].into();
                payload["actor"] = parts[1].into();
                payload["subject"] = parts[2].into();
                payload
            })
            .collect()
    }
}

on_both! {
    async fn a_member_who_lacks_a_permission_is_on_record_in_the_organizations_log(backend: Backend) {
        let world = World::new(backend).await;
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        let ada = world.instance.request_in(&world.ada, world.acme).await;
        let member = InOrg::new(world.acme, ada.standing(world.acme).await.unwrap().membership());
        let refused = bob.memberships().remove(member).await;
        assert_eq!(verdict(&refused), "FORBIDDEN org:sys_memberships:manage");
        let told = world.refusals().await;
        let expected = json!({
            "changes": {}, "operation": "removeMember", "code": "FORBIDDEN", "missing": "org:sys_memberships:manage",
            "in": "organization", "actor": world.bob.user.type_id(), "subject": member.global_id(),
        });
        assert_eq!(told, [expected]);
        // What is merely wrong, is not.
        assert_eq!(verdict(&ada.memberships().change_role(member, "org:none").await), "INVALID role");
        assert_eq!(verdict(&ada.memberships().leave(Some(world.acme)).await), "LAST_ADMIN");
        assert_eq!(world.refusals().await.len(), 1);
        world.instance.services.settle().await.unwrap();
        assert!(world.verified().await.is_intact());
    }

    async fn who_tries_what_is_another_organizations_is_on_record_with_the_instance(backend: Backend) {
        let world = World::new(backend).await;
        let eve = world.instance.sign_up("Eve", "eve@example.org").await;
        let request = world.instance.request_of(&eve).await;
        let refused = request.organizations().delete(Some(world.acme)).await;
        assert_eq!(verdict(&refused), "NOT_FOUND");
        let nowhere = world.instance.anonymous().organizations().delete(Some(world.acme)).await;
        assert_eq!(verdict(&nowhere), "UNAUTHENTICATED");
        // An invitation to somebody else, by a token that she made up.
        let secret = format!("inv_{}", "A".repeat(43));
        let refused = request.invitations().accept(&InvitationKey::Token(secret.clone())).await;
        assert_eq!(verdict(&refused), "NOT_FOUND token");
        let told = world.refusals().await;
        let of_acme = json!({
            "changes": {}, "operation": "deleteOrganization", "code": "NOT_FOUND",
            "organization": world.acme.type_id(),
            "in": "instance", "actor": eve.user.type_id(), "subject": world.acme.type_id(),
        });
        assert_eq!(told[0], of_acme);
        assert_eq!((&told[1]["operation"], &told[1]["in"]), (&json!("acceptInvitation"), &json!("instance")));
        assert!(!format!("{told:?}").contains(&secret), "{told:?}");
        // Nothing of it is in Acme's own log.
        assert_eq!(told.len(), 2);
        // Whoever is a member and names what is not there has made a mistake, and no attempt.
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        let nothing = InOrg::new(world.acme, resonance_domain::Id::from_uuid(world.instance.fresh_uuid()));
        assert_eq!(verdict(&bob.generations().cancel(nothing).await), "NOT_FOUND");
        assert_eq!(world.refusals().await.len(), 2);
    }

    async fn nobody_floods_the_log_by_trying_on_and_on(backend: Backend) {
        let world = World::new(backend).await;
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        for _ in 0..100 {
            let refused = bob.organizations().delete(Some(world.acme)).await;
            assert_eq!(verdict(&refused), "FORBIDDEN org:sys_profile:delete");
        }
        assert_eq!(world.refusals().await.len(), 60);
        // Others are still recorded, and so is he after a while.
        let eve = world.instance.sign_up("Eve", "eve@example.org").await;
        world.instance.bring_in(&world.ada, world.acme, &eve, RoleKey::MEMBER).await;
        let eve = world.instance.request_in(&eve, world.acme).await;
        let refused = eve.organizations().delete(Some(world.acme)).await;
        assert_eq!(verdict(&refused), "FORBIDDEN org:sys_profile:delete");
        assert_eq!(world.refusals().await.len(), 61);
        world.instance.clock.advance(chrono::TimeDelta::hours(1));
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        let _ = bob.organizations().delete(Some(world.acme)).await;
        assert_eq!(world.refusals().await.len(), 62);
    }

    async fn a_record_that_fails_changes_no_answer(backend: Backend) {
        let world = World::new(backend).await;
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        world.instance.sql("DROP TABLE throttles").await;
        let refused = bob.organizations().delete(Some(world.acme)).await;
        assert_eq!(verdict(&refused), "FORBIDDEN org:sys_profile:delete");
        assert_eq!(world.refusals().await.len(), 0);
    }
}
