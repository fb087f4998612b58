//! What may be spent.

use resonance_authz::Denied;
use resonance_domain::{BudgetHolder, ErrorCode, InOrg};
use resonance_services::{Quota, ServiceError, SetBudget};
use resonance_testkit::{at_once, count_statements, on_both};

use super::{Shop, refusals, used_up};

on_both! {
    async fn a_hundred_at_once_through_two_nodes_never_spend_one_character_more_than_there_is(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(100)).await;
        let other = shop.instance.another_node().await;
        let mut contenders = Vec::new();
        for number in 0..100 {
            let node = if number % 2 == 0 { shop.services() } else { &other };
            let person = if number % 3 == 0 { &shop.ada } else { &shop.mel };
            let request = node.authenticate(&person.token, Default::default(), Some(shop.acme)).await.unwrap();
            let input = shop.input(&format!("n{number:02}"));
            contenders.push(async move { request.generations().create(input).await });
        }
        let outcomes = at_once(contenders).await;
        let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(taken, 33);
        for refused in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(used_up(refused), (Quota::Organization, 99, 100));
        }
        assert_eq!(shop.state().await.spent, 99);
        shop.services().settle().await.unwrap();
        assert_eq!((shop.settled().await, shop.state().await.spent), (99, 99));
        assert!(shop.differences().await.is_empty());
    }

    async fn a_budget_costs_a_text_no_statement_more_than_counting_does(backend: Backend) {
        let shop = Shop::new(backend).await;
        let ada = shop.as_ada().await;
        let count = async |text: &str| {
            let (made, statements) = count_statements(shop.ask(&ada, text)).await;
            made.unwrap();
            statements
        };
        let unlimited = count("one").await;
        shop.set_budget(None, Some(1_000)).await;
        shop.set_budget(Some(&shop.ada), Some(1_000)).await;
        assert_eq!((count("two").await, count("three").await), (unlimited, unlimited));
    }

    async fn a_members_budget_stops_that_member_alone(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(Some(&shop.mel), Some(5)).await;
        let (ada, mel) = (shop.as_ada().await, shop.as_mel().await);
        shop.ask(&mel, "five.").await.unwrap();
        assert_eq!(used_up(shop.ask(&mel, "x").await), (Quota::Member, 5, 5));
        shop.ask(&ada, "Ada may go on").await.unwrap();
        let budgets = ada.billing().budgets(shop.acme).await.unwrap();
        let [budget] = budgets.as_slice() else { panic!("{budgets:?}") };
        assert_eq!((budget.holder, budget.limit, budget.spent), (BudgetHolder::Member(shop.mel.user), Some(5), 5));
        // The same again is there already, and free.
        assert!(mel.generations().create(shop.input("five.")).await.unwrap().reused);
    }

    async fn another_budget_holds_from_the_next_text_on(backend: Backend) {
        let shop = Shop::new(backend).await;
        let ada = shop.as_ada().await;
        shop.ask(&ada, "ten chars.").await.unwrap();
        shop.set_budget(None, Some(12)).await;
        assert_eq!(used_up(shop.ask(&ada, "three").await), (Quota::Organization, 10, 12));
        shop.set_budget(None, Some(15)).await;
        shop.ask(&ada, "three").await.unwrap();
        shop.set_budget(None, Some(3)).await;
        assert_eq!(used_up(shop.ask(&ada, "x").await), (Quota::Organization, 15, 3));
        shop.set_budget(None, None).await;
        shop.ask(&ada, "x").await.unwrap();
        assert!(ada.billing().budgets(shop.acme).await.unwrap().is_empty());
        let told = shop.instance.sql_count("events WHERE kind = 'budget.updated'").await;
        assert_eq!(told, 4);
    }

    async fn what_failed_or_was_stopped_can_be_spent_again(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(6)).await;
        shop.set_budget(Some(&shop.ada), Some(6)).await;
        let ada = shop.as_ada().await;
        let stopped = shop.ask(&ada, "stop").await.unwrap();
        assert_eq!(used_up(shop.ask(&ada, "more").await).0, Quota::Organization);
        ada.generations().cancel(InOrg::new(shop.acme, stopped.id)).await.unwrap();
        shop.engine.fail_next(resonance_speech::engine::EngineError::UnsupportedVoice);
        shop.ask(&ada, "failed").await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!((shop.state().await.spent, shop.settled().await), (0, 0));
        shop.ask(&ada, "worked").await.unwrap();
        shop.services().settle().await.unwrap();
        assert_eq!((shop.state().await.spent, shop.settled().await), (6, 6));
        assert!(shop.differences().await.is_empty());
    }

    async fn whoever_asks_beyond_a_budget_holds_up_nobody_who_asks_at_the_same_time(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(Some(&shop.mel), Some(12)).await;
        let (ada, mel) = (shop.as_ada().await, shop.as_mel().await);
        let texts: Vec<_> = (0..16).map(|n| format!("{}text {}", if n < 8 { 'A' } else { 'M' }, n % 8)).collect();
        let asking = texts.iter().map(|text| shop.ask(if text.starts_with('A') { &ada } else { &mel }, text));
        let asked = futures_util::future::join_all(asking).await;
        let (adas, mels) = asked.split_at(8);
        assert!(adas.iter().all(Result::is_ok));
        // One of seven characters fits.
        assert_eq!(mels.iter().filter(|asked| asked.is_ok()).count(), 1);
        shop.services().settle().await.unwrap();
        assert_eq!((shop.state().await.spent, shop.settled().await), (63, 63));
        assert!(shop.differences().await.is_empty());
    }

    async fn people_are_told_once_at_half_at_four_fifths_and_when_there_is_nothing_left(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(10)).await;
        let mel = shop.as_mel().await;
        for text in ["four", "a", "bb", "c", "no room"] {
            let _ = shop.ask(&mel, text).await;
        }
        assert_eq!(used_up(shop.ask(&mel, "none").await), (Quota::Organization, 8, 10));
        shop.services().settle().await.unwrap();
        let told = shop.instance.sql_count("events WHERE kind = 'budget.reached'").await;
        assert_eq!(told, 3);
        let mails = shop.instance.mails.list(100).await.unwrap();
        let mut subjects: Vec<_> = mails
            .iter()
            .filter(|mail| mail.subject.contains("budget"))
            .map(|mail| (mail.to.as_str(), mail.subject.as_str()))
            .collect();
        subjects.sort_unstable();
        assert_eq!(
            subjects,
            [
                ("ada@example.org", "50% of the budget of Acme is spent"),
                ("ada@example.org", "80% of the budget of Acme is spent"),
                ("ada@example.org", "Used up: the budget of Acme"),
            ]
        );
        // A greater budget is told of anew.
        shop.set_budget(None, Some(16)).await;
        shop.ask(&mel, "x").await.unwrap();
        assert_eq!(shop.instance.sql_count("events WHERE kind = 'budget.reached'").await, 4);
    }

    async fn a_member_is_told_of_their_own_budget(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(Some(&shop.mel), Some(4)).await;
        shop.ask(&shop.as_mel().await, "four").await.unwrap();
        shop.services().settle().await.unwrap();
        let mails = shop.instance.mails.list(100).await.unwrap();
        let subject = |to: &str| {
            let mut mine = mails.iter().filter(|mail| mail.to == to && mail.subject.contains("budget"));
            mine.next().map(|mail| mail.subject.clone()).unwrap_or_default()
        };
        assert_eq!(subject("mel@example.org"), "Used up: your budget in Acme");
        assert_eq!(subject("ada@example.org"), "Used up: the budget of Mel in Acme");
    }

    async fn whoever_is_refused_for_their_own_budget_says_nothing_about_the_organizations(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(100)).await;
        shop.set_budget(Some(&shop.mel), Some(5)).await;
        shop.ask(&shop.as_ada().await, &"x".repeat(75)).await.unwrap();
        let refused = shop.ask(&shop.as_mel().await, &"y".repeat(26)).await;
        assert_eq!(used_up(refused), (Quota::Organization, 75, 100));
        let refused = shop.ask(&shop.as_mel().await, "ten chars.").await;
        assert_eq!(used_up(refused), (Quota::Member, 0, 5));
        assert_eq!(shop.state().await.spent, 75);
        let told = shop.instance.sql_texts("SELECT CAST(payload AS text) FROM events WHERE kind = 'budget.reached'").await;
        let told: Vec<serde_json::Value> = told.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
        let of = |whose: &str| told.iter().filter(|payload| payload["budget"] == whose).count();
        assert_eq!((of("organization"), of("member")), (2, 1), "{told:?}");
    }

    async fn budgets_change_while_texts_are_asked_for_and_nobody_waits_in_a_circle(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(10_000)).await;
        // So that each change forgets what was told.
        shop.ask(&shop.as_ada().await, &"x".repeat(5_000)).await.unwrap();
        let (ada, mel) = (shop.as_ada().await, shop.as_mel().await);
        let old = shop.ask(&mel, "to be stopped").await.unwrap();
        let mut contenders: Vec<std::pin::Pin<Box<dyn Future<Output = bool> + Send>>> = Vec::new();
        for number in 0..20_i64 {
            let (mel, input) = (mel.clone(), shop.input(&format!("text {number}")));
            contenders.push(Box::pin(async move { mel.generations().create(input).await.is_ok() }));
            let (ada, acme) = (ada.clone(), shop.acme);
            contenders.push(Box::pin(async move {
                let budget = SetBudget { organization: Some(acme), member: None, characters: Some(9_000 + number) };
                ada.billing().set_budget(budget).await.is_ok()
            }));
        }
        let address = InOrg::new(shop.acme, old.id);
        contenders.push(Box::pin(async move { mel.generations().delete(address).await.is_ok() }));
        assert!(at_once(contenders).await.into_iter().all(|done| done));
        assert!(shop.differences().await.is_empty());
    }

    async fn budgets_are_for_those_who_manage_billing_and_no_strangers_business(backend: Backend) {
        let shop = Shop::new(backend).await;
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let budget = SetBudget { organization: Some(shop.acme), member: None, characters: Some(1) };
        let by_mel = shop.as_mel().await.billing().set_budget(budget).await;
        assert!(matches!(by_mel, Err(ServiceError::Denied(Denied::Forbidden { .. }))));
        let by_eve = shop.instance.request_in(&eve, elsewhere).await;
        let stranger = by_eve.billing().set_budget(budget).await;
        assert!(matches!(stranger, Err(ServiceError::Denied(Denied::NotVisible))));
        assert!(matches!(by_eve.billing().state(shop.acme).await, Err(ServiceError::Denied(Denied::NotVisible))));
        let ada = shop.as_ada().await;
        let of_eve = SetBudget { member: Some(eve.user), ..budget };
        assert_eq!(refusals(ada.billing().set_budget(of_eve).await), [(ErrorCode::NotFound, "userId".to_owned())]);
        for wrong in [-1, 1_000_000_000_001] {
            let wrong = SetBudget { characters: Some(wrong), ..budget };
            let refused = refusals(ada.billing().set_budget(wrong).await);
            assert_eq!(refused, [(ErrorCode::Invalid, "characters".to_owned())]);
        }
        assert_eq!(shop.instance.sql_count("budgets").await, 0);
    }
}
