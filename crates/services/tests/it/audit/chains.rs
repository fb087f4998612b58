//! How chains grow.

use std::time::Duration;

use resonance_domain::{IdsExt as _, OrganizationId};
use resonance_testkit::{Instance, at_once, on_both};
use tokio_util::sync::CancellationToken;

use super::World;

async fn intact(instance: &Instance, log: Option<OrganizationId>) -> u64 {
    let found = instance.services.verify_audit_log(log, None).await.unwrap();
    assert!(found.is_intact() && found.pending == 0, "{found:?}");
    found.length
}

on_both! {
    async fn nodes_that_seal_side_by_side_make_one_chain_of_each_log(backend: Backend) {
        const HANDS: u64 = 8;
        const ROUNDS: u64 = 25;
        let world = World::new(backend).await;
        let before = [intact(&world.instance, Some(world.acme)).await, intact(&world.instance, Some(world.other)).await];
        let stop = CancellationToken::new();
        let mut nodes = vec![world.instance.services.clone()];
        for _ in 0..3 {
            nodes.push(world.instance.another_node().await);
        }
        let running: Vec<_> = nodes
            .iter()
            .map(|node| {
                let (node, stop) = (node.clone(), stop.clone());
                tokio::spawn(async move { node.run(stop).await })
            })
            .collect();
        let instance = &world.instance;
        let mut hands = Vec::new();
        for hand in 0..HANDS {
            // Both organizations from every hand, in either order.
            let logs = if hand % 2 == 0 { [world.acme, world.other] } else { [world.other, world.acme] };
            let request = instance.request_of(&world.ada).await;
            hands.push(async move {
                for round in 0..ROUNDS {
                    for organization in logs {
                        let update = resonance_services::UpdateOrganization {
                            organization: Some(organization),
                            description: Some(format!("{hand} {round}")),
                            ..Default::default()
                        };
                        request.organizations().update(update).await.unwrap();
                    }
                }
            });
        }
        at_once(hands).await;
        for _ in 0..200 {
            if instance.sql_count("events WHERE relayed_at IS NULL").await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
        for node in running {
            node.await.unwrap();
        }
        assert_eq!(intact(instance, Some(world.acme)).await, before[0] + HANDS * ROUNDS);
        assert_eq!(intact(instance, Some(world.other)).await, before[1] + HANDS * ROUNDS);
        intact(instance, None).await;
    }

    async fn an_event_that_only_a_newer_node_understands_is_left_for_one(backend: Backend) {
        let world = World::new(backend).await;
        let length = intact(&world.instance, Some(world.acme)).await;
        // Signed with the instance's key, as a newer version would.
        let event = world.instance.future_event("voice.sung", world.acme);
        world.instance.sql(&event).await;
        world.instance.services.settle().await.unwrap();
        let found = world.verified().await;
        assert!(found.is_intact(), "{found:?}");
        assert_eq!((found.length, found.pending), (length, 1));
        // Nor does it keep the rest from being sealed.
        world.rename("Acme 2").await;
        world.instance.services.settle().await.unwrap();
        assert_eq!(world.verified().await.length, length + 1);
    }

    async fn a_deleted_organization_takes_its_log_with_it(backend: Backend) {
        let world = World::new(backend).await;
        let request = world.instance.request_in(&world.ada, world.acme).await;
        request.organizations().delete(Some(world.acme)).await.unwrap();
        world.instance.services.settle().await.unwrap();
        let acme = world.instance.sql_id(world.acme.as_uuid());
        assert_eq!(world.instance.sql_count(&format!("events WHERE organization_id = {acme}")).await, 0);
        assert_eq!(world.instance.sql_count(&format!("audit_chains WHERE organization_id = {acme}")).await, 0);
        // The other's goes on, and the instance's says what became of it.
        intact(&world.instance, Some(world.other)).await;
        intact(&world.instance, None).await;
        let deleted = "events WHERE kind = 'organization.deleted' AND organization_id IS NULL AND chain_position IS NOT NULL";
        assert_eq!(world.instance.sql_count(deleted).await, 1);
    }
}

/// Something to sign events with.
trait Future {
    fn future_event(&self, kind: &str, organization: OrganizationId) -> String;
}

impl Future for Instance {
    /// The statement by which a node that knows another kind of event would write one.
    fn future_event(&self, kind: &str, organization: OrganizationId) -> String {
        use resonance_domain::AuditRecord;
        use resonance_identity::{AuditKey, InstanceSecret};
        let payload = serde_json::json!({});
        let record = AuditRecord {
            id: self.ids.next(),
            organization: Some(organization),
            copy_of: None,
            kind,
            actor_kind: "system",
            actor: None,
            subject: None,
            payload: &payload,
            ip_address: None,
            user_agent: None,
            created_at: self.clock.now(),
        };
        let key = AuditKey::new(&InstanceSecret::parse(resonance_testkit::SECRET).unwrap());
        let (id, organization) = (
            self.sql_id(record.id.as_uuid()),
            self.sql_id(organization.as_uuid()),
        );
        let mac = crate::tenants::hex_literal(self, &key.sign(&record.canonical()));
        let time = record.created_at.format("%Y-%m-%d %H:%M:%S%.6f+00:00");
        format!(
            "INSERT INTO events (id, organization_id, kind, actor_kind, payload, created_at, mac)
             VALUES ({id}, {organization}, '{kind}', 'system', '{{}}', '{time}', {mac})"
        )
    }
}
