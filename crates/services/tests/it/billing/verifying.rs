//! Proving that everything adds up, and naming what does not.

use resonance_testkit::on_both;

use super::Shop;

on_both! {
    async fn whatever_does_not_add_up_is_named(backend: Backend) {
        let shop = Shop::new(backend).await;
        let ada = shop.as_ada().await;
        shop.ask(&ada, "four").await.unwrap();
        shop.services().settle().await.unwrap();
        let failed = shop.ask(&ada, "stopped").await.unwrap();
        ada.generations().cancel(resonance_domain::InOrg::new(shop.acme, failed.id)).await.unwrap();
        shop.ask(&ada, "waiting").await.unwrap();
        assert!(shop.differences().await.is_empty());
        let wrongs = [
            (
                "UPDATE usage_totals SET quantity = quantity + 1 WHERE grain = 'day' AND dimension = 'voice'",
                "UPDATE usage_totals SET quantity = quantity - 1 WHERE grain = 'day' AND dimension = 'voice'",
                "a sum of a day or a month is not that of its hours",
            ),
            (
                "UPDATE usage_totals SET quantity = quantity + 1 WHERE dimension = 'member'",
                "UPDATE usage_totals SET quantity = quantity - 1 WHERE dimension = 'member'",
                "a sum of an hour is not that of its lines",
            ),
            (
                "UPDATE spending SET characters = characters + 1 WHERE id <> organization_id",
                "UPDATE spending SET characters = characters - 1 WHERE id <> organization_id",
                "what is spent is not what is held and settled",
            ),
            (
                "UPDATE jobs SET queue = 'lost' WHERE queue = 'speak'",
                "UPDATE jobs SET queue = 'speak' WHERE queue = 'lost'",
                "a generation is not finished and no job is there to finish it",
            ),
            (
                "UPDATE generations SET state = 'failed' WHERE state = 'queued'",
                "UPDATE generations SET state = 'queued' WHERE state = 'failed'",
                "a generation failed or was cancelled and its characters are not released",
            ),
            (
                "UPDATE generations SET state = 'queued' WHERE state = 'cancelled'",
                "UPDATE generations SET state = 'cancelled' WHERE text = 'stopped'",
                "a generation is not finished and its characters are settled or released",
            ),
            (
                "UPDATE generations SET characters = characters + 1 WHERE state = 'succeeded'",
                "UPDATE generations SET characters = characters - 1 WHERE state = 'succeeded'",
                "a generation succeeded and is not settled as it was held",
            ),
            (
                "UPDATE generations SET characters = characters + 1 WHERE state = 'queued'",
                "UPDATE generations SET characters = characters - 1 WHERE state = 'queued'",
                "a generation's characters are not held on the ledger",
            ),
        ];
        for (wrong, right, name) in wrongs {
            assert!(shop.instance.sql(wrong).await > 0, "{wrong}");
            let named = shop.differences().await;
            assert!(named.iter().any(|one| one == name), "{wrong}: {named:?}");
            shop.instance.sql(right).await;
            assert_eq!(shop.differences().await, Vec::<String>::new(), "{right}");
        }
        // Sums can be made anew from the lines.
        shop.instance.sql("DELETE FROM usage_totals WHERE grain = 'month'").await;
        shop.instance.sql("UPDATE usage_totals SET quantity = 7").await;
        shop.services().mend_usage_sums(shop.acme).await.unwrap();
        assert_eq!(shop.differences().await, Vec::<String>::new());
        // What is gone for good comes last.
        shop.instance.sql("DELETE FROM usage_entries WHERE kind = 'hold' AND quantity = 4").await;
        let named = shop.differences().await;
        for name in ["a line settles or releases what is not held so", "a generation's characters are not held on the ledger"] {
            assert!(named.iter().any(|one| one == name), "{named:?}");
        }
        shop.instance.sql("DELETE FROM generation_search").await;
        shop.instance.sql("DELETE FROM generations WHERE state = 'queued'").await;
        let named = shop.differences().await;
        assert!(named.iter().any(|one| one == "characters are held for a generation that is no more"), "{named:?}");
    }

    async fn what_others_do_not_add_up_is_not_told_of_an_organization(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.ask(&shop.as_ada().await, "four").await.unwrap();
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let there = shop.instance.request_in(&eve, elsewhere).await;
        shop.ask(&there, "three").await.unwrap();
        let id = shop.instance.sql_id(elsewhere.as_uuid());
        shop.instance.sql(&format!("UPDATE spending SET characters = 6 WHERE organization_id = {id}")).await;
        let mut found = Vec::new();
        let mut tell = |report: resonance_services::UsageReport| found.push((report.organization, report.differences.len()));
        shop.services().verify_usage(Some(shop.acme), &mut tell).await.unwrap();
        assert_eq!(found, [(shop.acme, 0)]);
        found.clear();
        let mut tell = |report: resonance_services::UsageReport| found.push((report.organization, report.differences.len()));
        shop.services().verify_usage(None, &mut tell).await.unwrap();
        found.sort_unstable();
        let mut expected = [(shop.acme, 0), (elsewhere, 2)];
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
