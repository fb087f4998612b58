//! Plans: rationing without money, and what things cost.

use resonance_authz::Denied;
use resonance_domain::{ErrorCode, Plan};
use resonance_services::{PlanTerms, Quota, Request, ServiceError};
use resonance_testkit::on_both;

use super::{Shop, refusals, used_up};

fn rationed(characters: i64) -> PlanTerms {
    PlanTerms {
        name: "Ration".to_owned(),
        included_characters: Some(characters),
        ..PlanTerms::default()
    }
}

async fn operator(shop: &Shop) -> Request {
    let olga = shop.instance.sign_up("Olga", "olga@resonance.test").await;
    shop.instance.services.add_operator(&olga.email).await.unwrap();
    shop.instance.request_of(&olga).await
}

async fn give(shop: &Shop, operator: &Request, terms: PlanTerms) -> Plan {
    let plan = operator.operators().create_plan(terms, "a test").await.unwrap();
    operator
        .operators()
        .assign_plan(shop.acme, Some(plan.id), "a test")
        .await
        .unwrap();
    plan
}

on_both! {
    async fn a_plan_without_a_price_rations_what_is_spoken(backend: Backend) {
        let shop = Shop::new(backend).await;
        let operator = operator(&shop).await;
        let plan = give(&shop, &operator, rationed(8)).await;
        let ada = shop.as_ada().await;
        shop.ask(&ada, "eight ch").await.unwrap();
        assert_eq!(used_up(shop.ask(&ada, "x").await), (Quota::Plan, 8, 8));
        assert_eq!(shop.state().await.plan.map(|plan| plan.name).as_deref(), Some("Ration"));
        // What the plan is from now on, the next text meets.
        operator.operators().update_plan(plan.id, rationed(9), "more").await.unwrap();
        shop.ask(&ada, "x").await.unwrap();
        assert_eq!(used_up(shop.ask(&ada, "y").await), (Quota::Plan, 9, 9));
        // A smaller budget of the organization's own counts as well.
        shop.set_budget(None, Some(3)).await;
        assert_eq!(used_up(shop.ask(&ada, "y").await), (Quota::Organization, 9, 3));
        shop.set_budget(None, None).await;
        operator.operators().assign_plan(shop.acme, None, "free again").await.unwrap();
        shop.ask(&ada, "y").await.unwrap();
        assert!(shop.state().await.plan.is_none());
    }

    async fn a_plan_ends_in_the_middle_of_a_queue_and_what_is_held_is_spoken(backend: Backend) {
        let shop = Shop::new(backend).await;
        let operator = operator(&shop).await;
        let plan = give(&shop, &operator, rationed(100)).await;
        let ada = shop.as_ada().await;
        let held = shop.ask(&ada, "held before").await.unwrap();
        operator.operators().update_plan(plan.id, rationed(0), "the end").await.unwrap();
        assert_eq!(used_up(shop.ask(&ada, "after").await).0, Quota::Plan);
        shop.services().settle().await.unwrap();
        let spoken = ada.generations().get(resonance_domain::InOrg::new(shop.acme, held.id)).await.unwrap();
        assert_eq!(spoken.state, resonance_domain::GenerationState::Succeeded);
        assert_eq!(shop.settled().await, 11);
    }

    async fn a_price_lets_everybody_go_on_and_is_estimated(backend: Backend) {
        let shop = Shop::new(backend).await;
        let operator = operator(&shop).await;
        let terms = PlanTerms { price: Some("0.30".to_owned()), currency: Some("EUR".to_owned()), ..rationed(4) };
        give(&shop, &operator, terms).await;
        shop.ask(&shop.as_ada().await, &"x".repeat(2_504)).await.unwrap();
        let estimate = shop.state().await.estimate.unwrap();
        assert_eq!((estimate.usage.to_string(), estimate.currency.as_str()), ("0.75".to_owned(), "eur"));
        assert_eq!(estimate.total().to_string(), "0.75");
    }

    async fn the_member_limit_of_a_plan_becomes_that_of_its_organizations(backend: Backend) {
        let shop = Shop::new(backend).await;
        let operator = operator(&shop).await;
        let limit = async || {
            let limit = shop.instance.sql_texts("SELECT CAST(member_limit AS text) FROM organizations").await;
            limit.concat()
        };
        let plan = give(&shop, &operator, PlanTerms { member_limit: Some(17), ..rationed(4) }).await;
        assert_eq!(limit().await, "17");
        let terms = PlanTerms { member_limit: Some(3), ..rationed(4) };
        operator.operators().update_plan(plan.id, terms, "fewer").await.unwrap();
        assert_eq!(limit().await, "3");
    }

    async fn plans_are_the_operators_business_and_stay_as_long_as_somebody_has_them(backend: Backend) {
        let shop = Shop::new(backend).await;
        let operator = operator(&shop).await;
        let by_ada = shop.as_ada().await.operators().create_plan(rationed(1), "mine").await;
        assert!(matches!(by_ada, Err(ServiceError::Denied(Denied::NotVisible))));
        let by_ada = shop.as_ada().await.operators().assign_plan(shop.acme, None, "mine").await;
        assert!(matches!(by_ada, Err(ServiceError::Denied(Denied::NotVisible))));
        let sold = PlanTerms { product: Some("p1".to_owned()), ..rationed(1) };
        let plan = give(&shop, &operator, sold.clone()).await;
        let again = operator.operators().create_plan(sold, "again").await;
        assert_eq!(refusals(again), [(ErrorCode::Taken, "product".to_owned())]);
        let deleted = operator.operators().delete_plan(plan.id, "away").await;
        assert_eq!(refusals(deleted), [(ErrorCode::Conflict, "planId".to_owned())]);
        operator.operators().assign_plan(shop.acme, None, "away").await.unwrap();
        operator.operators().delete_plan(plan.id, "away").await.unwrap();
        assert!(operator.operators().plans().await.unwrap().is_empty());
        let wrong = PlanTerms {
            name: " ".to_owned(),
            included_characters: Some(-1),
            price: Some("-1".to_owned()),
            currency: Some("money".to_owned()),
            custom_voices: Some(-1),
            member_limit: Some(-1),
            product: Some(String::new()),
        };
        let fields: Vec<_> = refusals(operator.operators().create_plan(wrong, "wrong").await)
            .into_iter()
            .map(|(_, field)| field)
            .collect();
        let all = [
            "name", "includedCharacters", "pricePerThousandCharacters", "currency", "customVoices", "memberLimit", "product",
        ];
        assert_eq!(fields, all);
    }
}
