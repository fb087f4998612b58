//! Where one period ends and the next begins.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use resonance_domain::{BillingPeriod, UsageGrain, UsageMetric, UsageSubject};
use resonance_services::{Quota, UsageDimension, UsagePeriod};
use resonance_testkit::on_both;

use super::{Shop, refusals, used_up};

fn until_end(now: DateTime<Utc>) -> TimeDelta {
    BillingPeriod::month_of(now).end - now
}

on_both! {
    async fn what_is_held_in_one_period_and_spoken_in_the_next_counts_once_in_the_first(backend: Backend) {
        let shop = Shop::new(backend).await;
        shop.set_budget(None, Some(10)).await;
        let clock = &shop.instance.clock;
        clock.advance(until_end(clock.now()) - TimeDelta::milliseconds(1));
        let last = clock.now();
        shop.ask(&shop.as_ada().await, "held").await.unwrap();
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(shop.state().await.spent, 0);
        shop.services().settle().await.unwrap();
        assert_eq!(shop.state().await.spent, 0);
        // The new period has all of its budget.
        shop.ask(&shop.as_ada().await, "ten chars.").await.unwrap();
        assert_eq!(used_up(shop.ask(&shop.as_ada().await, "x").await), (Quota::Organization, 10, 10));
        shop.services().settle().await.unwrap();
        let request = shop.as_ada().await;
        let usage = request.usage();
        let of = |day: DateTime<Utc>| UsagePeriod { from: day.date_naive(), until: day.date_naive() };
        let metric = UsageMetric::Characters;
        assert_eq!(usage.settled(shop.acme, metric, of(last)).await.unwrap(), 4);
        assert_eq!(usage.settled(shop.acme, metric, of(clock.now())).await.unwrap(), 10);
        let both = UsagePeriod { from: last.date_naive(), until: clock.now().date_naive() };
        let whole = UsageSubject::Organization;
        let months = usage.series(shop.acme, metric, UsageGrain::Month, &whole, both).await.unwrap();
        let months: Vec<_> = months.iter().map(|point| (point.start.month(), point.quantity)).collect();
        assert_eq!(months, [(last.month(), 4), (clock.now().month(), 10)]);
        assert!(shop.differences().await.is_empty());
    }

    async fn what_is_stopped_in_the_next_period_is_given_back_to_the_one_in_which_it_was_held(backend: Backend) {
        let shop = Shop::new(backend).await;
        let clock = &shop.instance.clock;
        clock.advance(until_end(clock.now()) - TimeDelta::seconds(1));
        let asked = shop.ask(&shop.as_ada().await, "held").await.unwrap();
        clock.advance(TimeDelta::seconds(1));
        shop.ask(&shop.as_ada().await, "more").await.unwrap();
        let ada = shop.as_ada().await;
        ada.generations().cancel(resonance_domain::InOrg::new(shop.acme, asked.id)).await.unwrap();
        assert_eq!(shop.state().await.spent, 4);
        assert!(shop.differences().await.is_empty());
    }

    async fn usage_is_told_by_hour_day_and_month_and_by_who_and_what(backend: Backend) {
        let shop = Shop::new(backend).await;
        let clock = &shop.instance.clock;
        // Begin on a first of the month, so that hours and days are known.
        clock.advance(until_end(clock.now()));
        let first = clock.now();
        shop.ask(&shop.as_ada().await, "four").await.unwrap();
        clock.advance(TimeDelta::hours(1));
        shop.ask(&shop.as_mel().await, "three").await.unwrap();
        clock.advance(TimeDelta::days(1));
        shop.ask(&shop.as_mel().await, "eleven char").await.unwrap();
        shop.services().settle().await.unwrap();
        let request = shop.as_ada().await;
        let usage = request.usage();
        let metric = UsageMetric::Characters;
        let period = UsagePeriod { from: first.date_naive(), until: clock.now().date_naive() };
        let series = async |grain, subject: UsageSubject| {
            let points = usage.series(shop.acme, metric, grain, &subject, period).await.unwrap();
            points.into_iter().map(|point| ((point.start - first).num_hours(), point.quantity)).collect::<Vec<_>>()
        };
        assert_eq!(series(UsageGrain::Hour, UsageSubject::Organization).await, [(0, 4), (1, 5), (25, 11)]);
        assert_eq!(series(UsageGrain::Day, UsageSubject::Organization).await, [(0, 9), (24, 11)]);
        assert_eq!(series(UsageGrain::Month, UsageSubject::Organization).await, [(0, 20)]);
        assert_eq!(series(UsageGrain::Day, UsageSubject::Member(shop.mel.user)).await, [(0, 5), (24, 11)]);
        assert_eq!(series(UsageGrain::Month, UsageSubject::Engine("test".to_owned())).await, [(0, 20)]);
        assert_eq!(series(UsageGrain::Month, UsageSubject::Voice(shop.voice.id())).await, [(0, 20)]);
        assert_eq!(series(UsageGrain::Day, UsageSubject::Engine("other".to_owned())).await, []);
        let engines = usage.by_engine(shop.acme, metric, period).await.unwrap();
        assert_eq!(engines.iter().map(|used| (used.engine.as_str(), used.quantity)).collect::<Vec<_>>(), [("test", 20)]);
        let table = usage.table(shop.acme, metric, UsageGrain::Day, UsageDimension::Member, period).await.unwrap();
        let mut table: Vec<_> = table
            .iter()
            .map(|cell| ((cell.start - first).num_hours(), cell.name.clone().unwrap_or_default(), cell.quantity))
            .collect();
        table.sort();
        assert_eq!(table, [(0, "Ada".to_owned(), 4), (0, "Mel".to_owned(), 5), (24, "Mel".to_owned(), 11)]);
        let long = UsagePeriod { from: period.from - TimeDelta::days(40), until: period.until };
        let refused = usage.series(shop.acme, metric, UsageGrain::Hour, &UsageSubject::Organization, long).await;
        assert_eq!(refusals(refused), [(resonance_domain::ErrorCode::Invalid, "from".to_owned())]);
    }
}
