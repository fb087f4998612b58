//! What an older version stored is there after an upgrade.

use migration::{Migrator, MigratorTrait as _};
use resonance_testkit::{TestDatabase, on_both, sql_at};
use sea_orm::ConnectionTrait as _;

/// The migrations before budgets counted organizations and members, and usage had sums.
const BEFORE_BILLING: u32 = 14;

on_both! {
    async fn usage_from_before_there_were_sums_is_summed_up_and_what_was_spent_is_spent(backend: Backend) {
        let test = TestDatabase::empty(backend).await;
        let old = sea_orm::Database::connect(test.url.as_str()).await.unwrap();
        Migrator::up(&old, Some(BEFORE_BILLING)).await.unwrap();
        let postgres = test.database.is_postgres();
        let id = |number: u32| {
            if postgres {
                format!("'{number:032x}'")
            } else {
                format!("X'{number:032x}'")
            }
        };
        let [acme, ada, key, voice] = [1, 2, 3, 4].map(id);
        let now = "'2026-11-01T00:00:00+00:00'";
        let mut statements = vec![
            format!(
                "INSERT INTO organizations (id, name, slug, description, public_metadata, private_metadata, member_limit, deletable,
                    created_at, updated_at) VALUES ({acme}, 'Acme', 'acme', '', '{{}}', '{{}}', 5, TRUE, {now}, {now})"
            ),
            format!(
                "INSERT INTO api_keys (organization_id, id, name, hint, token_hash, permissions, created_at, updated_at)
                 VALUES ({acme}, {key}, 'CI', 'abcd', {}, '', {now}, {now})",
                if postgres { "'\\x00'" } else { "X'00'" }
            ),
            format!("INSERT INTO api_key_months (organization_id, id, month, characters) VALUES ({acme}, {key}, '2026-10', 5)"),
        ];
        // Each generation: when it was held and when it ended, how, how much, and by whom.
        let generations = [
            (10, "2026-10-31", Some(("settle", "2026-11-01")), 7, (ada.as_str(), "NULL")),
            (11, "2026-10-30", Some(("release", "2026-10-30")), 100, (ada.as_str(), "NULL")),
            (12, "2026-10-30", Some(("settle", "2026-10-30")), 5, ("NULL", key.as_str())),
            (13, "2026-11-01", None, 3, (ada.as_str(), "NULL")),
        ];
        for (number, held, end, quantity, (user, program)) in generations {
            let mut line = |place: u32, kind: &str, day: &str| {
                statements.push(format!(
                    "INSERT INTO usage_entries (organization_id, id, metric, kind, reference_id, quantity, voice_id, user_id, day,
                        created_at, api_key_id)
                     VALUES ({acme}, {}, 'characters', '{kind}', {}, {quantity}, {voice}, {user}, '{day}', {now}, {program})",
                    id(number * 10 + place), id(number)
                ));
            };
            line(1, "hold", held);
            if let Some((kind, day)) = end {
                line(2, kind, day);
            }
        }
        for statement in statements {
            old.execute_unprepared(&statement).await.unwrap();
        }
        old.close().await.unwrap();
        test.database.migrate().await.unwrap();
        for (what, expected) in [
            ("usage_totals WHERE dimension = 'total' AND grain = 'month' AND slot = '2026-11' AND quantity = 7", 1),
            ("usage_totals WHERE dimension = 'total' AND grain = 'month' AND slot = '2026-10' AND quantity = 5", 1),
            ("usage_totals WHERE dimension = 'member' AND quantity = 7", 3),
            ("usage_totals WHERE dimension = 'key' AND quantity = 5", 3),
            ("usage_totals WHERE dimension = 'voice' AND grain = 'day'", 2),
            ("usage_totals", 18),
            // Ada held 7 in October, which ended as spent, and holds 3; the key spent 5; the organization all of it.
            (&format!("spending WHERE id = {ada} AND period = '2026-10-01T00:00:00Z' AND characters = 7"), 1),
            (&format!("spending WHERE id = {ada} AND period = '2026-11-01T00:00:00Z' AND characters = 3"), 1),
            (&format!("spending WHERE id = {key} AND period = '2026-10-01T00:00:00Z' AND characters = 5"), 1),
            (&format!("spending WHERE id = {acme} AND period = '2026-10-01T00:00:00Z' AND characters = 12"), 1),
            (&format!("spending WHERE id = {acme} AND period = '2026-11-01T00:00:00Z' AND characters = 3"), 1),
            ("spending", 5),
        ] {
            let told = format!("UPDATE organizations SET name = name WHERE (SELECT COUNT(*) FROM {what}) = {expected}");
            let found = sql_at(&test.url, &told).await;
            assert_eq!(found, 1, "{expected} of {what}");
        }
    }
}
