//! Reading the log.

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use resonance_domain::{PageRequest, RoleKey};
use resonance_persistence::count_statements;
use resonance_services::AuditQuery;
use resonance_testkit::{on_both, verdict};

use super::World;

fn kinds(kinds: &[&str]) -> AuditQuery {
    AuditQuery {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..AuditQuery::default()
    }
}

on_both! {
    async fn admins_read_their_own_log_newest_first_and_nobody_elses(backend: Backend) {
        let world = World::new(backend).await;
        world.rename("Acme 2").await;
        let ada = world.instance.request_in(&world.ada, world.acme).await;
        let page = PageRequest::first(100);
        let all = ada.audit_log().list(world.acme, &AuditQuery::default(), &page).await.unwrap().items;
        let told: Vec<_> = all.iter().map(|entry| entry.kind.as_str()).collect();
        let expected = [
            "organization.updated", "membership.created", "invitation.accepted", "invitation.created",
            "membership.created", "organization.created",
        ];
        assert_eq!(told, expected);
        assert!(all.iter().all(|entry| entry.organization == Some(world.acme)));
        let updated = &all[0];
        assert_eq!(updated.payload["changes"]["name"], serde_json::json!({ "old": "Acme", "new": "Acme 2" }));
        assert_eq!(updated.actor.as_deref(), Some(world.ada.user.type_id().as_str()));
        // Sealed a moment later.
        assert_eq!((updated.position, all[1].position), (None, Some(5)));
        // A page after the other, with one statement each.
        let mut request = PageRequest::first(2);
        let mut seen = Vec::new();
        loop {
            let (page, statements) =
                count_statements(ada.audit_log().list(world.acme, &AuditQuery::default(), &request)).await;
            let page = page.unwrap();
            assert!(statements <= 1, "{statements}");
            seen.extend(page.items.iter().map(|entry| entry.id));
            let Some(last) = page.items.last().filter(|_| page.has_next) else { break };
            request.cursor = Some(resonance_services::IdCursor(last.id.as_uuid()));
        }
        assert_eq!(seen, all.iter().map(|entry| entry.id).collect::<Vec<_>>());
        let bob = world.instance.request_in(&world.bob, world.acme).await;
        let refused = bob.audit_log().list(world.acme, &AuditQuery::default(), &page).await;
        assert_eq!(verdict(&refused), "FORBIDDEN org:sys_audit:read");
        let eve = world.instance.sign_up("Eve", "eve@example.org").await;
        let eve = world.instance.request_of(&eve).await;
        let refused = eve.audit_log().list(world.acme, &AuditQuery::default(), &page).await;
        assert_eq!(verdict(&refused), "NOT_FOUND");
        assert_eq!(verdict(&eve.audit_log().verify(Some(world.acme), None).await), "NOT_FOUND");
    }

    async fn entries_are_found_by_kind_actor_subject_and_time(backend: Backend) {
        let world = World::new(backend).await;
        world.instance.clock.advance(TimeDelta::hours(2));
        let later = world.instance.clock.now();
        world.rename("Acme 2").await;
        let ada = world.instance.request_in(&world.ada, world.acme).await;
        let found = async |query: AuditQuery| {
            let page = PageRequest::first(100);
            let page = ada.audit_log().list(world.acme, &query, &page).await.unwrap();
            let count = ada.audit_log().count(world.acme, &query).await.unwrap();
            assert_eq!(count, page.items.len() as u64);
            page.items.into_iter().map(|entry| entry.kind).collect::<Vec<_>>()
        };
        assert_eq!(found(kinds(&["organization.updated"])).await, ["organization.updated"]);
        let several = kinds(&["organization.created", "organization.updated", "organization.created"]);
        assert_eq!(found(several.clone()).await, ["organization.updated", "organization.created"]);
        let bobs = AuditQuery { actor: Some(world.bob.user.type_id()), ..AuditQuery::default() };
        assert_eq!(found(bobs.clone()).await, ["membership.created", "invitation.accepted"]);
        let subject = AuditQuery { subject: Some(world.acme.type_id()), ..AuditQuery::default() };
        assert_eq!(found(subject).await, ["organization.updated", "organization.created"]);
        let new = AuditQuery { from: Some(later), ..AuditQuery::default() };
        assert_eq!(found(new).await, ["organization.updated"]);
        let old = AuditQuery { to: Some(later), ..several };
        assert_eq!(found(old).await, ["organization.created"]);
        let none = AuditQuery { kinds: vec!["organization.updated".into()], ..bobs };
        assert_eq!(found(none).await, [""; 0]);
        let page = PageRequest::first(2);
        let refused = ada.audit_log().list(world.acme, &kinds(&["voice.sung"]), &page).await;
        assert_eq!(verdict(&refused), "INVALID kinds");
    }

    async fn an_export_holds_every_entry_in_order_and_ends_with_the_permission(backend: Backend) {
        let world = World::new(backend).await;
        for nth in 0..600 {
            world.rename(&format!("Acme {nth}")).await;
        }
        world.instance.services.settle().await.unwrap();
        let cem = world.instance.sign_up("Cem", "cem@example.org").await;
        world.instance.bring_in(&world.ada, world.acme, &cem, RoleKey::ADMIN).await;
        let request = world.instance.request_in(&cem, world.acme).await;
        let export = || request.audit_log();
        let export = async || export().export(world.acme, &AuditQuery::default()).await.unwrap();
        let parts: Vec<_> = export().await.collect().await;
        let lines: Vec<_> = parts.into_iter().flat_map(Result::unwrap).collect();
        let count = request.audit_log().count(world.acme, &AuditQuery::default()).await.unwrap();
        assert_eq!(lines.len() as u64, count);
        assert!(lines.is_sorted_by_key(|line| line.id.as_uuid()));
        // Whoever is put out in the middle gets no further.
        let mut stream = export().await;
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 500);
        let ada = world.instance.request_in(&world.ada, world.acme).await;
        let member = resonance_domain::InOrg::new(world.acme, request.standing(world.acme).await.unwrap().membership());
        ada.memberships().change_role(member, "org:member").await.unwrap();
        assert_eq!(verdict(&stream.next().await.unwrap()), "FORBIDDEN org:sys_audit:read");
        assert!(stream.next().await.is_none());
    }
}
