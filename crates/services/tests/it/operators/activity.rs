//! Months: who was active, and how much was spoken.

use chrono::TimeDelta;
use resonance_domain::{Month, MonthlyActivity, RoleKey};
use resonance_services::Request;
use resonance_testkit::{Instance, on_both, verdict};

use super::operator;

async fn months(instance: &Instance, request: &Request) -> Vec<MonthlyActivity> {
    instance.services.settle().await.unwrap();
    request.operators().months(None, None).await.unwrap()
}

/// Turns the clock to the first days of the next month.
fn to_next_month(instance: &Instance) {
    let now = instance.clock_now();
    instance
        .clock
        .advance(Month::of(now).next().start() - now + TimeDelta::hours(30));
}

on_both! {
    async fn an_organization_is_active_if_two_members_signed_in_and_one_did_something(backend: Backend) {
        let instance = Instance::new(backend).await;
        // Sessions that nobody uses for long end; these go on into the next month.
        instance.clock.advance(Month::of(instance.clock_now()).next().start() - instance.clock_now() - TimeDelta::days(3));
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&olga).await;
        let of = |months: &[MonthlyActivity]| months.last().unwrap().active_organizations;
        // One member, however busy, is not two.
        assert_eq!(of(&months(&instance, &request).await), 0);
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        assert_eq!(of(&months(&instance, &request).await), 1);
        // Once is once.
        let input = resonance_services::UpdateOrganization { organization: Some(acme), description: Some("!".into()), ..Default::default() };
        instance.request_of(&ada).await.organizations().update(input.clone()).await.unwrap();
        assert_eq!(of(&months(&instance, &request).await), 1);

        to_next_month(&instance);
        let request = instance.request_of(&olga).await;
        let all = months(&instance, &request).await;
        assert_eq!(all.len(), 12);
        assert_eq!((all[10].active_organizations, all[11].active_organizations), (1, 0));
        // Both go on with sessions of last month, but do nothing.
        for person in [&ada, &bob] {
            let before = instance.sql_count("member_months").await;
            instance.request_of(person).await;
            while instance.sql_count("member_months").await == before {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(of(&months(&instance, &request).await), 0);
        let input = resonance_services::UpdateOrganization { description: Some("?".into()), ..input };
        instance.request_of(&ada).await.organizations().update(input).await.unwrap();
        assert_eq!(of(&months(&instance, &request).await), 1);
        // A month that is over stays as it was, whatever is deleted.
        request.operators().delete_organization(acme, true, "test").await.unwrap();
        assert_eq!(of(&months(&instance, &request).await), 1);
        assert_eq!(instance.sql_count("member_months").await, 0);

        let wrong = request.operators().months(Some("2000-01".parse().unwrap()), None).await;
        assert_eq!(verdict(&wrong), "INVALID first");
        let totals = request.operators().totals().await.unwrap();
        assert_eq!((totals.users, totals.organizations, totals.generations), (3, 0, 0));
    }
}
