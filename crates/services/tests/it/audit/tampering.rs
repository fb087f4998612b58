//! What somebody with the database, but without the secret, can do to a log, and that it is found out.

use AuditDifferenceKind::{Changed, EndChanged, Inserted, KnownLinkMissing, Moved, Removed, Unsealed};
use resonance_services::{AuditDifferenceKind, KnownLink};
use resonance_testkit::on_both;

use super::{World, told};

/// One difference at one place.
fn at(kind: AuditDifferenceKind, place: u64) -> (AuditDifferenceKind, Option<u64>, Option<u64>) {
    (kind, Some(place), Some(place))
}

on_both! {
    async fn a_log_that_nobody_touched_is_intact_and_holds_every_event(backend: Backend) {
        let world = World::new(backend).await;
        for log in [Some(world.acme), Some(world.other), None] {
            let found = world.instance.services.verify_audit_log(log, None).await.unwrap();
            assert!(found.is_intact(), "{found:?}");
            assert!(found.length >= 4, "{found:?}");
            assert_eq!((found.checked, found.pending), (found.length, 0), "{found:?}");
        }
        // What the relay has not seen yet is no difference.
        world.rename("Acme 2").await;
        let found = world.verified().await;
        assert!(found.is_intact() && found.pending == 1, "{found:?}");
    }

    async fn whatever_column_is_changed_the_event_is_named(backend: Backend) {
        let world = World::new(backend).await;
        let other = world.instance.sql_id(world.instance.fresh_uuid());
        let ways = [
            "kind = 'voice.deleted'".to_owned(),
            "kind = 'no.such_kind'".to_owned(),
            "actor_kind = 'system'".to_owned(),
            "actor = 'user_someone_else'".to_owned(),
            "subject = NULL".to_owned(),
            "payload = '{\"changes\": {}}'".to_owned(),
            "ip_address = '192.0.2.1'".to_owned(),
            "user_agent = 'curl'".to_owned(),
            "created_at = '2026-01-01 00:00:00.000000+00:00'".to_owned(),
            format!("copy_of = {other}"),
            format!("id = {other}"),
            format!("mac = {}", crate::tenants::hex_literal(&world.instance, &[7; 32])),
            "mac = NULL".to_owned(),
        ];
        let before = world.verified().await;
        for way in ways {
            let keep = "CREATE TABLE kept AS SELECT * FROM events";
            world.instance.sql(keep).await;
            world.tamper(&format!("UPDATE events SET {way}"), 2).await;
            assert_eq!(told(&world.verified().await), [at(Changed, 2)], "{way}");
            world.instance.sql("DELETE FROM events").await;
            world.instance.sql("INSERT INTO events SELECT * FROM kept").await;
            world.instance.sql("DROP TABLE kept").await;
            assert_eq!(world.verified().await, before, "{way}");
        }
    }

    async fn what_no_column_could_hold_is_named_and_stops_nothing(backend: Backend) {
        let world = World::new(backend).await;
        if world.instance.test_database.database.is_postgres() {
            return;
        }
        world.rename("Acme 2").await;
        for way in ["payload = 'no json'", "created_at = 'never'", "copy_of = 'x'", "kind = x'ff'"] {
            world.rename(&format!("Acme {}", way.len())).await;
            let last = "(SELECT MAX(id) FROM events)";
            world.instance.sql(&format!("UPDATE events SET {way} WHERE id = {last}")).await;
        }
        world.instance.services.settle().await.unwrap();
        let found = world.verified().await;
        let places = (found.length - 3)..=found.length;
        assert_eq!(told(&found), places.map(|place| at(Changed, place)).collect::<Vec<_>>());
    }

    async fn removed_events_are_named_by_their_places(backend: Backend) {
        let world = World::new(backend).await;
        let length = world.verified().await.length;
        world.tamper("DELETE FROM events", 2).await;
        assert_eq!(told(&world.verified().await), [at(Removed, 2)]);
        world.tamper("DELETE FROM events", 3).await;
        assert_eq!(told(&world.verified().await), [(Removed, Some(2), Some(3))]);
        // The last one: only the end tells that it was there.
        world.tamper("DELETE FROM events", length).await;
        assert_eq!(
            told(&world.verified().await),
            [(Removed, Some(2), Some(3)), at(Removed, length)]
        );
        // Closing the gap makes it worse.
        world.tamper("UPDATE events SET chain_position = 2", 4).await;
        assert!(told(&world.verified().await).contains(&at(Moved, 2)));
    }

    async fn events_in_another_order_are_named(backend: Backend) {
        let world = World::new(backend).await;
        world.tamper("UPDATE events SET chain_position = 1000", 2).await;
        world.tamper("UPDATE events SET chain_position = 2", 3).await;
        world.tamper("UPDATE events SET chain_position = 3", 1000).await;
        let found = told(&world.verified().await);
        assert_eq!(found[..2], [at(Moved, 2), at(Moved, 3)], "{found:?}");
        assert!(found.iter().all(|(kind, ..)| *kind == Moved), "{found:?}");
    }

    async fn made_up_events_are_named_wherever_they_stand(backend: Backend) {
        let world = World::new(backend).await;
        let length = world.verified().await.length;
        let forge = async |position: &str, relayed_at: &str| {
            let id = world.instance.sql_id(world.instance.fresh_uuid());
            let organization = world.instance.sql_id(world.acme.as_uuid());
            let columns = "organization_id, kind, actor_kind, actor, subject, payload, created_at, mac, chain_hash";
            let forged = format!(
                "INSERT INTO events (id, {columns}, chain_position, relayed_at) SELECT {id}, {columns}, {position}, {relayed_at}
                 FROM events WHERE organization_id = {organization} AND chain_position = 3"
            );
            assert_eq!(world.instance.sql(&forged).await, 1);
        };
        forge("2", "created_at").await;
        assert_eq!(told(&world.verified().await), [at(Inserted, 2)]);
        forge("0", "created_at").await;
        forge("100", "created_at").await;
        let nowhere = (Inserted, None, None);
        assert_eq!(told(&world.verified().await), [nowhere, at(Inserted, 2), at(Inserted, 100)]);
        // Past the relay, and handed to it: it gets a place like all others, and is named there.
        forge("NULL", "created_at").await;
        forge("NULL", "NULL").await;
        let found = told(&world.verified().await);
        assert_eq!(found[3..], [(Changed, None, None), (Changed, None, None)], "{found:?}");
        let mails = world.instance.mails.list(1000).await.unwrap().len();
        world.instance.services.settle().await.unwrap();
        assert_eq!(world.instance.mails.list(1000).await.unwrap().len(), mails, "a forged event sent a mail");
        let found = told(&world.verified().await);
        assert!(found.contains(&at(Changed, length + 1)), "{found:?}");
    }

    async fn an_event_that_lost_its_place_is_named(backend: Backend) {
        let world = World::new(backend).await;
        let length = world.verified().await.length;
        world.tamper("UPDATE events SET chain_position = NULL", length).await;
        assert_eq!(told(&world.verified().await), [at(Removed, length), (Unsealed, None, None)]);
        // Handed to the relay again, it gets another place; the old one stays empty.
        world.instance.sql("UPDATE events SET relayed_at = NULL WHERE chain_position IS NULL").await;
        world.instance.services.settle().await.unwrap();
        assert_eq!(told(&world.verified().await), [at(Removed, length)]);
    }

    async fn a_chain_cut_short_is_named_and_what_follows_does_not_heal_it(backend: Backend) {
        let world = World::new(backend).await;
        let before = world.verified().await;
        let organization = world.instance.sql_id(world.acme.as_uuid());
        world.tamper("DELETE FROM events", before.length).await;
        let cut = format!(
            "UPDATE audit_chains SET length = {}, head_hash =
                (SELECT chain_hash FROM events WHERE organization_id = {organization} AND chain_position = {})
             WHERE organization_id = {organization}",
            before.length - 1,
            before.length - 1
        );
        assert_eq!(world.instance.sql(&cut).await, 1);
        assert_eq!(told(&world.verified().await), [at(EndChanged, before.length - 1)]);
        world.rename("Acme 2").await;
        world.rename("Acme 3").await;
        world.instance.services.settle().await.unwrap();
        assert_eq!(told(&world.verified().await), [at(EndChanged, before.length + 1)]);
    }

    async fn a_log_put_back_to_an_earlier_state_is_found_out_by_whoever_kept_its_end(backend: Backend) {
        let world = World::new(backend).await;
        let instance = &world.instance;
        for table in ["events", "audit_chains"] {
            instance.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        world.rename("Acme 2").await;
        instance.services.settle().await.unwrap();
        let kept = world.verified().await;
        let known = KnownLink { position: kept.length, hash: kept.hash.clone() };
        let earlier = KnownLink { position: 1, hash: vec![0; 32] };
        let verify = async |known: &KnownLink| {
            told(&instance.services.verify_audit_log(Some(world.acme), Some(known)).await.unwrap())
        };
        assert_eq!(verify(&known).await, []);
        assert_eq!(verify(&earlier).await, [at(KnownLinkMissing, 1)]);
        for table in ["events", "audit_chains"] {
            instance.sql(&format!("DELETE FROM {table}")).await;
            instance.sql(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
        assert!(world.verified().await.is_intact());
        assert_eq!(verify(&known).await, [at(KnownLinkMissing, kept.length)]);
        // As many events again do not bring the link back.
        world.rename("Acme 3").await;
        instance.services.settle().await.unwrap();
        assert!(world.verified().await.is_intact());
        assert_eq!(verify(&known).await, [at(KnownLinkMissing, kept.length)]);
    }

    async fn one_tenants_event_is_no_others(backend: Backend) {
        let world = World::new(backend).await;
        let other = world.instance.sql_id(world.other.as_uuid());
        world.tamper(&format!("UPDATE events SET organization_id = {other}"), 3).await;
        assert_eq!(told(&world.verified().await), [at(Removed, 3)]);
        let services = &world.instance.services;
        let found = services.verify_audit_log(Some(world.other), None).await.unwrap();
        assert_eq!(told(&found), [at(Inserted, 3)]);
    }

    async fn a_long_log_is_read_in_steps_and_its_differences_are_counted(backend: Backend) {
        let world = World::new(backend).await;
        for nth in 0..600 {
            world.rename(&format!("Acme {nth}")).await;
        }
        world.instance.services.settle().await.unwrap();
        let found = world.verified().await;
        assert!(found.is_intact() && found.checked == found.length && found.length > 600, "{found:?}");
        world.instance.sql("UPDATE events SET user_agent = 'x' WHERE kind = 'organization.updated'").await;
        let found = world.verified().await;
        assert_eq!((found.difference_count, found.differences.len()), (600, 100));
    }
}
