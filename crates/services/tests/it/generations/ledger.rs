//! What was used.

use chrono::{NaiveDate, TimeDelta};
use resonance_authz::Denied;
use resonance_domain::{ErrorCode, UsageDay, UsageMetric};
use resonance_services::{CreateGeneration, MemberUsage, ServiceError, UsagePeriod, VoiceUsage};
use resonance_testkit::on_both;

use super::{Studio, refusals};

const CHARACTERS: UsageMetric = UsageMetric::Characters;

on_both! {
    async fn usage_is_told_by_day_by_member_and_by_voice(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, neighbour) = studio.neighbour().await;
        let clara = studio.instance.custom_voice(studio.organization, "Clara").await;
        let first_day = studio.instance.clock.now().date_naive();
        studio.ask("four").await;
        studio.as_mel().await.generations().create(studio.input("seventh")).await.unwrap();
        neighbour.generations().create(studio.input("four")).await.unwrap();
        studio.services().settle().await.unwrap();
        studio.instance.clock.advance(TimeDelta::days(2));
        let third_day = studio.instance.clock.now().date_naive();
        let by_clara = CreateGeneration { voice: clara.global_id(), ..studio.input("elevenchars") };
        studio.as_mel().await.generations().create(by_clara).await.unwrap();
        studio.services().settle().await.unwrap();
        studio.ask("held").await;

        let request = studio.as_ada().await;
        let (usage, organization) = (request.usage(), studio.organization);
        let period = UsagePeriod { from: first_day, until: third_day };
        assert_eq!(usage.settled(organization, CHARACTERS, period).await.unwrap(), 22);
        assert_eq!(usage.held(organization).await.unwrap(), 4);
        let day = |day, quantity| UsageDay { day, quantity };
        assert_eq!(
            usage.by_day(organization, CHARACTERS, period).await.unwrap(),
            [day(first_day, 11), day(third_day, 11)]
        );
        let member = |person: &resonance_testkit::Person, quantity| MemberUsage { user: Some(person.user), quantity };
        assert_eq!(
            usage.by_member(organization, CHARACTERS, period).await.unwrap(),
            [member(&studio.mel, 18), member(&studio.ada, 4)]
        );
        let voice = |voice: resonance_domain::VoiceAddress, name: &str, quantity| VoiceUsage {
            voice: Some(voice.id()),
            scope: Some(voice.scope()),
            name: Some(name.into()),
            quantity,
        };
        let mut by_voice = usage.by_voice(organization, CHARACTERS, period).await.unwrap();
        by_voice.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(by_voice, [voice(clara, "Clara", 11), voice(studio.voice, "Vera", 11)]);

        let later = UsagePeriod { from: third_day, until: third_day };
        assert_eq!(usage.settled(organization, CHARACTERS, later).await.unwrap(), 11);
        assert_eq!(usage.by_day(organization, CHARACTERS, later).await.unwrap(), [day(third_day, 11)]);
        assert_eq!(usage.settled(organization, UsageMetric::CustomVoices, period).await.unwrap(), 0);

        assert_eq!(neighbour.usage().settled(elsewhere, CHARACTERS, period).await.unwrap(), 4);
        for hidden in [
            neighbour.usage().settled(organization, CHARACTERS, period).await,
            neighbour.usage().held(organization).await,
        ] {
            assert!(matches!(hidden, Err(ServiceError::Denied(Denied::NotVisible))));
        }
        assert!(neighbour.usage().by_day(organization, CHARACTERS, period).await.is_err());
        assert!(neighbour.usage().by_member(organization, CHARACTERS, period).await.is_err());
        assert!(neighbour.usage().by_voice(organization, CHARACTERS, period).await.is_err());
    }

    async fn a_period_is_the_month_so_far_unless_said_otherwise(backend: Backend) {
        let studio = Studio::new(backend).await;
        let request = studio.as_ada().await;
        let today = studio.instance.clock.now().date_naive();
        let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day);
        let month = request.usage().period(None, None).unwrap();
        assert_eq!((month.from.to_string(), month.until), (today.format("%Y-%m-01").to_string(), today));
        let past = request.usage().period(None, date(2026, 2, 15)).unwrap();
        assert_eq!((Some(past.from), Some(past.until)), (date(2026, 2, 1), date(2026, 2, 15)));
        let whole_year = request.usage().period(date(2025, 12, 31), date(2026, 12, 31));
        assert!(whole_year.is_ok());
        for (from, until) in [(date(2026, 3, 2), date(2026, 3, 1)), (date(2020, 1, 1), date(2026, 3, 1))] {
            assert_eq!(refusals(request.usage().period(from, until)), [(ErrorCode::Invalid, "from".to_owned())]);
        }
    }

    async fn lines_of_the_ledger_cannot_be_changed(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.ask("Hello").await;
        let organization = studio.instance.sql_id(studio.organization.as_uuid());
        let change = format!("UPDATE usage_entries SET quantity = 1 WHERE organization_id = {organization}");
        let instance = std::sync::Arc::new(studio.instance);
        let task = tokio::spawn(async move { instance.sql(&change).await });
        assert!(task.await.unwrap_err().is_panic());
    }
}
