//! Made-up populations.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use resonance_authz::{Actor, ReadMemberships, ReadUsage, ReadVoices, SignedIn, SystemGrant};
use resonance_domain::{Id, MembershipOrder, PageRequest, Session, UsageMetric, VoiceFilter, VoiceSort};
use resonance_persistence::{
    Authenticated, Database, MemberFilter, Population, PopulationSize, Repositories, StorageError,
    UsagePeriod,
};
use resonance_testkit::{Backend, TestDatabase, on_both};
use uuid::Uuid;

const SIZE: PopulationSize = PopulationSize {
    users: 50,
    organizations: 7,
    members_per_organization: 9,
    voices_per_organization: 3,
    generations_per_organization: 11,
};

fn now() -> DateTime<Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// Stores a population with a session for each of its members; the token hashes count up from `first_hash`.
async fn populate(database: &Database, seed: u64, first_hash: u8) -> Result<Population, StorageError> {
    let population = Population::new(SIZE, seed).unwrap();
    let sessions = population
        .members()
        .zip(first_hash..)
        .map(|(member, hash)| {
            let session = Session {
                id: Id::from_uuid(Uuid::from_u128(u128::from(hash))),
                user: member.user,
                active_organization: Some(member.organization),
                user_agent: None,
                ip_address: None,
                created_at: now(),
                last_used_at: now(),
                expires_at: now() + TimeDelta::days(1),
            };
            (session, [hash; 32])
        })
        .collect();
    let grant = SystemGrant::for_job();
    database.populate(&grant, &population, sessions, |_| ()).await?;
    Ok(population)
}

async fn authenticate(database: &Database, hash: u8) -> Authenticated {
    let grant = SystemGrant::for_job();
    let found = database
        .sessions()
        .authenticate(&grant, &[hash; 32], None, now())
        .await;
    found.unwrap().unwrap()
}

/// What the holder of a token sees.
async fn view(database: &Database, hash: u8) -> impl PartialEq + std::fmt::Debug + use<> {
    let authenticated = authenticate(database, hash).await;
    let standing = authenticated.standing.unwrap();
    let organization = standing.organization();
    let own = Actor::User(SignedIn {
        user: standing.user(),
        session: authenticated.session.id,
    })
    .own()
    .unwrap();
    let viewed = database.organizations().viewed(&own, organization).await.unwrap();
    let members = standing.grant::<ReadMemberships>().unwrap();
    let members = database
        .memberships()
        .page(
            &members,
            &MemberFilter::default(),
            MembershipOrder::Name,
            false,
            &PageRequest::first(100),
        )
        .await;
    let voices = standing.grant::<ReadVoices>().unwrap();
    let voices = database
        .voices()
        .page(
            &voices,
            &VoiceFilter::default(),
            VoiceSort::default(),
            &PageRequest::first(100),
        )
        .await;
    (authenticated.user, viewed, members.unwrap(), voices.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_numbers_give_the_same_population_on_both_databases() {
    let (sqlite, postgres) = tokio::join!(
        TestDatabase::new(Backend::Sqlite),
        TestDatabase::new(Backend::Postgres)
    );
    populate(&sqlite.database, 1, 0).await.unwrap();
    populate(&postgres.database, 1, 0).await.unwrap();
    populate(&postgres.database, 2, 100).await.unwrap();
    for hash in [0, 20, 40] {
        let seen = view(&sqlite.database, hash).await;
        assert_eq!(seen, view(&postgres.database, hash).await);
        assert_ne!(seen, view(&postgres.database, hash + 100).await);
    }
}

on_both! {
    async fn seeding_twice_is_refused_and_changes_nothing(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        populate(&test.database, 1, 0).await.unwrap();
        let before = view(&test.database, 0).await;

        let smaller = PopulationSize { users: 40, ..SIZE };
        for size in [SIZE, smaller] {
            let again = Population::new(size, 1).unwrap();
            let refused = test.database.populate(&SystemGrant::for_job(), &again, Vec::new(), |_| ()).await;
            assert!(refused.unwrap_err().is_unique());
        }
        assert_eq!(view(&test.database, 0).await, before);
    }

    async fn what_the_history_holds_is_counted_and_charged(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        let population = populate(&test.database, 1, 0).await.unwrap();
        let standing = authenticate(&test.database, 0).await.standing.unwrap();
        assert_eq!(Some(standing.organization()), population.members().next().map(|member| member.organization));
        let grant = standing.grant::<ReadUsage>().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let ever = UsagePeriod { from: day("2024-01-01"), until: day("2026-01-01") };
        let usage = test.database.usage_totals();
        assert_eq!(usage.settled(&grant, UsageMetric::CustomVoices, ever).await.unwrap(), 3);
        let settled = usage.settled(&grant, UsageMetric::Characters, ever).await.unwrap();
        assert!(settled > 11 * 20, "{settled}");
        assert_eq!(usage.held(&grant).await.unwrap(), 0);
    }
}
