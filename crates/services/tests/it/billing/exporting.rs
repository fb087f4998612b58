//! Telling the provider what was used.

use chrono::TimeDelta;
use resonance_polar_sandbox::Faults;
use resonance_testkit::on_both;

use super::{Shop, told_of};

async fn later(shop: &Shop, wait: TimeDelta) {
    shop.instance.clock.advance(wait);
    shop.services().settle().await.unwrap();
}

on_both! {
    async fn what_succeeded_is_told_once_and_nothing_else(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        let ada = shop.as_ada().await;
        shop.ask(&ada, "four").await.unwrap();
        shop.services().settle().await.unwrap();
        shop.engine.fail_next(resonance_speech::engine::EngineError::UnsupportedVoice);
        shop.ask(&ada, "failed").await.unwrap();
        shop.services().settle().await.unwrap();
        let stopped = shop.ask(&ada, "stopped").await.unwrap();
        ada.generations().cancel(resonance_domain::InOrg::new(shop.acme, stopped.id)).await.unwrap();
        shop.services().settle().await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!((told_of(&sandbox, shop.acme), shop.settled().await), (4, 4));
        assert!(shop.differences().await.is_empty());
    }

    async fn while_the_provider_is_down_everything_waits_and_then_arrives(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        let ada = shop.as_ada().await;
        for text in ["one", "three", "eleven char"] {
            shop.ask(&ada, text).await.unwrap();
            later(&shop, TimeDelta::seconds(10)).await;
        }
        assert_eq!((told_of(&sandbox, shop.acme), shop.settled().await), (0, 19));
        assert!(shop.differences().await.is_empty(), "what waits is no difference");
        sandbox.set_faults(Faults::default());
        later(&shop, TimeDelta::minutes(5)).await;
        assert_eq!(told_of(&sandbox, shop.acme), 19);
    }

    async fn an_answer_that_is_lost_counts_nothing_twice(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        sandbox.set_faults(Faults { lost_answer_rate: 1.0, ..Faults::default() });
        shop.ask(&shop.as_ada().await, "four").await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!(told_of(&sandbox, shop.acme), 4);
        let waiting = shop.instance.sql_count("usage_exports WHERE exported_at IS NULL").await;
        assert_eq!(waiting, 1, "nobody knows yet that it arrived");
        sandbox.set_faults(Faults::default());
        shop.ask(&shop.as_ada().await, "three").await.unwrap();
        later(&shop, TimeDelta::minutes(5)).await;
        assert_eq!(told_of(&sandbox, shop.acme), 9);
        assert_eq!(shop.instance.sql_count("usage_exports WHERE exported_at IS NULL").await, 0);
    }

    async fn a_line_that_the_provider_refuses_for_good_holds_up_no_other(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        shop.ask(&shop.as_ada().await, "before").await.unwrap();
        shop.services().settle().await.unwrap();
        // What no provider takes: the name of an engine that is longer than any value may be.
        let (line, of) = (shop.instance.sql_id(shop.instance.fresh_uuid()), shop.instance.sql_id(shop.instance.fresh_uuid()));
        let engine = "e".repeat(501);
        for kind in ["hold", "settle"] {
            let id = if kind == "hold" { &of } else { &line };
            shop.instance.sql(&format!(
                "INSERT INTO usage_entries (organization_id, id, metric, kind, reference_id, quantity, engine, day, created_at)
                 SELECT organization_id, {id}, metric, '{kind}', {of}, 7, '{engine}', day, created_at FROM usage_entries
                 WHERE kind = 'settle' AND quantity = 6"
            )).await;
        }
        shop.instance.sql(&format!(
            "INSERT INTO usage_exports (organization_id, id) SELECT organization_id, {line} FROM usage_exports"
        )).await;
        shop.ask(&shop.as_ada().await, "after").await.unwrap();
        shop.services().settle().await.unwrap();
        sandbox.set_faults(Faults::default());
        later(&shop, TimeDelta::minutes(6)).await;
        assert_eq!(told_of(&sandbox, shop.acme), 11);
        let named = shop.differences().await;
        assert!(named.iter().any(|one| one == "the provider refused a line for good"), "{named:?}");
        let refused = shop.instance.sql_count("usage_exports WHERE refused IS NOT NULL").await;
        assert_eq!(refused, 1);
    }

    async fn a_clock_that_went_ahead_loses_nothing(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        shop.instance.clock.advance(TimeDelta::hours(2));
        shop.ask(&shop.as_ada().await, "early").await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!(told_of(&sandbox, shop.acme), 0, "the provider takes nothing from the future");
        shop.instance.clock.advance(TimeDelta::hours(-2));
        shop.ask(&shop.as_ada().await, "now").await.unwrap();
        shop.instance.sql("UPDATE jobs SET state = 'queued' WHERE queue = 'bill'").await;
        shop.services().settle().await.unwrap();
        assert_eq!(told_of(&sandbox, shop.acme), 8);
        assert!(shop.differences().await.is_empty());
    }

    async fn what_a_node_settled_that_knew_of_no_provider_is_put_on_its_way(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        shop.ask(&shop.as_ada().await, "first").await.unwrap();
        shop.services().settle().await.unwrap();
        shop.instance.clock.advance(TimeDelta::milliseconds(5));
        shop.ask(&shop.as_ada().await, "second").await.unwrap();
        shop.instance.without_billing().settle().await.unwrap();
        assert_eq!((told_of(&sandbox, shop.acme), shop.settled().await), (5, 11));
        assert_eq!(shop.differences().await, ["a settled line is not on its way to the provider"]);
        shop.services().verify_usage_soon().await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!(told_of(&sandbox, shop.acme), 11);
        assert!(shop.differences().await.is_empty());
    }

    async fn a_custom_voice_is_told_of_too(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        let usage = |sandbox: &resonance_polar_sandbox::Sandbox| {
            let all = sandbox.usage().into_iter();
            all.filter(|used| used.name == "custom_voices").map(|used| used.events).sum::<u64>()
        };
        assert_eq!(usage(&sandbox), 0);
        let ada = shop.as_ada().await;
        let input = resonance_services::CreateVoice {
            name: "Clara".to_owned(),
            engine: Some("test".to_owned()),
            sample: resonance_testkit::recording(11.0, 16_000, 0.3, resonance_domain::AudioFormat::Wav),
            consent: resonance_services::Attestation {
                attested: true,
                statement: "She agreed.".to_owned(),
            },
            ..resonance_services::CreateVoice::default()
        };
        let made = ada.voices().create(input).await;
        if let Err(resonance_services::ServiceError::Refused(errors)) = &made {
            panic!("{errors:?}");
        }
        made.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!(usage(&sandbox), 1);
        assert!(shop.differences().await.is_empty());
    }
}
