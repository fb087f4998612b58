//! Subscriptions, as the provider tells of them.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::Denied;
use resonance_billing::WebhookRefusal;
use resonance_domain::{ErrorCode, EventKind, SubscriptionStatus};
use resonance_polar_sandbox::{Change, Faults, Status};
use resonance_services::{PlanTerms, ServiceError, WebhookOutcome};
use resonance_testkit::on_both;
use serde_json::{Value, json};

use super::{PRODUCT, Shop, refusals, told_of};

fn lacking(
    outcome: &resonance_services::Outcome<resonance_domain::Generation>,
) -> Option<Option<SubscriptionStatus>> {
    match outcome {
        Err(ServiceError::SubscriptionRequired { status }) => Some(*status),
        _ => None,
    }
}

/// A subscription as it would be told after a change at a time.
fn changed(told: &Value, at: DateTime<Utc>, change: impl FnOnce(&mut Value)) -> Value {
    let mut told = told.clone();
    told["modified_at"] = json!(at);
    change(&mut told);
    told
}

fn modified(told: &Value) -> DateTime<Utc> {
    let at = told["modified_at"]
        .as_str()
        .unwrap_or(told["created_at"].as_str().unwrap());
    at.parse().unwrap()
}

async fn poll(shop: &Shop) {
    shop.instance.services.poll_subscriptions().await.unwrap();
    shop.instance.services.settle().await.unwrap();
}

on_both! {
    async fn nobody_speaks_without_a_subscription_and_everybody_does_once_it_is_paid(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let (ada, mel) = (shop.as_ada().await, shop.as_mel().await);
        assert_eq!(lacking(&shop.ask(&mel, "no").await), Some(None));
        assert_eq!(refusals(ada.billing().portal(None).await), [(ErrorCode::Conflict, String::new())]);
        let by_mel = mel.billing().checkout(None, None).await;
        assert!(matches!(by_mel, Err(ServiceError::Denied(Denied::Forbidden { .. }))));
        let url = ada.billing().checkout(None, None).await.unwrap();
        let checkout = url.rsplit('/').next().unwrap();
        let completed = sandbox.complete_checkout(checkout).unwrap();
        // The webhook is still on its way: what is known here decides.
        assert_eq!(lacking(&shop.ask(&mel, "no").await), Some(None));
        poll(&shop).await;
        let state = shop.state().await;
        let subscription = state.subscription.unwrap();
        assert_eq!((subscription.status, subscription.reference), (SubscriptionStatus::Active, completed.subscription_id));
        assert!(state.entitled && state.provider == Some("Polar"));
        assert_eq!(state.estimate.unwrap().total().to_string(), "9");
        shop.ask(&mel, "yes").await.unwrap();
        assert!(ada.billing().portal(None).await.unwrap().contains("/portal/"));
        assert_eq!(refusals(ada.billing().checkout(None, None).await), [(ErrorCode::Conflict, String::new())]);
        let invoices = ada.billing().invoices(shop.acme).await.unwrap();
        assert_eq!(invoices.iter().map(|one| (one.amount, one.paid)).collect::<Vec<_>>(), [(900, true)]);
        for kind in [EventKind::CheckoutCreated, EventKind::BillingPortalOpened, EventKind::SubscriptionUpdated] {
            assert_eq!(shop.instance.sql_count(&format!("events WHERE kind = '{}'", kind.as_str())).await, 1, "{kind:?}");
        }
    }

    async fn each_status_means_what_it_says(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |settings| settings.past_due_grace = TimeDelta::days(3)).await;
        let told = shop.subscribe(&sandbox).await;
        let id = told["id"].as_str().unwrap().to_owned();
        let ada = shop.as_ada().await;
        let all = [
            (Status::Trialing, true), (Status::Active, true), (Status::PastDue, true), (Status::Unpaid, false),
            (Status::Paused, false), (Status::Incomplete, false), (Status::IncompleteExpired, false),
            (Status::Canceled, false),
        ];
        for (status, speaks) in all {
            let change = Change { status: Some(status), ..Change::default() };
            let told = sandbox.set_subscription(&id, change).unwrap();
            shop.deliver("subscription.updated", &told).await;
            let asked = shop.ask(&ada, &format!("{status:?}")).await;
            assert_eq!(asked.is_ok(), speaks, "{status:?}");
            assert_eq!(shop.state().await.entitled, speaks, "{status:?}");
            assert_eq!(lacking(&asked).is_some(), !speaks, "{status:?}");
        }
    }

    async fn a_payment_that_fails_is_forgiven_for_some_days(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |settings| settings.past_due_grace = TimeDelta::days(3)).await;
        let told = shop.subscribe(&sandbox).await;
        let since = shop.instance.clock.now();
        let failing = changed(&told, modified(&told) + TimeDelta::seconds(1), |told| {
            told["status"] = json!("past_due");
            told["past_due_at"] = json!(since);
        });
        shop.deliver("subscription.past_due", &failing).await;
        shop.instance.clock.advance(TimeDelta::days(3) - TimeDelta::seconds(1));
        shop.ask(&shop.as_ada().await, "still").await.unwrap();
        shop.instance.clock.advance(TimeDelta::seconds(1));
        let asked = shop.ask(&shop.as_ada().await, "no more").await;
        assert_eq!(lacking(&asked), Some(Some(SubscriptionStatus::PastDue)));
    }

    async fn one_that_ends_with_its_period_ends_though_nobody_tells_of_it(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let told = shop.subscribe(&sandbox).await;
        let end = shop.instance.clock.now() + TimeDelta::days(2);
        let ending = changed(&told, modified(&told) + TimeDelta::seconds(1), |told| {
            told["cancel_at_period_end"] = json!(true);
            told["current_period_end"] = json!(end);
        });
        shop.deliver("subscription.canceled", &ending).await;
        let held = shop.ask(&shop.as_ada().await, "held").await.unwrap();
        shop.instance.clock.advance(TimeDelta::days(2));
        assert!(lacking(&shop.ask(&shop.as_ada().await, "later").await).is_some());
        // What is held is spoken, and paid for.
        shop.services().settle().await.unwrap();
        let address = resonance_domain::InOrg::new(shop.acme, held.id);
        let spoken = shop.as_ada().await.generations().get(address).await.unwrap();
        assert_eq!(spoken.state, resonance_domain::GenerationState::Succeeded);
    }

    async fn a_renewal_that_is_late_by_a_day_changes_nothing_about_the_periods(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let told = shop.subscribe(&sandbox).await;
        // Midnight in Auckland.
        let (start, end) = ("2026-11-13T11:00:00Z", "2026-12-13T11:00:00Z");
        let clock = &shop.instance.clock;
        let within: DateTime<Utc> = "2026-12-13T10:59:59.999Z".parse().unwrap();
        clock.advance(within - clock.now());
        let told = changed(&told, modified(&told) + TimeDelta::seconds(1), |told| {
            told["current_period_start"] = json!(start);
            told["current_period_end"] = json!(end);
        });
        shop.deliver("subscription.updated", &told).await;
        shop.ask(&shop.as_ada().await, "old").await.unwrap();
        assert_eq!((shop.state().await.spent, shop.state().await.period.key()), (3, "2026-11-13T11:00:00Z".to_owned()));
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!((shop.state().await.spent, shop.state().await.period.key()), (0, "2026-12-13T11:00:00Z".to_owned()));
        shop.ask(&shop.as_ada().await, "newer").await.unwrap();
        clock.advance(TimeDelta::days(1));
        let renewed = changed(&told, modified(&told) + TimeDelta::days(1), |told| {
            told["current_period_start"] = json!(end);
            told["current_period_end"] = json!("2027-01-13T11:00:00Z");
        });
        shop.deliver("subscription.updated", &renewed).await;
        assert_eq!((shop.state().await.spent, shop.state().await.period.key()), (5, "2026-12-13T11:00:00Z".to_owned()));
        // The provider would take nothing from the future.
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        shop.services().settle().await.unwrap();
        assert!(shop.differences().await.is_empty());
    }

    async fn what_comes_twice_late_and_in_any_order_ends_as_the_provider_has_it(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let first = shop.subscription(&sandbox, Status::Incomplete);
        let at = modified(&first);
        let active = changed(&first, at + TimeDelta::seconds(1), |told| told["status"] = json!("active"));
        let failing = changed(&first, at + TimeDelta::seconds(2), |told| told["status"] = json!("past_due"));
        let again = changed(&first, at + TimeDelta::seconds(3), |told| told["status"] = json!("active"));
        for told in [&active, &again, &failing, &first, &again, &active, &failing, &again] {
            assert_eq!(shop.deliver("subscription.updated", told).await, WebhookOutcome::Taken);
        }
        assert_eq!(shop.state().await.subscription.unwrap().status, SubscriptionStatus::Active);
        let told = shop.instance.sql_count("events WHERE kind = 'subscription.updated'").await;
        assert_eq!(told, 2, "what is no news is not recorded");
        // An older subscription that ends late takes nothing away from the one that counts.
        let mut old = changed(&first, at + TimeDelta::hours(1), |told| told["status"] = json!("canceled"));
        old["id"] = json!("an-older-one");
        old["created_at"] = json!(at - TimeDelta::days(90));
        shop.deliver("subscription.revoked", &old).await;
        assert!(shop.state().await.entitled);
    }

    async fn what_others_say_in_the_providers_name_is_not_believed(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let told = shop.subscription(&sandbox, Status::Active);
        let forged = shop.deliver_signed("subscription.created", &told, "another secret").await;
        assert_eq!(forged, WebhookOutcome::Refused(WebhookRefusal::Forged));
        assert!(shop.state().await.subscription.is_none());
        let nothing = shop.services().billing_webhook(&|_| None, b"{}").await.unwrap();
        assert_eq!(nothing, WebhookOutcome::Refused(WebhookRefusal::Forged));
        let unreadable = shop.deliver("subscription.created", &json!({ "id": 1 })).await;
        assert_eq!(unreadable, WebhookOutcome::Refused(WebhookRefusal::Unreadable));
        assert_eq!(shop.deliver("order.created", &json!({ "id": 1 })).await, WebhookOutcome::Taken);
        let nobody = Shop::new(backend).await;
        assert_eq!(nobody.deliver("subscription.created", &told).await, WebhookOutcome::NotExpected);
        // A customer that is none of ours, and an organization's subscription that another claims.
        let mut foreign = told.clone();
        foreign["customer"]["external_id"] = json!("somebody");
        assert_eq!(shop.deliver("subscription.created", &foreign).await, WebhookOutcome::Taken);
        assert!(shop.state().await.subscription.is_none());
        shop.deliver("subscription.created", &told).await;
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let mut claimed = changed(&told, modified(&told) + TimeDelta::hours(1), |_| ());
        claimed["customer"]["external_id"] = json!(elsewhere.type_id());
        shop.deliver("subscription.updated", &claimed).await;
        let there = shop.instance.request_in(&eve, elsewhere).await;
        assert!(there.billing().state(elsewhere).await.unwrap().subscription.is_none());
        assert!(shop.state().await.subscription.is_some());
    }

    async fn whoever_buys_a_plan_has_it_until_it_is_over(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let olga = shop.instance.sign_up("Olga", "olga@resonance.test").await;
        shop.instance.services.add_operator(&olga.email).await.unwrap();
        let operators = shop.instance.request_of(&olga).await;
        let terms = PlanTerms {
            name: "Studio".to_owned(),
            included_characters: Some(4),
            price: Some("1".to_owned()),
            member_limit: Some(42),
            product: Some(PRODUCT.to_owned()),
            ..PlanTerms::default()
        };
        let plan = operators.operators().create_plan(terms, "for sale").await.unwrap();
        let ada = shop.as_ada().await;
        assert_eq!(ada.billing().plans(shop.acme).await.unwrap().len(), 1);
        let url = ada.billing().checkout(None, Some(plan.id)).await.unwrap();
        sandbox.complete_checkout(url.rsplit('/').next().unwrap()).unwrap();
        poll(&shop).await;
        let state = shop.state().await;
        assert_eq!(state.plan.map(|plan| plan.id), Some(plan.id));
        shop.ask(&ada, "five.").await.unwrap();
        assert_eq!(shop.state().await.estimate.unwrap().total().to_string(), "9.001");
        let id = state.subscription.unwrap().reference;
        let over = Change { status: Some(Status::Canceled), ..Change::default() };
        let told = sandbox.set_subscription(&id, over).unwrap();
        shop.deliver("subscription.revoked", &told).await;
        assert!(shop.state().await.plan.is_none());
        assert!(lacking(&shop.ask(&ada, "over").await).is_some());
    }

    async fn a_plan_that_is_made_after_the_purchase_reaches_whoever_bought_its_product(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        assert!(shop.state().await.plan.is_none());
        let olga = shop.instance.sign_up("Olga", "olga@resonance.test").await;
        shop.instance.services.add_operator(&olga.email).await.unwrap();
        let operators = shop.instance.request_of(&olga).await;
        let terms = PlanTerms { name: "Later".to_owned(), product: Some(PRODUCT.to_owned()), ..PlanTerms::default() };
        operators.operators().create_plan(terms, "for those who are there").await.unwrap();
        assert_eq!(shop.state().await.plan.map(|plan| plan.name).as_deref(), Some("Later"));
        let told = shop.instance.sql_count("events WHERE kind = 'organization.plan_assigned' AND organization_id IS NOT NULL");
        assert_eq!(told.await, 1);
    }

    async fn an_invoice_is_read_by_whoever_manages_billing_and_by_no_other_organization(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let ada = shop.as_ada().await;
        let url = ada.billing().checkout(None, None).await.unwrap();
        let order = sandbox.complete_checkout(url.rsplit('/').next().unwrap()).unwrap().order_id;
        assert!(ada.billing().invoice_url(None, &order).await.unwrap().is_some());
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let by_eve = shop.instance.request_in(&eve, elsewhere).await;
        assert_eq!(by_eve.billing().invoice_url(None, &order).await.unwrap(), None);
        let by_mel = shop.as_mel().await.billing().invoice_url(None, &order).await;
        assert!(matches!(by_mel, Err(ServiceError::Denied(Denied::Forbidden { .. }))));
    }

    async fn what_is_known_decides_while_the_provider_is_down(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        let ada = shop.as_ada().await;
        shop.ask(&ada, "speaks").await.unwrap();
        assert!(matches!(ada.billing().portal(None).await, Err(ServiceError::BillingUnavailable)));
        assert!(matches!(ada.billing().invoices(shop.acme).await, Err(ServiceError::BillingUnavailable)));
        shop.instance.services.poll_subscriptions().await.unwrap();
        shop.services().settle().await.unwrap();
        assert!(shop.state().await.entitled);
    }

    async fn what_a_deleted_organization_used_holds_nothing_up_once_nobody_is_paid_any_more(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        shop.subscribe(&sandbox).await;
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        shop.ask(&shop.as_ada().await, "used").await.unwrap();
        shop.services().settle().await.unwrap();
        shop.as_ada().await.organizations().delete(None).await.unwrap();
        shop.instance.clock.advance(TimeDelta::minutes(6));
        shop.services().settle().await.unwrap();
        assert_eq!(shop.instance.sql_count("organizations").await, 1, "the provider is to be told first");
        let without = shop.instance.without_billing();
        shop.instance.clock.advance(TimeDelta::minutes(6));
        without.settle().await.unwrap();
        assert_eq!(shop.instance.sql_count("organizations").await, 0);
    }

    async fn an_ending_that_a_node_without_the_provider_finds_is_left_to_one_that_knows_it(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let told = shop.subscribe(&sandbox).await;
        shop.as_ada().await.organizations().delete(None).await.unwrap();
        shop.instance.without_billing().settle().await.unwrap();
        shop.instance.clock.advance(TimeDelta::minutes(6));
        shop.services().settle().await.unwrap();
        let now = sandbox.renew(told["id"].as_str().unwrap());
        assert!(now.is_err(), "it is over: {now:?}");
    }

    async fn a_deleted_organization_pays_no_more(backend: Backend) {
        let (shop, sandbox) = Shop::paying(backend, |_| ()).await;
        let told = shop.subscribe(&sandbox).await;
        shop.ask(&shop.as_ada().await, "used").await.unwrap();
        shop.services().settle().await.unwrap();
        sandbox.set_faults(Faults { down: true, ..Faults::default() });
        let ada = shop.as_ada().await;
        shop.ask(&ada, "used while it is down").await.unwrap();
        shop.services().settle().await.unwrap();
        ada.organizations().delete(None).await.unwrap();
        shop.services().settle().await.unwrap();
        sandbox.set_faults(Faults::default());
        for _ in 0..4 {
            shop.instance.clock.advance(TimeDelta::minutes(6));
            shop.services().settle().await.unwrap();
        }
        let now = sandbox.renew(told["id"].as_str().unwrap());
        assert!(now.is_err(), "it is over: {now:?}");
        assert_eq!(told_of(&sandbox, shop.acme), 25);
        assert_eq!(shop.instance.sql_count("usage_entries").await + shop.instance.sql_count("organizations").await, 0);
    }
}
